"""Blocks of thinking of the Messages API, on their way through a client's reasoning item.

The service accepts them back only as it wrote them: the text with its signature, and redacted
thinking with its data. So the ``encrypted_content`` of a reasoning item holds the whole block, as
base64, because some clients return nothing else of it. The client has seen all of it anyway.

Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from pydantic_core import from_json, to_json

__all__ = ["ThinkingBlock", "read_thinking_block", "sealed_thinking", "unsealed_thinking"]

ThinkingBlock = dict[str, str]
"""A ``thinking`` with its text and ``signature``, or a ``redacted_thinking`` with its ``data``."""

_MARK = b"thinking:"

_FIELDS = {"thinking": ("thinking", "signature"), "redacted_thinking": ("data",)}


def sealed_thinking(text: str, signature: str, redacted: str) -> str:
    """Write a block as the ``encrypted_content`` of a reasoning item.

    Args:
        text: the thinking.
        signature: its signature.
        redacted: the data of redacted thinking; "" if it is not redacted.
    """
    block = (
        {"type": "redacted_thinking", "data": redacted}
        if redacted
        else {"type": "thinking", "thinking": text, "signature": signature}
    )
    return base64.b64encode(_MARK + to_json(block)).decode()


def unsealed_thinking(content: Any) -> ThinkingBlock | None:
    """Read an ``encrypted_content``; None if this server has not written it."""
    try:
        decoded = base64.b64decode(content, validate=True) if isinstance(content, str) else b""
        is_ours = decoded.startswith(_MARK)
        return read_thinking_block(from_json(decoded.removeprefix(_MARK))) if is_ours else None
    except (binascii.Error, ValueError):
        return None


def read_thinking_block(block: Any) -> ThinkingBlock | None:
    """Return a block with the fields that it must have, and no others; None if one is missing."""
    kind = block.get("type") if isinstance(block, dict) else None
    names = _FIELDS.get(kind, ()) if isinstance(kind, str) else ()
    fields = {name: block[name] for name in names if isinstance(block.get(name), str)}
    return {"type": str(kind), **fields} if names and len(fields) == len(names) else None
