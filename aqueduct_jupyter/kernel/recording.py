"""Recorded answers: a file beside the notebook that answers the same questions again.

An answer is found by a hash of the question: the model's name, the messages, the parameters and the
attachments. An attachment counts by what it contains, not by how it was printed, so addresses,
process ids and library versions are not in the hash; nor are the server's address and keys. The
same notebook finds its answers on a plane, in class and in CI.

Equal questions have an order: the second "Tell me a joke" gets the second answer. A cell that runs
again gets the answers that it got before.

The file is JSON Lines, one answer per line, in the order of recording; the last line for a hash and
its number counts. A line left half written by a dying process is skipped.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..protocol.conversation import Message
from ..protocol.errors import CellError, ReplayError
from .answer import Answer

__all__ = ["Mode", "Place", "Recording", "question_hash", "without_keys"]

Mode = Literal["off", "record", "replay", "strict"]
"""``record``: ask and record. ``replay``: answer from the file; ask and record what is missing.
``strict``: answer from the file only."""

SHOWN_HASH = 12

_KEY = "key"
"""The field of a message part that says what was meant; it is never sent."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question is asked: a cell, and which of its runs."""

    cell: str
    execution: int


def question_hash(messages: Sequence[Message], parameters: Mapping[str, Any]) -> str:
    """Return the hash under which an answer is kept.

    Args:
        messages: the messages, with each file represented by the hash of its content.
        parameters: everything else that affects the answer; None counts as not given.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    meant = [{**message, "content": _meant(message.get("content"))} for message in messages]
    question = {"messages": meant, "parameters": given}
    canonical = json.dumps(question, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()


def without_keys(messages: Sequence[Message]) -> list[Message]:
    """Return messages as they are sent, without what only a recording needs."""
    return [
        {**message, "content": [_sent(part) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in messages
    ]


def _meant(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [{_KEY: part[_KEY]} if _KEY in part else part for part in content]


def _sent(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != _KEY}


class _Order:
    """Numbers equal questions in the order in which they are asked."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        self._runs: dict[tuple[str, str], tuple[int, int, int]] = {}

    def number(self, key: str, place: Place | None) -> int:
        """Return the number of a question, counted from 0."""
        if place is None:
            number = self._next.get(key, 0)
        else:
            execution, first, at = self._runs.get(
                (key, place.cell), (place.execution, self._next.get(key, 0), 0)
            )
            if execution != place.execution:
                execution, at = place.execution, 0
            number = first + at
            self._runs[key, place.cell] = execution, first, at + 1
        self._next[key] = max(self._next.get(key, 0), number + 1)
        return number


class Recording:
    """The recorded answers in one file; usable from several threads.

    Args:
        path: the file; created with the first answer.
        mode: how it is used.
        others: more files to read answers from, for a notebook whose name is not known.
    """

    def __init__(self, path: Path, mode: Mode, others: Sequence[Path] = ()) -> None:
        self.path = path
        self.mode = mode
        self._lock = threading.Lock()
        self._order = _Order()
        self._answers: dict[str, dict[int, dict[str, Any]]] = {}
        for file in (*others, path):
            for key, number, answer in _read(file):
                self._answers.setdefault(key, {})[number] = answer

    def number(self, key: str, place: Place | None = None) -> int:
        """Return which of several equal questions this is, counted from 0."""
        with self._lock:
            return self._order.number(key, place)

    def find(self, key: str, number: int = 0) -> Answer | None:
        """Return the recorded answer for a hash, or None if the question must be asked.

        Where fewer equal questions were recorded, the last answer counts.

        Raises:
            ReplayError: only recorded answers are allowed, and there is none.
        """
        if self.mode in ("off", "record"):
            return None
        answers = self._answers.get(key)
        if answers:
            return Answer.from_dict(answers.get(number) or answers[max(answers)])
        if self.mode == "strict":
            raise ReplayError(
                f"No answer is recorded for this question ({key[:SHOWN_HASH]}) in "
                f"{self.path.name}. Record it with '%chat record' and run the cell once."
            )
        return None

    def check(self) -> None:
        """Check that answers can be written, before anything is asked.

        Raises:
            CellError: they cannot.
        """
        if self.mode not in ("record", "replay"):
            return
        try:
            with self._lock:  # or a file is removed that another thread has begun
                is_new = not self.path.exists()
                with self.path.open("ab"):
                    pass
                if is_new:
                    self.path.unlink()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise CellError(
                f"Answers cannot be recorded in {self.path}: {reason}. Choose another file with "
                "'%chat record FILE', or turn recording off with '%chat record off'."
            ) from None

    def keep(self, key: str, answer: Answer, number: int = 0) -> None:
        """Record a complete answer.

        Raises:
            OSError: the file cannot be written.
        """
        if self.mode == "off":
            return
        kept = answer.as_dict()
        line = json.dumps({"key": key, "number": number, "answer": kept}, ensure_ascii=False)
        with self._lock:
            if self._answers.get(key, {}).get(number) == kept:
                return
            # Text from elsewhere may have lone surrogates, which no file can hold.
            with self.path.open("a", encoding="utf-8", errors="replace") as file:
                # A line left half written by a dying process stays a line of its own.
                file.write(("" if self._ends_clean() else "\n") + line + "\n")
            self._answers.setdefault(key, {})[number] = kept

    def _ends_clean(self) -> bool:
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            if size == 0:
                return True
            file.seek(size - 1)
            return file.read(1) == b"\n"


def _read(path: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    try:
        # Not splitlines(): some characters that it treats as line ends may occur in JSON.
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except (OSError, ValueError):
        return
    for line in lines:
        try:
            entry = json.loads(line)
            answer = Answer.from_dict(entry["answer"])
            number = entry.get("number", 0)
            if type(number) is int and number >= 0:
                yield str(entry["key"]), number, answer.as_dict()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
