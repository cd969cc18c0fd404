"""Recorded answers: what is written is found again, and what somebody else wrote is checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.kernel.answer import Answer
from aqueduct_jupyter.kernel.recording import Recording


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
