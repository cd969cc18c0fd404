"""An answer on the screen: painted at once, seldom, once at the end, and never able to run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aqueduct_jupyter.kernel.answer import Answer
from aqueduct_jupyter.kernel.display import MIMETYPE, NotebookDisplay, TerminalDisplay, rendered

EVIL = "<img src=x onerror=alert(1)>"


class Screen:
    """Keeps what was painted; its clock goes on by a step whenever it is looked at."""

    def __init__(self, step: float) -> None:
        self.painted: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._step = step
        self._now = 0.0

    def publish(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        self.painted.append((data, metadata))

    def clock(self) -> float:
        self._now += self._step
        return self._now

    @property
    def bytes(self) -> int:
        return sum(len(json.dumps(data)) for data, _ in self.painted)


def grow(step: float, chunks: int = 4000) -> tuple[Screen, str]:
    screen = Screen(step)
    display = NotebookDisplay("markdown", screen.publish, screen.clock)
    text = ""
    for number in range(chunks):
        text += f"w{number % 1000:03d} \n"[:6]
        display.grow(Answer(text))
    display.end(Answer(text), "model \u00b7 1.0 s", {"model": "m"})
    return screen, text


@pytest.mark.parametrize("step", [0.001, 0.01, 0.1, 1.0])
def test_four_thousand_chunks_cost_under_three_megabytes_however_fast_they_come(
    step: float,
) -> None:
    screen, text = grow(step)
    assert len(text) == 24_000
    assert screen.bytes < 3_000_000


def test_the_first_words_are_painted_at_once_and_the_rest_ten_times_a_second() -> None:
    screen, _ = grow(0.01, chunks=100)
    assert screen.painted[0][0] == {"text/plain": "\u2026"}
    assert screen.painted[1][0] == {"text/markdown": "w000 \n"}
    assert len(screen.painted) <= 2 + 10 + 1


def test_the_last_painting_is_whole_and_says_where_it_comes_from() -> None:
    screen, text = grow(0.01, chunks=50)
    data, metadata = screen.painted[-1]
    assert data["text/plain"] == f"{text}\n\n[model \u00b7 1.0 s]"
    assert data["text/markdown"] == (
        f'{text}\n\n<small style="opacity: 0.7">model \u00b7 1.0 s</small>'
    )
    assert metadata == {MIMETYPE: {"model": "m"}}


@pytest.mark.parametrize("kind", ["markdown", "text", "code", "json", "html"])
def test_no_form_of_an_answer_can_run(kind: Any) -> None:
    for mime, shown in rendered(EVIL + "</iframe>`</code>", kind, "note").items():
        if mime == "text/markdown":
            assert "<img" not in shown or shown.startswith("```json\n")
        if mime == "text/html":
            assert shown.startswith('<iframe sandbox="" srcdoc="&lt;meta ')
            assert "default-src &#x27;none&#x27;" in shown, "nothing is loaded from elsewhere"
            assert "&gt;&lt;img" in shown
            assert shown.count("<") == 6, "the frame and the note's own tags"


@pytest.mark.parametrize("kind", ["markdown", "code", "json", "html"])
def test_a_note_shows_an_upstreams_words_letter_for_letter(kind: Any) -> None:
    note = f"{EVIL}*[x](javascript:1) ![](//e) $\\\\href{{x}}{{y}}$ \x1b]0;x\x07 `` \u202e"
    shown = rendered("Hi", kind, note)
    line = shown["text/html" if kind == "html" else "text/markdown"].rpartition("Hi")[2]
    assert "<img" not in line
    assert not set("[]`$\\") & set(line.replace("```", "")) or kind == "html"
    assert EVIL in shown["text/plain"], "plain text needs no escape"
    assert "\x1b" not in "".join(shown.values())
    assert "\u202e" not in "".join(shown.values())


def test_json_is_indented_and_cannot_leave_its_fence() -> None:
    shown = rendered('{"a":"```\\n<img src=x>"}', "json")["text/markdown"]
    assert shown.splitlines()[:2] == ["```json", "{"]
    assert shown.count("```") == 2
    broken = rendered("{`not json\n```\n<img src=x>", "json")["text/markdown"]
    assert broken.count("```") == 2


def test_a_terminal_gets_words_and_no_commands() -> None:
    written: list[str] = []
    display = TerminalDisplay(written.append)
    display.grow(Answer("Hel"))
    display.grow(Answer("Hello \x1b]0;owned\x07\x9b31m"))
    display.end(Answer("Hello \x1b]0;owned\x07\x9b31m!"), "note", {})
    assert "".join(written) == "Hello ]0;owned31m!\n[note]\n"


def test_an_answer_that_is_begun_again_is_shown_again() -> None:
    written: list[str] = []
    display = TerminalDisplay(written.append)
    for text in ("wrong", "", "right"):
        display.grow(Answer(text))
    assert "".join(written) == "wrong\nright"
