"""The log probabilities of an answer's tokens, which chat and Responses write alike.

Source: ``ChatCompletionTokenLogprob`` and ``LogProb`` of the OpenAI API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..chunks import read_number, whole_text

__all__ = ["TokenLogprob", "last_logprobs", "read_logprobs"]

TokenLogprob = dict[str, Any]
"""A token with its ``logprob``, its ``bytes``, and the ``top_logprobs`` in its place."""

_MOST_BYTES = 1024
"""Bytes of a token; none is nearly as long."""


def read_logprobs(tokens: Any) -> list[TokenLogprob]:
    """Read what an upstream sent; what is not a token with its log probability is left out."""
    read = []
    for token in tokens if isinstance(tokens, list) else ():
        if found := _token(token):
            top = token.get("top_logprobs")
            others = map(_token, top if isinstance(top, list) else ())
            read.append({**found, "top_logprobs": [other for other in others if other]})
    return read


def last_logprobs(tokens: list[TokenLogprob], text: str) -> list[TokenLogprob]:
    """Return the last tokens, as many as make up a text."""
    start, size = len(tokens), 0
    while start > 0 and size < len(text):
        start -= 1
        size += len(tokens[start]["token"])
    return tokens[start:]


def _token(token: Any) -> TokenLogprob | None:
    if not isinstance(token, Mapping) or not isinstance(token.get("token"), str):
        return None
    logprob = read_number(token.get("logprob"))
    if logprob is None:
        return None
    return {
        "token": whole_text(token["token"]),
        "logprob": logprob,
        "bytes": _bytes(token.get("bytes")),
    }


def _bytes(values: Any) -> list[int] | None:
    if not isinstance(values, list) or len(values) > _MOST_BYTES:
        return None
    is_bytes = all(type(value) is int and 0 <= value <= 255 for value in values)
    return values if is_bytes else None
