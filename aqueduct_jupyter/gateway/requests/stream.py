"""The check of a streamed chat: its end, its finish reasons, errors and usage.

What is common to all APIs is in :mod:`.checked_stream`; a streamed completion has the same form.

* Frames that matter are the end, a finish reason, an error, and usage. Null fields, such as the
  ``"usage": null`` that OpenAI and Azure put into every chunk, do not matter.
* The upstream is always asked for usage; a client that did not ask for it does not see it.
* A stream is complete if it sent ``[DONE]``, or if it gave every choice a ``finish_reason`` and
  then ended its body properly; in that case we add ``[DONE]``. For every other end the client gets
  an error event without ``[DONE]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ...protocol.chat import Usage
from ...protocol.errors import AqueductError
from ...protocol.sse import DONE, Event, encode_event
from ..encoding import read_json
from ..upstreams.secrets import Secrets
from .checked_stream import CheckedStream

__all__ = ["AnswerStream", "error_event", "read_usage"]

_MARKS = (b"[DONE]", b"event:")
_FIELDS = tuple(
    (field, field + b":null", field + b": null")
    for field in (b'"usage"', b'"error"', b'"finish_reason"')
)
"""Every frame that matters contains one of the marks, or one of the fields with a value."""

_FIELD = re.compile(rb'"(?:usage|error|finish_reason)"(?!\s*:\s*null)')

DONE_FRAME = encode_event(Event(DONE))


class AnswerStream(CheckedStream):
    """The state of one streamed chat.

    Args:
        upstream: the upstream's name, for messages.
        wants_usage: whether the client asked for usage.
        choices: how many answers the client asked for.
        secrets: what must not be passed on in an error's message.
    """

    def __init__(
        self,
        upstream: str,
        *,
        wants_usage: bool,
        choices: int = 1,
        secrets: Secrets | None = None,
    ) -> None:
        super().__init__(upstream, secrets)
        self._wants_usage = wants_usage
        self._unfinished = set(range(choices))

    @staticmethod
    def first_mark(frames: bytes) -> int:
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

    def judge(self, event: Event, frame: bytes) -> bytes:
        """Check an event that may matter, and return what is passed on of its frame."""
        if event.data.strip() == DONE:
            self.is_done = True
            return frame
        return self._judge_chunk(frame, event)

    def error_frames(self, error: AqueductError) -> bytes:
        """Write an error as the last event, in the form that the OpenAI SDK recognizes."""
        return error_event(error)

    def is_event(self, event: Event) -> bool:
        """Whether an event is whole, although its empty line is missing."""
        return event.data.strip() == DONE or read_json(event.data) is not None

    def is_complete(self) -> bool:
        """Whether every choice has finished."""
        return not self._unfinished

    def last_frames(self) -> bytes:
        """Return the end that the upstream left out."""
        return DONE_FRAME

    def _judge_chunk(self, frame: bytes, event: Event) -> bytes:
        chunk = read_json(event.data)
        if not isinstance(chunk, dict):
            return frame
        if chunk.get("error") or event.name == "error":
            self.error = self._failure(chunk if chunk.get("error") else {"error": chunk})
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


def error_event(error: AqueductError) -> bytes:
    """Write an error as the last event of a stream, in the form that the OpenAI SDK recognizes."""
    return encode_event(Event(json.dumps(error.envelope())))


def read_usage(answer: Mapping[str, Any]) -> Usage | None:
    """Read the usage in a chunk or a whole answer of any API; None if there is none."""
    usage = answer.get("usage")
    if not isinstance(usage, dict) or not usage:
        return None
    # Responses, Messages and some other APIs have other names for the same counts.
    names = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
    counts = {name: usage[other] for name, other in names.items() if other in usage}
    try:
        counted = Usage.model_validate({**counts, **usage})
        # Anthropic counts what went through its cache apart.
        cached = Usage.model_validate(
            {
                "prompt_tokens": usage.get("cache_creation_input_tokens") or 0,
                "completion_tokens": usage.get("cache_read_input_tokens") or 0,
            }
        )
        counted.prompt_tokens += cached.prompt_tokens + cached.completion_tokens
        return counted
    except ValidationError:
        return None


def _without_usage(chunk: dict[str, Any], event: Event) -> bytes:
    """Remove the usage from a chunk; a chunk without choices is dropped."""
    if not chunk.get("choices"):
        return b""
    rest = {key: value for key, value in chunk.items() if key != "usage"}
    # As ASCII, because some servers send lone surrogates, which UTF-8 cannot encode.
    return encode_event(Event(json.dumps(rest), event.name, event.id))
