"""What one chunk of a streamed answer says, or a whole one: read from any server, and checked.

Servers agree on where things are, and not on their form: a text may be a list of parts, a reason
may be missing, a character may be split over two chunks. Whatever cannot be understood is one error
here, and nowhere a surprise. Joining the pieces is left to :class:`WholeCharacters`, and what
becomes of them to whoever asked.

Source: ``CreateChatCompletionStreamResponse`` of the OpenAI API; Mistral's list of parts;
DeepSeek's, vLLM's, OpenRouter's and Ollama's names for what a model thinks aloud.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import DisconnectedError
from .plain_text import plain_text

__all__ = ["MOST_TOKENS", "Said", "WholeCharacters", "read_chunk", "read_number", "whole_text"]

MOST_TOKENS = 2**53 - 1
"""What every program that reads JSON can count to, and every database hold."""

_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Said:
    """What the first answer of a chunk, or of a whole completion, says.

    Names are fit to be shown, and None where there is none; tokens are None where nobody told them.
    """

    text: str = ""
    reasoning: str = ""
    model: str | None = None
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


def read_chunk(words: Any, where: str = "delta") -> Said:
    """Read a chunk.

    Args:
        words: its decoded JSON.
        where: the field of a choice that holds the text: ``delta``, or ``message`` in a whole one.

    Raises:
        DisconnectedError: it makes no sense.
    """
    if not isinstance(words, Mapping):
        raise _nonsense("the answer")
    choice = _first(words.get("choices"))
    said = choice.get(where)
    if not isinstance(said, Mapping | None):
        raise _nonsense(where)
    said = said or {}
    usage = words.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    return Said(
        _text(said.get("content"), "content"),
        _text(said.get("reasoning_content") or said.get("reasoning"), "reasoning"),
        plain_text(words.get("model")) or None,
        plain_text(choice.get("finish_reason")) or None,
        _tokens(usage.get("prompt_tokens")),
        _tokens(usage.get("completion_tokens")),
    )


class WholeCharacters:
    """Joins pieces of a text whose characters may be cut in half, as JavaScript servers do."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, piece: str) -> str:
        """Give what is whole of the text so far, after what was given before."""
        if not self._half and not _HALVES.search(piece):
            return piece
        text = self._half + piece
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return _joined(text.removesuffix(self._half) if self._half else text)

    def end(self) -> str:
        """Give what is left at the end: half a character has a stand-in."""
        half, self._half = self._half, ""
        return _joined(half)


def whole_text(text: str) -> str:
    """Give a text whose halves of characters are joined, or have a stand-in: it can be written."""
    joined = WholeCharacters()
    return joined.add(text) + joined.end()


def read_number(value: Any) -> Any:
    """Give a number that can be counted and computed with; None for all else, such as NaN."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and -MOST_TOKENS <= value <= MOST_TOKENS else None


def _joined(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _first(choices: Any) -> Mapping[str, Any]:
    """Give the first answer; an empty choice where a chunk has none, as that of the tokens."""
    if not isinstance(choices, list | None):
        raise _nonsense("choices")
    for choice in choices or ():
        if not isinstance(choice, Mapping):
            raise _nonsense("choices")
        if choice.get("index", 0) in (0, None):
            return choice
    return {}


def _text(content: Any, where: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise _nonsense(where)
    return "".join(_part(part, where) for part in content)


def _part(part: Any, where: str) -> str:
    if isinstance(part, Mapping):
        # Other kinds of parts, such as Mistral's thoughts and references, are not the answer.
        part = part.get("text", "") if part.get("type", "text") == "text" else ""
    if not isinstance(part, str):
        raise _nonsense(where)
    return part


def _tokens(count: Any) -> int | None:
    is_count = isinstance(count, int) and not isinstance(count, bool)
    return count if is_count and 0 <= count <= MOST_TOKENS else None


def _nonsense(where: str) -> DisconnectedError:
    return DisconnectedError(
        f"The server sent something that cannot be understood ({where}). What has arrived is "
        "incomplete; ask again, or choose another model."
    )
