"""The judge of a streamed answer: which frames pass, and how the stream ended.

It sees bytes and gives bytes; where they come from and go to is left to :mod:`.chat`.

* Frames pass as the upstream wrote them. Only those that could matter to the judge are decoded:
  the end, the reason for the end of a choice, an error, and the tokens. A few searches in a read's
  bytes find out that none does. ``"usage": null`` and its like, which OpenAI and Azure put into
  every chunk, matter to nobody.
* The upstream is always asked for the tokens; a client that did not ask does not see them.
* A stream is whole that said ``[DONE]``, or that gave every choice a ``finish_reason`` and then
  ended its body properly: then ``[DONE]`` is ours. Every other end is told to the client as an
  error event, and no ``[DONE]`` follows it, so a truncated answer never looks whole.
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
"""One of the marks, or of the fields with a value, stands in every frame that could matter."""

_FIELD = re.compile(rb'"(?:usage|error|finish_reason)"(?!\s*:\s*null)')

_DELTA = b'"delta"'

LARGEST_EVENT = 20 * 2**20
"""Bytes of one event that are waited for; a larger one is an error, not a full memory."""

DONE_FRAME = encode_event(Event(DONE))


class AnswerStream:
    """The state of one streamed answer.

    Args:
        upstream: the upstream's name, for messages.
        wants_usage: whether the client asked for the tokens.
        choices: how many answers the client asked for.
        secrets: what must not be passed on in an error's message.

    Attributes:
        usage: the tokens, once the upstream has told them.
        error: what went wrong, once something has.
        is_done: whether ``[DONE]`` has been seen.
        has_begun: whether an event has passed.
        is_judging: whether bytes are being judged elsewhere, which those that follow must not pass.
        deltas: how many pieces of the answer have passed; about one a token.
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
        """Whether nothing of the upstream is to be passed any more."""
        return self.is_done or self.error is not None

    def feed(self, data: bytes) -> bytes:
        """Take the upstream's next bytes and give those that go to the client, maybe none.

        After an error event of the upstream ``error`` is set and the event is not given:
        :func:`error_event` says it in our words.
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
            # The last read of a burst is large: what comes before the mark is not split.
            end = frames.rfind(b"\n\n", 0, mark)
            plain, rest = (frames[: end + 2], frames[end + 2 :]) if end >= 0 else (b"", frames)
            frames = b"".join((plain, *map(self._judge, split_frames(rest))))
        if frames:
            self.deltas += frames.count(_DELTA)
            self.has_begun = self.has_begun or b"data" in frames
        return frames

    def forward(self, send: Callable[[bytes], bool], data: bytes) -> bool:
        """Send the upstream's next bytes as they are, if there is nothing to judge in them.

        Args:
            send: sends, or says that it cannot now.
            data: the bytes; where they were not sent, they have to be fed.
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
        """Give the error that a body is, or is worth, that came in the place of a stream."""
        words = read_json(body)
        if isinstance(words, dict) and words.get("error"):
            return failure_from_event(self._upstream, words, self._secrets)
        return UpstreamError(
            f"The upstream '{self._upstream}' answered a request for a stream with something else."
        )

    @property
    def pending(self) -> int:
        """How many bytes wait for the end of their event."""
        return self._buffer.pending

    def end(self) -> bytes:
        """Note that the upstream ended the stream properly, and give what is still to be sent.

        A last event may lack its empty line. Where the answer is not whole, ``error`` is set.
        """
        last = self._end_pending()
        if self.is_over:
            return last
        if self._unfinished:
            self.error = DisconnectedError(
                f"The upstream '{self._upstream}' ended the stream before its answer was whole. "
                "What has arrived is incomplete; ask again."
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
        return self._judge_words(frame, event)

    def _judge_words(self, frame: bytes, event: Event) -> bytes:
        words = read_json(event.data)
        if not isinstance(words, dict):
            return frame
        if words.get("error") or event.name == "error":
            self.error = failure_from_event(
                self._upstream, words if words.get("error") else {"error": words}, self._secrets
            )
            return b""
        self._finish_choices(words.get("choices"))
        usage = read_usage(words)
        if usage is None:
            return frame
        self.usage = usage
        return frame if self._wants_usage else _without_usage(words, event)

    def _finish_choices(self, choices: Any) -> None:
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("finish_reason"):
                index = choice.get("index", 0)
                self._unfinished.discard(index if isinstance(index, int) else 0)


def _first_mark(frames: bytes) -> int:
    """Say where the first frame is that could matter; -1: none does."""
    # Every chunk of every stream comes here. Counting is several times as fast as the expression,
    # which is asked only where a field's value is something else than null.
    found = [at for mark in _MARKS if (at := frames.find(mark)) >= 0]
    for field, null, spaced in _FIELDS:
        count = frames.count(field)
        if count and count != frames.count(null) and count != frames.count(spaced):
            first = _FIELD.search(frames)
            found += [first.start()] if first else []
            break
    return min(found) if found else -1


def error_event(error: AqueductError) -> bytes:
    """Write an error as the last event of a stream, in the form that the OpenAI SDK raises."""
    return encode_event(Event(json.dumps(error.envelope())))


def read_usage(answer: dict[str, Any]) -> Usage | None:
    """Give the tokens that a chunk or a whole answer tells, or None where it tells none."""
    try:
        return Usage.model_validate(answer["usage"]) if answer.get("usage") else None
    except ValidationError:
        return None


def _without_usage(words: dict[str, Any], event: Event) -> bytes:
    """Take the tokens out of a chunk; a chunk that held nothing else vanishes."""
    if not words.get("choices"):
        return b""
    rest = {key: value for key, value in words.items() if key != "usage"}
    # As ASCII: halves of surrogate pairs, which some servers send, have no other form.
    return encode_event(Event(json.dumps(rest), event.name, event.id))
