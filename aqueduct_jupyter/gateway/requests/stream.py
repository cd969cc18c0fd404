"""The check of a streamed answer: which frames pass, and how the stream ended.

Bytes go in and bytes come out; :mod:`.chat` connects both ends.

* Frames pass as the upstream wrote them. Only frames that matter are decoded: the end, a finish
  reason, an error, and usage. A few searches in the bytes show if there is none. Null fields, such
  as the ``"usage": null`` that OpenAI and Azure put into every chunk, do not matter.
* The upstream is always asked for usage; a client that did not ask for it does not see it.
* A stream is complete if it sent ``[DONE]``, or if it gave every choice a ``finish_reason`` and
  then ended its body properly; in that case we add ``[DONE]``. For every other end the client gets
  an error event without ``[DONE]``, so a truncated answer never looks complete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from ...protocol.chat import Usage
from ...protocol.errors import AqueductError, DisconnectedError, UpstreamError
from ...protocol.sse import DONE, Event, FrameBuffer, decode_frame, encode_event, split_frames
from ..encoding import read_json
from ..upstreams.failures import failure_from_event
from ..upstreams.secrets import Secrets

__all__ = ["AnswerStream", "error_event", "read_usage"]

_MARKS = (b"[DONE]", b"event:")
_FIELDS = tuple(
    (field, field + b":null", field + b": null")
    for field in (b'"usage"', b'"error"', b'"finish_reason"')
)
"""Every frame that matters contains one of the marks, or one of the fields with a value."""

_FIELD = re.compile(rb'"(?:usage|error|finish_reason)"(?!\s*:\s*null)')

_DELTA = b'"delta"'

LARGEST_EVENT = 20 * 2**20
"""Size limit of one event, in bytes; a larger one is an error and cannot fill the memory."""

DONE_FRAME = encode_event(Event(DONE))


class AnswerStream:
    """The state of one streamed answer.

    Args:
        upstream: the upstream's name, for messages.
        wants_usage: whether the client asked for usage.
        choices: how many answers the client asked for.
        secrets: what must not be passed on in an error's message.

    Attributes:
        usage: the tokens, once the upstream has reported them.
        error: the error, if there was one.
        is_done: whether ``[DONE]`` has been seen.
        has_begun: whether an event has passed.
        is_judging: whether bytes are being checked, which later bytes must not overtake.
        deltas: how many chunks of the answer have passed; about one per token.
    """

    def __init__(
        self,
        upstream: str,
        *,
        wants_usage: bool,
        choices: int = 1,
        secrets: Secrets | None = None,
    ) -> None:
        self._upstream = upstream
        self._wants_usage = wants_usage
        self._unfinished = set(range(choices))
        self._secrets = secrets or Secrets()
        self._buffer = FrameBuffer()
        self.usage: Usage | None = None
        self.error: AqueductError | None = None
        self.is_done = False
        self.has_begun = self.is_judging = False
        self.deltas = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more from the upstream is passed on."""
        return self.is_done or self.error is not None

    def feed(self, data: bytes) -> bytes:
        """Check the upstream's next bytes and return those for the client, if any.

        An error event from the upstream sets ``error`` and is not returned; :func:`error_event`
        writes our own.
        """
        if self.is_over:
            return b""
        frames = self._buffer.feed(data)
        if self._buffer.pending > LARGEST_EVENT:
            self.error = DisconnectedError(
                f"The upstream '{self._upstream}' sent an event of more than "
                f"{LARGEST_EVENT // 2**20} MB."
            )
        mark = _first_mark(frames)
        if mark >= 0:
            # A read may be large, so frames before the first one that matters are not split.
            end = frames.rfind(b"\n\n", 0, mark)
            plain, rest = (frames[: end + 2], frames[end + 2 :]) if end >= 0 else (b"", frames)
            frames = b"".join((plain, *map(self._judge, split_frames(rest))))
        if frames:
            self.deltas += frames.count(_DELTA)
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
        if _first_mark(data) >= 0 or not send(data):
            return False
        self.deltas += data.count(_DELTA)
        return True

    def refusal(self, body: bytes) -> AqueductError:
        """Return the error for a body that came instead of a stream."""
        decoded = read_json(body)
        if isinstance(decoded, dict) and decoded.get("error"):
            return failure_from_event(self._upstream, decoded, self._secrets)
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
        if self._unfinished:
            self.error = DisconnectedError(
                f"The upstream '{self._upstream}' ended the stream before its answer was complete. "
                "Send the request again."
            )
            return last
        self.is_done = True
        return last + DONE_FRAME

    def _end_pending(self) -> bytes:
        if self.is_over or not self._buffer.pending:
            return b""
        rest = self._buffer.rest
        event = decode_frame(rest)
        is_event = event and (event.data.strip() == DONE or read_json(event.data) is not None)
        return self.feed(b"\n" if rest.endswith(b"\n") else b"\n\n") if is_event else b""

    def _judge(self, frame: bytes) -> bytes:
        if self.is_over:
            return b""
        event = decode_frame(frame) if _first_mark(frame) >= 0 else None
        if event is None:
            return frame
        if event.data.strip() == DONE:
            self.is_done = True
            return frame
        return self._judge_chunk(frame, event)

    def _judge_chunk(self, frame: bytes, event: Event) -> bytes:
        chunk = read_json(event.data)
        if not isinstance(chunk, dict):
            return frame
        if chunk.get("error") or event.name == "error":
            self.error = failure_from_event(
                self._upstream, chunk if chunk.get("error") else {"error": chunk}, self._secrets
            )
            return b""
        self._finish_choices(chunk.get("choices"))
        usage = read_usage(chunk)
        if usage is None:
            return frame
        self.usage = usage
        return frame if self._wants_usage else _without_usage(chunk, event)

    def _finish_choices(self, choices: Any) -> None:
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("finish_reason"):
                index = choice.get("index", 0)
                self._unfinished.discard(index if isinstance(index, int) else 0)


def _first_mark(frames: bytes) -> int:
    """Find the first mark of a frame that matters; -1 if there is none."""
    # Every chunk of every stream comes here. Counting is several times as fast as the regular
    # expression, which runs only if a field's value is not null.
    found = [at for mark in _MARKS if (at := frames.find(mark)) >= 0]
    for field, null, spaced in _FIELDS:
        count = frames.count(field)
        if count and count != frames.count(null) and count != frames.count(spaced):
            first = _FIELD.search(frames)
            found += [first.start()] if first else []
            break
    return min(found) if found else -1


def error_event(error: AqueductError) -> bytes:
    """Write an error as the last event of a stream, in the form that the OpenAI SDK recognizes."""
    return encode_event(Event(json.dumps(error.envelope())))


def read_usage(answer: dict[str, Any]) -> Usage | None:
    """Read the usage in a chunk or a whole answer; None if there is none."""
    try:
        return Usage.model_validate(answer["usage"]) if answer.get("usage") else None
    except ValidationError:
        return None


def _without_usage(chunk: dict[str, Any], event: Event) -> bytes:
    """Remove the usage from a chunk; a chunk without choices is dropped."""
    if not chunk.get("choices"):
        return b""
    rest = {key: value for key, value in chunk.items() if key != "usage"}
    # As ASCII, because some servers send lone surrogates, which UTF-8 cannot encode.
    return encode_event(Event(json.dumps(rest), event.name, event.id))
