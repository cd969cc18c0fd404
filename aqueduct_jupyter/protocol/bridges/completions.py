"""Text completions by a chat model: the prompt becomes a message, the answer a text.

A chat model answers a text where a completion model continues it, so what only makes sense for the
latter is refused.

Source: ``CreateCompletionRequest`` and ``CreateCompletionResponse`` of the OpenAI API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_json

from ..chat import Usage
from ..errors import InvalidRequestError
from ..fields import LONGEST_NAME
from ..items import Begin, Counted, Delta, End, Failed, ItemEvent
from ..plain_text import plain_text
from ..sse import DONE, Event, encode_event
from .forms import AnswerHead
from .writing import gather

__all__ = ["CompletionWriter", "chat_from_completion"]

_SAME = (
    "model",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "user",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
)
_SHOWN = ("text", "refusal")
_HARMLESS: Mapping[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "best_of": (None, 1),
    "echo": (None, False),
    "logprobs": (None,),
    "suffix": (None, ""),
}
"""Values of fields without a counterpart that change nothing."""


def chat_from_completion(body: Mapping[str, Any], *, length_field: str) -> dict[str, Any]:
    """Translate a request for an upstream that has only chat.

    Args:
        body: the body of a checked request.
        length_field: the upstream's name for the most tokens.

    Raises:
        InvalidRequestError: a field has no counterpart; ``param`` names it.
    """
    prompt = body["prompt"]
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str):
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise InvalidRequestError(
            "prompt must be one text: this upstream has only chat, which takes neither several "
            "prompts nor token ids.",
            param="prompt",
        )
    for name, value in body.items():
        if name in ("prompt", "max_tokens", *_SAME) or value in _HARMLESS.get(name, (None,)):
            continue
        field = plain_text(name, LONGEST_NAME)
        raise InvalidRequestError(
            f"{field} has no counterpart in the chat API, the only one that this "
            "upstream has. Leave it out, or choose another model.",
            param=field,
        )
    chat = {name: body[name] for name in _SAME if body.get(name) is not None}
    if body.get("max_tokens") is not None:
        chat[length_field] = body["max_tokens"]
    chat["messages"] = [{"role": "user", "content": prompt}]
    return chat


class CompletionWriter:
    """Writes one text completion; reasoning, refusals and calls have no place in it.

    Args:
        head: what is known of the answer before it begins.
    """

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        options = head.request.get("stream_options")
        self._wants_usage = bool(isinstance(options, dict) and options.get("include_usage"))
        self._texts: set[int] = set()
        self._usage: Usage | None = None

    def begin(self) -> bytes:
        """Write nothing: the first chunk has text."""
        return b""

    def write(self, event: ItemEvent) -> bytes:
        """Write an event's chunks, or nothing; after the end the stream is complete."""
        match event:
            case Begin(item, kind):
                if kind in _SHOWN:
                    self._texts.add(item)
            case Delta(item, text):
                return self._chunk(text, None) if item in self._texts else b""
            case Counted(usage):
                self._usage = usage
            case End(ending):
                return self._end(ending)
            case Failed(error):
                return encode_event(Event(to_json(error.envelope()).decode()))
        return b""

    def whole(self, events: Iterable[ItemEvent]) -> dict[str, Any]:
        """Write a whole answer.

        Raises:
            AqueductError: the answer failed.
        """
        answer = gather(events)
        text = "".join(item.text for item in answer.items if item.kind in _SHOWN)
        whole = self._object(text, _reason(answer.ending))
        return whole if answer.usage is None else {**whole, "usage": _counts(answer.usage)}

    def _end(self, ending: str) -> bytes:
        frames = self._chunk("", _reason(ending))
        if self._wants_usage and self._usage is not None:
            last = {**self._object("", None), "choices": [], "usage": _counts(self._usage)}
            frames += encode_event(Event(to_json(last).decode()))
        return frames + encode_event(Event(DONE))

    def _chunk(self, text: str, reason: str | None) -> bytes:
        return b"data: %b\n\n" % to_json(self._object(text, reason))

    def _object(self, text: str, reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}
        return {
            "id": self._head.id,
            "object": "text_completion",
            "created": self._head.created,
            "model": self._head.model,
            "choices": [choice],
        }


def _reason(ending: str) -> str:
    return "stop" if ending == "tool_calls" else ending


def _counts(usage: Usage) -> dict[str, int]:
    asked, written = usage.prompt_tokens, usage.completion_tokens
    return {
        "prompt_tokens": asked,
        "completion_tokens": written,
        "total_tokens": asked + written,
    }
