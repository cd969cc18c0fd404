"""Recorded answers: what is written is found again, and what somebody else wrote is checked."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.kernel.answer import Answer
from aqueduct_jupyter.kernel.recording import Place, Recording, question_hash, without_keys
from aqueduct_jupyter.protocol.errors import CellError

from ..standin import DONE, chunk
from .conftest import Shell


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0c", "\x1c", "\r", "\n"])
def test_a_separator_in_an_answer_does_not_part_its_line(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "a.chat.jsonl"
    Recording(path, "record").keep("key", Answer(f"a{separator}b"))
    found = Recording(path, "strict").find("key")
    assert found
    assert found.text == f"a{separator}b"


@pytest.mark.parametrize(
    "answer",
    [5, None, [], {"text": 5}, {"reasoning": ["x"]}, "x", {"text": None}],
)
def test_what_is_no_answer_is_passed_over(tmp_path: Path, answer: Any) -> None:
    path = tmp_path / "a.chat.jsonl"
    lines = [{"key": "a", "answer": answer}, {"key": "b", "answer": {"text": "Hi"}}]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n" + "[" * 100_000)
    recording = Recording(path, "replay")
    assert recording.find("a") is None
    assert recording.find("b") == Answer("Hi")


def test_names_that_somebody_wrote_are_fit_to_be_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.chat.jsonl"
    answer = {"text": "Hi \ud800", "model": "<b>\x1b\n" + "x" * 1000, "tokens_in": "5", "new": 1}
    path.write_text(json.dumps({"key": "a", "answer": answer}))
    found = Recording(path, "replay").find("a")
    assert found
    assert found.text == "Hi \ufffd"
    assert found.model
    assert found.model.startswith("<b> x")
    assert len(found.model) == 200
    assert found.tokens_in is None


@pytest.mark.parametrize("number", ["1e999", "NaN", "1" + "0" * 400, "true", '"5"'])
def test_a_number_that_cannot_be_counted_with_is_none(tmp_path: Path, number: str) -> None:
    path = tmp_path / "a.chat.jsonl"
    answer = f'{{"text": "Hi", "seconds": {number}, "tokens_in": {number}}}'
    path.write_text(f'{{"key": "a", "answer": {answer}}}')
    assert Recording(path, "replay").find("a") == Answer("Hi")


def test_what_could_not_be_written_is_not_kept(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "missing" / "a.chat.jsonl", "replay")
    with pytest.raises(OSError, match="missing"):
        recording.keep("key", Answer("Hi"))
    assert recording.find("key") is None


def test_equal_questions_have_an_order(tmp_path: Path) -> None:
    path = tmp_path / "a.chat.jsonl"
    recording = Recording(path, "record")
    for text in ("first", "second", "first"):
        recording.keep("joke", Answer(text), recording.number("joke"))
    again = Recording(path, "strict")
    told = [again.find("joke", again.number("joke")) for _ in range(4)]
    # Where more is asked than was recorded, the last answer counts.
    assert [answer.text for answer in told if answer] == ["first", "second", "first", "first"]


def test_a_cell_that_runs_again_gets_the_answers_that_it_got(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.chat.jsonl", "record")
    places = [("a", 1), ("b", 2), ("b", 2), ("a", 3), ("b", 4), ("c", 5)]
    numbers = [recording.number("joke", Place(*place)) for place in places]
    assert numbers == [0, 1, 2, 0, 1, 3]
    assert recording.number("other", Place("a", 6)) == 0


def test_answers_of_before_there_was_an_order_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.chat.jsonl"
    lines = [{"key": "a", "answer": {"text": text}} for text in ("old", "new")]
    lines += [
        {"key": "a", "number": number, "answer": {"text": "odd"}} for number in ("0", -1, 1.5)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = Recording(path, "strict").find("a", 3)
    assert found
    assert found.text == "new"


@pytest.mark.parametrize("mode", ["record", "replay"])
def test_a_place_that_cannot_be_written_is_found_before(tmp_path: Path, mode: Any) -> None:
    with pytest.raises(CellError, match=r"cannot be recorded in .*missing"):
        Recording(tmp_path / "missing" / "a.chat.jsonl", mode).check()
    good = tmp_path / "a.chat.jsonl"
    Recording(good, mode).check()
    assert not good.exists()
    Recording(tmp_path / "missing" / "a.chat.jsonl", "strict").check()


def test_checking_a_place_removes_no_answer_of_another_thread(tmp_path: Path) -> None:
    for number in range(50):
        path = tmp_path / f"{number}.chat.jsonl"
        recording = Recording(path, "replay")
        with ThreadPoolExecutor(8) as pool:
            done = [pool.submit(recording.check) for _ in range(8)]
            done += [pool.submit(recording.keep, f"k{key}", Answer("Hi")) for key in range(4)]
            done += [pool.submit(recording.check) for _ in range(8)]
        for each in done:
            each.result()
        assert len(path.read_text().splitlines()) == 4


def test_a_part_counts_by_what_was_meant() -> None:
    def hashed(text: str, **more: str) -> str:
        part = {"type": "text", "text": text, **more}
        return question_hash([{"role": "user", "content": [part]}], {})

    assert hashed("printed so", key="table 1") == hashed("printed otherwise", key="table 1")
    assert hashed("printed so", key="table 1") != hashed("printed so", key="table 2")
    assert hashed("one") != hashed("two")
    part = {"type": "text", "text": "x", "key": "k"}
    sent = without_keys([{"role": "user", "content": [part]}, {"role": "user", "content": "y"}])
    assert sent == [
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
        {"role": "user", "content": "y"},
    ]


class TestInCells:
    def test_an_attached_exception_comes_back(self, shell: Shell) -> None:
        shell.run("%chat record")
        with pytest.raises(ZeroDivisionError):
            shell.run("1 / 0")
        first = shell.ask("Why?", "--with err")
        assert all("key" not in part for part in shell.sent[0]["messages"][0]["content"])
        shell.standin.stop()
        shell.run("%chat reset\n%chat strict")
        with pytest.raises(ZeroDivisionError):
            shell.run("1 / 0")
        assert shell.ask("Why?", "--with err") == first

    def test_two_cells_with_the_same_question_get_two_answers(self, shell: Shell) -> None:
        shell.run("%chat record")
        for text in ("joke one", "joke two"):
            shell.standin.stream(chunk(text), DONE)
            assert shell.ask("Tell a joke", "--new") == text
        shell.run("%chat strict")
        told = [shell.ask("Tell a joke", "--new") for _ in range(2)]
        assert told == ["joke one", "joke two"]

    def test_nothing_is_asked_where_nothing_can_be_recorded(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        shell.magics.chats.record("record", str(tmp_path / "missing" / "x.jsonl"))
        with pytest.raises(CellError, match="cannot be recorded"):
            shell.ask("Hi")
        assert shell.sent == []

    @pytest.mark.parametrize("name", ["/sys/x.ipynb", r"C:\Users\me\x.ipynb", "gone.ipynb", "\0"])
    def test_a_notebook_that_is_not_there_is_none(
        self, shell: Shell, tmp_path: Path, name: str
    ) -> None:
        shell.names["__vsc_ipynb_file__"] = name
        assert shell.magics.chats.record("record") == Path("notebook.chat.jsonl")

    def test_who_runs_a_notebook_may_not_say_its_name(
        self, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "lesson.ipynb").write_text("{}")
        with monkeypatch.context() as named:
            named.setenv("JPY_SESSION_NAME", str(tmp_path / "lesson.ipynb"))
            shell.run("%chat record")
            assert shell.ask("Hi") == "Hello"
        assert (tmp_path / "lesson.chat.jsonl").exists()
        shell.run("%chat reset\n%chat strict")
        shell.standin.stop()
        assert shell.ask("Hi") == "Hello"

    def test_what_may_not_come_back_is_said(
        self, shell: Shell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Drawn:
            def _repr_png_(self) -> bytes:
                return b"\x89PNG"

        shell.names["drawn"] = Drawn()
        shell.ask("Look", "--with drawn")
        assert "may not be found again" not in capsys.readouterr().out
        shell.run("%chat record")
        shell.ask("Look", "--with drawn")
        assert "the picture of drawn is drawn anew each time" in capsys.readouterr().out
