"""The child process that reads documents, one after the other.

Documents are parsed in :mod:`.readers`, by way of :mod:`.text`, and the sandbox is in
:mod:`aqueduct_jupyter.gateway.children.sandbox`. :mod:`.processes` starts and stops the child,
limits its time, and talks to it over its standard input and output:

* A frame is four bytes with a length, then that many bytes. A request is two frames, JSON and the
  document; an answer is two frames, JSON and the text. The very first frame says that the child is
  ready, and how it is confined: ``is_limited`` (its memory), ``landlock`` and ``seccomp``.
* The first argument is how many bytes the child's memory may grow while it reads one document. The
  optional second argument ``open`` starts it without the sandbox.
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
from .text import read
from .unreadable import UnreadableError

if sys.platform != "win32":
    import resource

__all__ = ["FRAME_HEAD", "OPEN", "to_frame"]

FRAME_HEAD = 4
"""Bytes of the length before each frame."""

OPEN = "open"
"""The argument that starts a child without the sandbox."""

GROWTH_BEFORE_RETIREMENT = 128 * 2**20
"""Bytes by which a child's memory may stay larger after a document; beyond that it is replaced."""

_STATUS = "/proc/self/statm"
_STATUS_BYTES = 200

_Request = tuple[dict[str, Any], bytes]

# One word on one page. It has no cross-reference table; readers rebuild that if it is missing.
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
    """Return the bytes with their length before them."""
    return len(data).to_bytes(FRAME_HEAD, "big") + data


def main() -> None:
    """Answer requests until standard input ends."""
    # Ctrl-C in the terminal is meant for the server only.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Output that libraries print goes to the parent's log, never between the frames.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    memory = _Memory(int(sys.argv[1]))
    confinement = _confine(is_open=OPEN in sys.argv[2:])
    memory.begin()
    requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    _send(answers, {"is_limited": memory.is_limited, **confinement})
    while True:
        request, data = requests.get()
        memory.limit()
        answer, text = _answer(request, data)
        _send(answers, {**answer, "is_last": memory.is_kept}, text)


def _confine(*, is_open: bool) -> dict[str, bool]:
    """Load all libraries, and enter the sandbox."""
    landlock = not is_open and sandbox.enter(Path.cwd())
    _warm_up()
    return {"landlock": landlock, "seccomp": not is_open and sandbox.seal()}


def _warm_up() -> None:
    # This unpacks and loads libraries, and starts threads; after it, no file is written.
    read("pdf", _SAMPLE)
    read("html", b"<p>word")
    if sys.platform != "win32":
        for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
            resource.setrlimit(limit, (0, 0))


def _listen(requests: queue.SimpleQueue[_Request]) -> None:
    """Read requests; when the input ends, exit, even in the middle of a document."""
    try:
        while True:
            request = json.loads(_read_frame(sys.stdin.buffer))
            requests.put((request, _read_frame(sys.stdin.buffer)))
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


def _answer(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], str]:
    try:
        return {"reason": None}, read(request["kind"], data, request["charset"])
    except UnreadableError as error:
        sys.stderr.write(f"{error.reason}: {error.__cause__!r}"[:500] + "\n")
        return {"reason": error.reason}, ""
    except MemoryError:
        return {"reason": "memory"}, ""


class _Memory:
    """Limits this process's memory, relative to its use before a document."""

    def __init__(self, growth: int) -> None:
        self._growth = growth
        # Other systems have no such limit, or do not enforce it.
        self.is_limited = sys.platform == "linux"
        # Opened now, because the sandbox prevents opening it later.
        self._status = os.open(_STATUS, os.O_RDONLY) if self.is_limited else -1
        self._before = 0

    def begin(self) -> None:
        """Take the current use as the baseline: what the libraries need."""
        if self.is_limited:
            self._before = self._in_use()

    def limit(self) -> None:
        """Set the limit for the next document, from the current use."""
        if sys.platform == "linux":
            # RLIMIT_AS will not do: each of kreuzberg's threads reserves 64 MB that it never uses.
            _, hard = resource.getrlimit(resource.RLIMIT_DATA)
            most = self._in_use() + self._growth
            soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

    @property
    def is_kept(self) -> bool:
        """Whether a document left so much memory in use that the process should be replaced."""
        return self.is_limited and self._in_use() > self._before + GROWTH_BEFORE_RETIREMENT

    def _in_use(self) -> int:
        """Bytes that count for RLIMIT_DATA, from ``statm`` (proc(5))."""
        fields = os.pread(self._status, _STATUS_BYTES, 0).split()
        return int(fields[5]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
