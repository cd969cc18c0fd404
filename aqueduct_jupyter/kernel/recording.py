"""Recorded answers: a file beside the notebook that answers the same questions again.

An answer is found by a hash of the question: the model's name, the messages, the parameters and the
attachments' bytes. The hash contains no addresses or keys, so the same notebook finds its answers
on a plane, in class and in CI. Asking is in :mod:`.asking`.

The file is JSON Lines, one answer per line, in the order of recording; the last line for a hash
counts. A line left half written by a dying process is skipped.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ..protocol.conversation import Message
from ..protocol.errors import ReplayError
from .answer import Answer

__all__ = ["Mode", "Recording", "question_hash"]

Mode = Literal["off", "record", "replay", "strict"]
"""``record``: ask and record. ``replay``: answer from the file; ask and record what is missing.
``strict``: answer from the file only."""

SHOWN_HASH = 12


def question_hash(messages: Sequence[Message], parameters: Mapping[str, Any]) -> str:
    """Return the hash under which an answer is kept.

    Args:
        messages: the messages, with each file represented by the hash of its content.
        parameters: everything else that affects the answer; None counts as not given.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    question = {"messages": list(messages), "parameters": given}
    canonical = json.dumps(question, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()


class Recording:
    """The recorded answers in one file; usable from several threads.

    Args:
        path: the file; created with the first answer.
        mode: how it is used.
    """

    def __init__(self, path: Path, mode: Mode) -> None:
        self.path = path
        self.mode = mode
        self._lock = threading.Lock()
        self._answers = dict(self._read())

    def find(self, key: str) -> Answer | None:
        """Return the recorded answer for a hash, or None if the question must be asked.

        Raises:
            ReplayError: only recorded answers are allowed, and there is none.
        """
        if self.mode in ("off", "record"):
            return None
        fields = self._answers.get(key)
        if fields is not None:
            return Answer.from_dict(fields)
        if self.mode == "strict":
            raise ReplayError(
                f"No answer is recorded for this question ({key[:SHOWN_HASH]}) in "
                f"{self.path.name}. Record it with '%chat record' and run the cell once."
            )
        return None

    def keep(self, key: str, answer: Answer) -> None:
        """Record a complete answer.

        Raises:
            OSError: the file cannot be written.
        """
        if self.mode == "off":
            return
        line = json.dumps({"key": key, "answer": answer.as_dict()}, ensure_ascii=False)
        with self._lock:
            if self._answers.get(key) == answer.as_dict():
                return
            with self.path.open("a", encoding="utf-8") as file:
                # A line left half written by a dying process stays a line of its own.
                file.write(("" if self._ends_clean() else "\n") + line + "\n")
            self._answers[key] = answer.as_dict()

    def _ends_clean(self) -> bool:
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            if size == 0:
                return True
            file.seek(size - 1)
            return file.read(1) == b"\n"

    def _read(self) -> list[tuple[str, dict[str, Any]]]:
        if not self.path.is_file():
            return []
        found = []
        # Not splitlines(): some characters that it treats as line ends may occur in JSON.
        for line in self.path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                entry = json.loads(line)
                answer = Answer.from_dict(entry["answer"])
                found.append((str(entry["key"]), answer.as_dict()))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue
        return found
