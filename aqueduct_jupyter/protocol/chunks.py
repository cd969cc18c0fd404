"""The reader for one chunk of a streamed answer, or for a whole one, from any server.

Servers agree on the fields but not on their form: the text may be a list of parts, the finish
reason may be missing, a character may be split over two chunks. Anything unreadable becomes a
single error here, so it surprises nobody later. :class:`WholeCharacters` joins the pieces; their
use is up to the caller.

Source: ``CreateChatCompletionStreamResponse`` of the OpenAI API; Mistral's list of parts;
DeepSeek's, vLLM's, OpenRouter's and Ollama's names for a model's reasoning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import DisconnectedError
from .plain_text import plain_text

__all__ = [
    "MOST_TOKENS",
    "Said",
    "WholeCharacters",
    "first_choice",
    "nonsense",
    "read_chunk",
    "read_number",
    "read_text",
    "read_tokens",
    "whole_text",
]

MOST_TOKENS = 2**53 - 1
"""The largest integer that every JSON reader and every database can hold."""

_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Said:
    """The content of the first choice in a chunk or in a whole completion.

    Names are safe to display, or None if absent. Token counts are None if the server sent none.
    """

    text: str = ""
    reasoning: str = ""
    model: str | None = None
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


def read_chunk(chunk: Any, where: str = "delta") -> Said:
    """Read a chunk.

    Args:
        chunk: its decoded JSON.
        where: the field of a choice that holds the text: ``delta``, or ``message`` in a whole
            completion.

    Raises:
        DisconnectedError: it cannot be understood.
    """
    if not isinstance(chunk, Mapping):
        raise nonsense("the answer")
    choice = first_choice(chunk.get("choices"))
    message = choice.get(where)
    if not isinstance(message, Mapping | None):
        raise nonsense(where)
    message = message or {}
    usage = chunk.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    return Said(
        read_text(message.get("content"), "content"),
        read_text(message.get("reasoning_content") or message.get("reasoning"), "reasoning"),
        plain_text(chunk.get("model")) or None,
        plain_text(choice.get("finish_reason")) or None,
        read_tokens(usage.get("prompt_tokens")),
        read_tokens(usage.get("completion_tokens")),
    )


class WholeCharacters:
    """Joins pieces of text whose characters may be cut in half, as JavaScript servers do."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, piece: str) -> str:
        """Return the new text that is complete so far."""
        if not self._half and not _HALVES.search(piece):
            return piece
        text = self._half + piece
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return _joined(text.removesuffix(self._half) if self._half else text)

    def end(self) -> str:
        """Return the rest at the end; half a character becomes a replacement character."""
        half, self._half = self._half, ""
        return _joined(half)


def whole_text(text: str) -> str:
    """Return a text that can be encoded: halves of characters are joined or replaced."""
    joined = WholeCharacters()
    return joined.add(text) + joined.end()


def read_number(value: Any) -> Any:
    """Return a value if it is a finite number in range; otherwise None."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and -MOST_TOKENS <= value <= MOST_TOKENS else None


def _joined(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def first_choice(choices: Any) -> Mapping[str, Any]:
    """Return the first choice, or an empty one if there is none, as in the chunk with the usage.

    Raises:
        DisconnectedError: these are not choices.
    """
    if choices is not None and not isinstance(choices, list):
        raise nonsense("choices")
    for choice in choices or ():
        if not isinstance(choice, Mapping):
            raise nonsense("choices")
        if choice.get("index", 0) in (0, None):
            return choice
    return {}


def read_text(content: Any, where: str) -> str:
    """Return a text that may be missing or a list of parts; ``where`` names it in the error.

    Raises:
        DisconnectedError: it is neither.
    """
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise nonsense(where)
    return "".join(_part(part, where) for part in content)


def _part(part: Any, where: str) -> str:
    if isinstance(part, Mapping):
        # Other parts, such as Mistral's thinking and references, are not part of the answer.
        part = part.get("text", "") if part.get("type", "text") == "text" else ""
    if not isinstance(part, str):
        raise nonsense(where)
    return part


def read_tokens(count: Any) -> int | None:
    """Return a number of tokens; None if it is not one."""
    is_count = isinstance(count, int) and not isinstance(count, bool)
    return count if is_count and 0 <= count <= MOST_TOKENS else None


def nonsense(where: str) -> DisconnectedError:
    """Return the error for an answer that cannot be understood; ``where`` names its field."""
    return DisconnectedError(
        f"The server sent something that cannot be understood ({where}). What has arrived is "
        "incomplete; ask again, or choose another model."
    )
