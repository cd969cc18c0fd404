"""This file is the child process that reads documents, one after the other.

How a document is read is left to :mod:`.text`; what the system keeps the child from, to
:mod:`aqueduct_jupyter.gateway.children.sandbox`; starting and stopping it, and the limit of time,
to :mod:`.processes`, which asks over the child's standard input and output:

* A frame is four bytes of length and that many bytes. A question is two frames, JSON and the
  document; an answer is two frames, JSON and the text. The first frame of all says that the child
  is ready, and what keeps it in: ``is_limited`` (its memory), ``landlock`` and ``seccomp``.
* The child's first argument is how many bytes its memory may grow while it reads one document. A
  second one, ``open``, asks it to do without the sandbox.
* The child lives as long as its standard input is open, so it dies with its parent.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

from ..children import sandbox
from .text import UnreadableError, read

if sys.platform != "win32":
    import resource

__all__ = ["FRAME_HEAD", "OPEN", "to_frame"]

FRAME_HEAD = 4
"""Bytes before each frame that say how long it is."""

OPEN = "open"
"""The argument that asks a child to do without the sandbox."""

GROWTH_BEFORE_RETIREMENT = 128 * 2**20
"""Bytes that a child may have kept after a document; one that kept more is replaced."""

_STATUS = "/proc/self/statm"
_STATUS_BYTES = 200

_Question = tuple[dict[str, Any], bytes]

# One word on one page; without a table of its objects, which readers make where it is missing.
_SAMPLE = b"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R
/Resources <</Font <</F <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>>>>> endobj
4 0 obj <</Length 30>> stream
BT /F 9 Tf 9 9 Td (word) Tj ET
endstream endobj
trailer <</Root 1 0 R>>
%%EOF
"""


def to_frame(data: bytes) -> bytes:
    """Write bytes with their length before them."""
    return len(data).to_bytes(FRAME_HEAD, "big") + data


def main() -> None:
    """Answer questions until standard input ends."""
    # A Ctrl-C for the server in the same terminal is not for its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print goes to the parent's log, never between the frames.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    memory = _Memory(int(sys.argv[1]))
    confinement = _confine(is_open=OPEN in sys.argv[2:])
    memory.begin()
    questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()
    _send(answers, {"is_limited": memory.is_limited, **confinement})
    while True:
        order, data = questions.get()
        memory.limit()
        answer, text = _answer(order, data)
        _send(answers, {**answer, "is_last": memory.is_kept}, text)


def _confine(*, is_open: bool) -> dict[str, bool]:
    """Load all that documents need, and give up whatever else this process could do."""
    landlock = not is_open and sandbox.enter(Path.cwd())
    _warm_up()
    return {"landlock": landlock, "seccomp": not is_open and sandbox.seal()}


def _warm_up() -> None:
    # Unpacks and loads libraries, and starts threads; after this, no file is written.
    read("pdf", _SAMPLE)
    if sys.platform != "win32":
        for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
            resource.setrlimit(limit, (0, 0))


def _listen(questions: queue.SimpleQueue[_Question]) -> None:
    """Read questions; where there are no more, end, even in the middle of a document."""
    try:
        while True:
            order = json.loads(_read_frame(sys.stdin.buffer))
            questions.put((order, _read_frame(sys.stdin.buffer)))
    finally:
        os._exit(0)


def _read_frame(stream: BinaryIO) -> bytes:
    head = stream.read(FRAME_HEAD)
    if len(head) < FRAME_HEAD:
        raise EOFError
    return stream.read(int.from_bytes(head, "big"))


def _send(answers: BinaryIO, answer: dict[str, Any], text: str | None = None) -> None:
    answers.write(to_frame(json.dumps(answer).encode()))
    if text is not None:
        answers.write(to_frame(text.encode(errors="replace")))
    answers.flush()


def _answer(order: dict[str, Any], data: bytes) -> tuple[dict[str, Any], str]:
    try:
        return {"reason": None}, read(order["kind"], data, order["charset"])
    except UnreadableError as error:
        sys.stderr.write(f"{error.reason}: {error.__cause__!r}"[:500] + "\n")
        return {"reason": error.reason}, ""
    except MemoryError:
        return {"reason": "memory"}, ""


class _Memory:
    """How much memory this process may take, counted from what it had before a document."""

    def __init__(self, growth: int) -> None:
        self._growth = growth
        # Elsewhere there is no such limit, or the system does not keep it.
        self.is_limited = sys.platform == "linux"
        # Opened now, because the sandbox does not let it be opened later.
        self._status = os.open(_STATUS, os.O_RDONLY) if self.is_limited else -1
        self._before = 0

    def begin(self) -> None:
        """Take what is in use for what the libraries need."""
        if self.is_limited:
            self._before = self._in_use()

    def limit(self) -> None:
        """Let the next document take as much as every other."""
        if sys.platform == "linux":
            # RLIMIT_AS will not do: each of kreuzberg's threads reserves 64 MB that it never uses.
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            most = self._in_use() + self._growth
            soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

    @property
    def is_kept(self) -> bool:
        """Whether so much of a document's memory was kept that a new process is better."""
        return self.is_limited and self._in_use() > self._before + GROWTH_BEFORE_RETIREMENT

    def _in_use(self) -> int:
        """Bytes that count for RLIMIT_DATA, as Linux tells them (proc(5), ``statm``)."""
        words = os.pread(self._status, _STATUS_BYTES, 0).split()
        return int(words[5]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
