"""The check of a streamed answer, common to all APIs: frames in, frames out.

What matters in an API's frames, and what ends its answers, is in :mod:`.stream` (chat, completions)
and :mod:`.event_streams` (Responses, Messages).

* Frames pass as the upstream wrote them. Only frames that matter are decoded; a few searches in the
  bytes show if there is none.
* Only what an API defines as its end makes an answer complete. For every other end the client gets
  an error event, so a truncated answer never looks complete.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ...protocol.chat import Usage
from ...protocol.errors import AqueductError, DisconnectedError, UpstreamError
from ...protocol.sse import Event, FrameBuffer, decode_frame, split_frames
from ..encoding import read_json
from ..upstreams.failures import failure_from_event
from ..upstreams.secrets import Secrets

__all__ = ["LARGEST_EVENT", "CheckedStream"]

LARGEST_EVENT = 20 * 2**20
"""Size limit of one event, in bytes; a larger one is an error and cannot fill the memory."""


class CheckedStream(ABC):
    """The state of one streamed answer.

    Args:
        upstream: the upstream's name, for messages.
        secrets: what must not be passed on in an error's message.

    Attributes:
        usage: the tokens, once the upstream has reported them.
        error: the error, if there was one.
        is_done: whether the answer's end has passed.
        has_begun: whether an event has passed.
        is_judging: whether bytes are being checked, which later bytes must not overtake.
        deltas: how many chunks of the answer have passed; about one per token.
        answer: the whole answer as a JSON object, if its API sends it at the end.
        restored: fields of the answer that the upstream cannot know, with their values.
    """

    delta_mark: ClassVar[bytes] = b'"delta"'
    """What each chunk of the answer contains once."""

    def __init__(self, upstream: str, secrets: Secrets | None = None) -> None:
        self._upstream = upstream
        self._secrets = secrets or Secrets()
        self._buffer = FrameBuffer()
        self.usage: Usage | None = None
        self.error: AqueductError | None = None
        self.is_done = False
        self.has_begun = self.is_judging = False
        self.deltas = 0
        self.answer: dict[str, Any] | None = None
        self.restored: Mapping[str, Any] = {}

    @property
    def is_over(self) -> bool:
        """Whether nothing more from the upstream is passed on."""
        return self.is_done or self.error is not None

    def feed(self, data: bytes) -> bytes:
        """Check the upstream's next bytes and return those for the client, if any.

        An error event from the upstream sets ``error`` and is not returned; :meth:`error_frames`
        writes our own.
        """
        if self.is_over:
            return b""
        frames = self._buffer.feed(data)
        self._check_pending()
        mark = self.first_mark(frames)
        if mark >= 0:
            # A read may be large, so frames before the first one that matters are not split.
            end = frames.rfind(b"\n\n", 0, mark)
            plain, rest = (frames[: end + 2], frames[end + 2 :]) if end >= 0 else (b"", frames)
            frames = b"".join((plain, *map(self._judge, split_frames(rest))))
        if frames:
            self.deltas += frames.count(self.delta_mark)
            self.has_begun = self.has_begun or b"data" in frames
        return frames

    def forward(self, send: Callable[[bytes], bool], data: bytes) -> bool:
        """Send the upstream's next bytes unchanged, if nothing in them needs a check.

        Args:
            send: sends bytes, or returns False if it cannot send now.
            data: the bytes. If this returns False, pass them to :meth:`feed`.
        """
        if self.is_over or self.is_judging or not self.has_begun:
            return False
        if not self._buffer.is_whole(data):
            return False
        if self.first_mark(data) >= 0 or not send(data):
            return False
        self.deltas += data.count(self.delta_mark)
        return True

    def refusal(self, body: bytes) -> AqueductError:
        """Return the error for a body that came instead of a stream."""
        decoded = read_json(body)
        if isinstance(decoded, dict) and decoded.get("error"):
            return self._failure(decoded)
        return UpstreamError(
            f"The upstream '{self._upstream}' did not answer a streaming request with a stream."
        )

    @property
    def pending(self) -> int:
        """How many bytes wait for the end of their event."""
        return self._buffer.pending

    def end(self) -> bytes:
        """Note that the upstream ended the stream properly, and return the last bytes to send.

        The last event may lack its empty line. If the answer is incomplete, ``error`` is set.
        """
        last = self._end_pending()
        if self.is_over:
            return last
        if not self.is_complete():
            self.error = DisconnectedError(
                f"The upstream '{self._upstream}' ended the stream before its answer was complete. "
                "Send the request again."
            )
            return last
        self.is_done = True
        return last + self.last_frames()

    @staticmethod
    @abstractmethod
    def first_mark(frames: bytes) -> int:
        """Find the first mark of a frame that matters; -1 if there is none."""

    @abstractmethod
    def judge(self, event: Event, frame: bytes) -> bytes:
        """Check an event that may matter, and return what is passed on of its frame."""

    @abstractmethod
    def error_frames(self, error: AqueductError) -> bytes:
        """Write an error as the last events of the stream, as the API's clients recognize it."""

    @abstractmethod
    def is_event(self, event: Event) -> bool:
        """Whether an event is whole, although its empty line is missing."""

    def is_complete(self) -> bool:
        """Whether the answer is complete if the stream ends properly here."""
        return False

    def last_frames(self) -> bytes:
        """Return what is added to a complete answer whose last event is missing."""
        return b""

    def _check_pending(self) -> None:
        if self._buffer.pending > LARGEST_EVENT:
            self.error = DisconnectedError(
                f"The upstream '{self._upstream}' sent an event of more than "
                f"{LARGEST_EVENT // 2**20} MB."
            )

    def _end_pending(self) -> bytes:
        if self.is_over or not self._buffer.pending:
            return b""
        rest = self._buffer.rest
        event = decode_frame(rest)
        if event is None or not self.is_event(event):
            return b""
        return self.feed(b"\n" if rest.endswith(b"\n") else b"\n\n")

    def _judge(self, frame: bytes) -> bytes:
        if self.is_over:
            return b""
        event = decode_frame(frame) if self.first_mark(frame) >= 0 else None
        return frame if event is None else self.judge(event, frame)

    def _failure(self, answer: Mapping[str, Any]) -> AqueductError:
        return failure_from_event(self._upstream, dict(answer), self._secrets)
