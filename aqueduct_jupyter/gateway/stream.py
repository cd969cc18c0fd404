"""This file is the judge of a streamed answer: which frames pass, and how the stream ended.

It sees bytes and gives bytes; where they come from and go to is left to :mod:`.chat`.

* Frames pass as the upstream wrote them. Only those that could matter to the judge are decoded:
  the end, an error, and the tokens. A few searches in a read's bytes find out that none does.
* The upstream is always asked for the tokens; a client that did not ask does not see them.
* Only a stream that said ``[DONE]`` is whole. Every other end is told to the client as an error
  event, and no ``[DONE]`` follows it, so a truncated answer never looks whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from ..protocol.chat import Usage
from ..protocol.errors import AqueductError, DisconnectedError
from ..protocol.sse import DONE, Event, FrameBuffer, decode_frame, encode_event, split_frames
from .failures import failure_from_event, read_json

__all__ = ["AnswerStream", "error_event", "read_usage"]

_MARKS = (b"[DONE]", b'"usage"', b'"error"', b"event:")
"""What stands in every frame that could matter to the judge."""

_DELTA = b'"delta"'

LARGEST_FRAME = 64 * 2**20
"""Bytes of one event that are waited for; a larger one is an error, not a full memory."""


class AnswerStream:
    """The state of one streamed answer.

    Args:
        upstream: the upstream's name, for messages.
        wants_usage: whether the client asked for the tokens.
        secrets: texts that must not be passed on in an error's message.

    Attributes:
        usage: the tokens, once the upstream has told them.
        error: what went wrong, once something has.
        is_done: whether ``[DONE]`` has been seen.
        has_begun: whether an event has passed.
        deltas: how many pieces of the answer have passed; about one a token.
    """

    def __init__(self, upstream: str, *, wants_usage: bool, secrets: tuple[str, ...] = ()) -> None:
        self._upstream = upstream
        self._wants_usage = wants_usage
        self._secrets = secrets
        self._buffer = FrameBuffer()
        self.usage: Usage | None = None
        self.error: AqueductError | None = None
        self.is_done = False
        self.has_begun = False
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
        if self._buffer.pending > LARGEST_FRAME:
            self.error = DisconnectedError(
                f"The upstream '{self._upstream}' sent an event that never ends."
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

    def passes(self, send: Callable[[bytes], bool], data: bytes) -> bool:
        """Send the upstream's next bytes as they are, if there is nothing to judge in them.

        Args:
            send: sends, or says that it cannot now.
            data: the bytes; where they were not sent, they have to be fed.
        """
        # Written out: what is called here is called for every chunk of every stream.
        if self.is_done or self.error or not self.has_begun or not self._buffer.is_whole(data):
            return False
        for mark in _MARKS:
            if mark in data:
                return False
        if not send(data):
            return False
        self.deltas += data.count(_DELTA)
        return True

    def end(self) -> None:
        """Note that the upstream ended the stream; without ``[DONE]`` that is an error."""
        if not self.is_over:
            self.error = DisconnectedError(
                f"The upstream '{self._upstream}' ended the stream before its answer was whole. "
                "What has arrived is incomplete; ask again."
            )

    def _judge(self, frame: bytes) -> bytes:
        if self.is_over:
            return b""
        event = decode_frame(frame) if _first_mark(frame) >= 0 else None
        if event is None:
            return frame
        if event.data.strip() == DONE:
            self.is_done = True
            return frame
        if event.name != "error" and b'"usage"' not in frame and b'"error"' not in frame:
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
        usage = read_usage(words)
        if usage is None:
            return frame
        self.usage = usage
        return frame if self._wants_usage else _without_usage(words, event)


def _first_mark(frames: bytes) -> int:
    """Say where the first frame is that could matter; -1: none does."""
    found = [at for mark in _MARKS if (at := frames.find(mark)) >= 0]
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
    return encode_event(Event(json.dumps(rest, ensure_ascii=False), event.name, event.id))
