"""This file is recorded answers: a file beside the notebook that answers the same questions again.

An answer is found by a hash of what was asked: the model's name, the messages, the parameters and
the attachments' bytes. Neither addresses nor keys are in it, so the same notebook finds it on a
plane, in class and in CI. Asking is left to :mod:`.asking`.

The file is JSON Lines, one answer in each, in the order in which they were recorded; the last one
of a hash counts. A line that was half written when a process died is passed over.
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
"""``record``: ask and write. ``replay``: answer from the file, and ask and write what is missing.
``strict``: answer from the file only."""

SHOWN_HASH = 12


def question_hash(messages: Sequence[Message], parameters: Mapping[str, Any]) -> str:
    """Give the hash under which an answer is kept.

    Args:
        messages: as they are asked, files by their content.
        parameters: all others that change the answer; None counts as not given.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    words = {"messages": list(messages), "parameters": given}
    canonical = json.dumps(words, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()


class Recording:
    """The recorded answers in one file; usable from several threads.

    Args:
        path: the file; it is made with the first answer.
        mode: what is done with it.
    """

    def __init__(self, path: Path, mode: Mode) -> None:
        self.path = path
        self.mode = mode
        self._lock = threading.Lock()
        self._answers = dict(self._read())

    def find(self, key: str) -> Answer | None:
        """Give the recorded answer of a hash, or None where one has to be asked for.

        Raises:
            ReplayError: only recorded answers are allowed, and there is none.
        """
        if self.mode in ("off", "record"):
            return None
        words = self._answers.get(key)
        if words is not None:
            return Answer.from_dict(words)
        if self.mode == "strict":
            raise ReplayError(
                f"No answer is recorded for this question ({key[:SHOWN_HASH]}) in "
                f"{self.path.name}. Record it with '%chat record' and run the cell once."
            )
        return None

    def keep(self, key: str, answer: Answer) -> None:
        """Record a whole answer.

        Raises:
            OSError: the disk refuses.
        """
        if self.mode == "off":
            return
        line = json.dumps({"key": key, "answer": answer.as_dict()}, ensure_ascii=False)
        with self._lock:
            if self._answers.get(key) == answer.as_dict():
                return
            with self.path.open("a", encoding="utf-8") as file:
                # What a dying process left half written stays a line of its own.
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
        # Not splitlines(): characters that it takes for line ends may stand inside of JSON.
        for line in self.path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                words = json.loads(line)
                answer = Answer.from_dict(words["answer"])
                found.append((str(words["key"]), answer.as_dict()))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue
        return found
