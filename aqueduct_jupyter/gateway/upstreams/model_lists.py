"""An upstream's list of models, in the forms that servers send."""

from __future__ import annotations

from typing import Any

from ...protocol.errors import UpstreamError
from ...protocol.fields import LONGEST_NAME
from ...protocol.models import Model
from ..encoding import read_json

__all__ = ["read_model_list"]

_CONTEXT_LENGTHS = ("context_length", "max_model_len", "context_window", "max_input_tokens")
"""Where OpenRouter, vLLM, Groq and others put it."""

_LLAMA_CPP = ("n_ctx", "n_ctx_train")

LARGEST_COUNT = 2**40
"""A larger context length is a mistake."""


def read_model_list(name: str, body: bytes) -> list[Model]:
    """Read a list of models.

    Args:
        name: the upstream's name.
        body: its answer.

    Raises:
        UpstreamError: it is not a list of models.
    """
    answer = read_json(body)
    entries = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(entries, list):
        raise UpstreamError(f"The upstream '{name}' did not return a valid list of models.")
    named = [entry for entry in entries if isinstance(entry, dict) and _is_name(entry.get("id"))]
    return [
        Model(
            id=entry["id"],
            created=entry["created"] if isinstance(entry.get("created"), int) else 0,
            owned_by=entry["owned_by"] if _is_name(entry.get("owned_by")) else name,
            **_context_length(entry),
        )
        for entry in named
    ]


def _context_length(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the most tokens of the model's context, under one name, if the server tells them."""
    meta = entry.get("meta")
    told = [entry.get(name) for name in _CONTEXT_LENGTHS]
    told += [meta.get(name) for name in _LLAMA_CPP] if isinstance(meta, dict) else []
    lengths = [length for length in told if type(length) is int and 0 < length <= LARGEST_COUNT]
    return {"context_length": lengths[0]} if lengths else {}


def _is_name(value: object) -> bool:
    # Names that cannot be shown or requested are left out; the other models are listed.
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()
