"""Turns: in the history at once, ended once, gone when their cell is run again; saved and read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.kernel.exports import load, save
from aqueduct_jupyter.kernel.transcript import transcript
from aqueduct_jupyter.protocol.conversation import Conversation, State, Turn
from aqueduct_jupyter.protocol.errors import CellError
from aqueduct_jupyter.protocol.exports import write_conversation
from aqueduct_jupyter.protocol.tokens import estimate_tokens


def said(conversation: Conversation, prompt: str, answer: str, state: State = "whole") -> Turn:
    turn = conversation.begin(prompt, prompt, cell=prompt)
    turn.answer = answer
    turn.end(state)
    return turn


def contents(conversation: Conversation, turn: Turn, most: int | None = None) -> list[str]:
    messages, _ = conversation.messages(turn, most_tokens=most)
    return [message["content"] for message in messages]


def test_a_turn_is_in_the_history_while_it_is_asked() -> None:
    conversation = Conversation()
    turn = conversation.begin("q", "q")
    assert conversation.last is turn
    assert turn.state == "running"


@pytest.mark.parametrize("first", ["whole", "stopped", "failed"])
def test_a_turn_ends_once(first: State) -> None:
    turn = Turn("q", "q")
    turn.end(first)
    turn.end("whole" if first != "whole" else "failed", "too late")
    assert (turn.state, turn.error) == (first, None)


def test_what_was_stopped_is_sent_with_its_part_and_what_failed_is_not() -> None:
    conversation = Conversation()
    said(conversation, "a", "A")
    said(conversation, "b", "half", "stopped")
    said(conversation, "c", "bad", "failed")
    said(conversation, "d", "", "stopped")
    turn = conversation.begin("e", "e")
    assert contents(conversation, turn) == ["a", "A", "b", "half", "e"]


def test_a_cell_that_is_run_again_goes_back_to_before_it() -> None:
    conversation = Conversation()
    for name in "abc":
        said(conversation, name, name.upper())
    turn = conversation.begin("b again", "b again", cell="b")
    assert contents(conversation, turn) == ["a", "A", "b again"]
    assert len(conversation.turns) == 2
    conversation.begin("no cell", "no cell")
    conversation.begin("no cell", "no cell")
    assert len(conversation.turns) == 4


def test_the_oldest_whole_turns_go_first() -> None:
    conversation = Conversation()
    for name in "abc":
        said(conversation, name * 30, name.upper() * 30)
    turn = conversation.begin("d" * 30, "d" * 30)
    all_messages, none = conversation.messages(turn, system="s")
    assert (len(all_messages), none) == (8, 0)
    for dropped in (1, 2, 3):
        room = estimate_tokens([all_messages[0], *all_messages[1 + 2 * dropped :]])
        messages, gone = conversation.messages(turn, system="s", most_tokens=room)
        assert gone == dropped
        assert messages[0]["role"] == "system"
        assert messages[-1]["content"] == "d" * 30
        assert len(messages) == 8 - 2 * dropped
    messages, gone = conversation.messages(turn, system="s", most_tokens=0)
    assert (len(messages), gone) == (2, 3)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=40)
HOSTILE = st.sampled_from(
    ["", "<!-- aqueduct end -->", "\\<!-- aqueduct turn {} -->", "\n\n", "**You**\n\n", "a -- b"]
)


@pytest.mark.parametrize("ending", [".json", ".md", ".ipynb"])
@given(st.lists(st.tuples(TEXTS | HOSTILE, TEXTS | HOSTILE), max_size=4))
def test_every_format_holds_the_whole(ending: str, turns: list[tuple[str, str]]) -> None:
    import tempfile

    conversation = Conversation("my talk")
    for prompt, answer in turns:
        turn = said(conversation, prompt, answer)
        turn.model, turn.content = "m -- 1", [{"type": "text", "text": prompt}]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"talk{ending}")
        save(conversation, path)
        assert load(path) == conversation


def test_markdown_is_for_people_and_a_notebook_is_one(tmp_path: Path) -> None:
    conversation = Conversation("talk")
    said(conversation, "What?", "That.")
    save(conversation, tmp_path / "a.md")
    assert "**You**\n\nWhat?\n" in (tmp_path / "a.md").read_text()
    save(conversation, tmp_path / "a.ipynb")
    notebook = json.loads((tmp_path / "a.ipynb").read_text())
    import nbformat

    nbformat.validate(notebook)
    assert notebook["cells"][0]["source"] == "**You**\n\nWhat?"


EVIL = "![](http://e.example/b?q=1) <img src=x onerror=alert(1)> [x](javascript:1)"


def test_a_markdown_export_runs_nothing_loads_nothing_and_loses_nothing(tmp_path: Path) -> None:
    conversation = Conversation(f"n\n<!-- aqueduct end -->{EVIL}")
    turn = said(conversation, EVIL, EVIL)
    turn.model, turn.error = EVIL, EVIL
    save(conversation, tmp_path / "a.md")
    text = (tmp_path / "a.md").read_text()
    outside = re.sub(r"<!-- aqueduct .*? -->", "", text)
    assert "<img" not in outside
    assert "![" not in outside
    assert "](javascript:" not in outside
    loaded = load(tmp_path / "a.md")
    assert loaded.turns == conversation.turns
    assert loaded.name == f"n <!-- aqueduct end -->{EVIL}"


def _forged(ending: str, field: str, value: Any) -> str:
    conversation = Conversation("talk")
    turn = said(conversation, "What?", "That.")
    if ending != ".ipynb":
        setattr(turn, field, value)
        return write_conversation(conversation, ending)
    # A notebook shows the fields, so they are forged where they are read again.
    notebook = json.loads(write_conversation(conversation, ending))
    notebook["cells"][0]["metadata"]["aqueduct"][field] = value
    return json.dumps(notebook)


@pytest.mark.parametrize("ending", [".json", ".md", ".ipynb"])
@pytest.mark.parametrize("value", [5, None, ["x"], {"a": 1}, [{"type": 5}], [{"type": "text"}]])
def test_a_file_of_somebody_else_is_checked_field_by_field(
    tmp_path: Path, ending: str, value: Any
) -> None:
    for field in Turn.__dataclass_fields__:
        path = tmp_path / f"a{ending}"
        try:
            path.write_text(_forged(ending, field, value))
            loaded = load(path)
        except (CellError, TypeError):
            continue  # refused with a sentence, or not even to be written
        (turn,) = loaded.turns
        for name in ("model", "error", "error_code", "request_id", "cell"):
            assert isinstance(getattr(turn, name), str | None)
        assert all(isinstance(note, str) for note in turn.notes)
        assert isinstance(turn.id, str)
        loaded.messages(turn, most_tokens=10)
        transcript(loaded.turns, "mark")


@pytest.mark.parametrize("ending", [".json", ".md", ".ipynb"])
def test_halves_of_characters_and_odd_numbers_are_read_as_what_can_be_written(
    tmp_path: Path, ending: str
) -> None:
    words = '"prompt": "\\ud800", "content": "x", "answer": "\\ud800"'
    turn = f'{{{words}, "time": NaN, "tokens_in": 1e999, "tokens_out": 1{"0" * 400}}}'
    path = tmp_path / "a.json"
    path.write_text(f'{{"format": "aqueduct-conversation", "name": "n", "turns": [{turn}]}}')
    save(load(path), tmp_path / f"b{ending}")
    (read,) = load(tmp_path / f"b{ending}").turns
    assert (read.prompt, read.tokens_in, read.time) == ("\ufffd", None, 0.0)
    assert "NaN" not in (tmp_path / f"b{ending}").read_text()
    assert not list(tmp_path.glob(".*.part"))


def test_leaving_out_turns_takes_the_oldest() -> None:
    conversation = Conversation()
    for number in range(5):
        said(conversation, f"{number}" * 30, "x" * 30)
    turn = conversation.begin("now", "now")
    messages, dropped = conversation.messages(turn, most_tokens=80)
    assert dropped == 3
    assert messages[0]["content"] == "3" * 30


@pytest.mark.parametrize("name", ["a.json", "a.md", "a.ipynb"])
@pytest.mark.parametrize("text", ["", "{}", "[]", "# Title\n", '{"cells": [], "metadata": {}}'])
def test_what_is_no_conversation_is_said(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CellError, match="no conversation"):
        load(tmp_path / name)
