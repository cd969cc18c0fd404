"""Estimates of tokens, where no upstream has counted them.

Each model has its own tokenizer, so an estimate counts characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["CHARACTERS_PER_TOKEN", "count_texts", "estimate_tokens"]

CHARACTERS_PER_TOKEN = 3
"""Characters per token; low, so that estimates err on the high side. English has about four, code
three."""

IMAGE_TOKENS = 1000
"""Estimated tokens of an image or a file."""


def estimate_tokens(messages: Sequence[dict[str, Any]]) -> int:
    """Estimate how many tokens messages of the API take."""
    return sum(_content_tokens(message["content"]) + 4 for message in messages)


def _content_tokens(content: str | list[dict[str, Any]] | None) -> int:
    if content is None:
        return 0
    if isinstance(content, str):
        return len(content) // CHARACTERS_PER_TOKEN + 1
    return sum(
        len(part["text"]) // CHARACTERS_PER_TOKEN + 1 if part["type"] == "text" else IMAGE_TOKENS
        for part in content
    )


def count_texts(value: Any) -> int:
    """Estimate the tokens of a text or of several; token ids are counted.

    Args:
        value: a text, a list of texts, a list of token ids, or several such lists.
    """
    values = value if isinstance(value, list) else [value]
    texts = sum(len(one) for one in values if isinstance(one, str))
    tokens = sum(len(one) if isinstance(one, list) else isinstance(one, int) for one in values)
    return texts // CHARACTERS_PER_TOKEN + tokens
