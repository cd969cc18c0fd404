"""Conversations of the Responses API: requests about them, and what the server says about them.

Source: ``Conversation`` and ``ConversationItem`` of the OpenAI API. The chat in the browser has
conversations of its own, in :mod:`.stored_conversations`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from .fields import Fields
from .responses_fields import Items

__all__ = [
    "MOST_NEW_ITEMS",
    "ConversationWords",
    "ItemsWords",
    "MetadataWords",
    "ResponseConversation",
    "ResponseConversationDeleted",
    "as_stored_item",
]

MOST_NEW_ITEMS = 20
"""Most items in one request, as in the OpenAI API."""

LONGEST_KEY, LONGEST_VALUE, MOST_PAIRS = 64, 512, 16

_Metadata = Annotated[
    dict[
        Annotated[str, Field(max_length=LONGEST_KEY)],
        Annotated[str, Field(max_length=LONGEST_VALUE)],
    ],
    Field(max_length=MOST_PAIRS),
]

_PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc"}


class ConversationWords(Fields):
    """The fields of a request for a new conversation."""

    items: Annotated[Items, Field(max_length=MOST_NEW_ITEMS)] | None = None
    metadata: _Metadata | None = None


class MetadataWords(Fields):
    """The fields of a change of a conversation."""

    metadata: _Metadata | None


class ItemsWords(Fields):
    """The fields of a request for new items."""

    items: Annotated[Items, Field(max_length=MOST_NEW_ITEMS)]


class ResponseConversation(BaseModel):
    """A conversation; ``created_at`` is in seconds since 1970."""

    id: str
    object: Literal["conversation"] = "conversation"
    created_at: int
    metadata: dict[str, str] = Field(default_factory=dict)


class ResponseConversationDeleted(BaseModel):
    """The response to a deletion."""

    id: str
    object: Literal["conversation.deleted"] = "conversation.deleted"
    deleted: Literal[True] = True


def as_stored_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item as it is listed: with an id, a type, and the content of a message in parts."""
    stored = dict(item)
    kind = stored.setdefault("type", "message")
    if kind == "message":
        stored.setdefault("status", "completed")
        if isinstance(text := stored.get("content"), str):
            stored["content"] = [_text_part(text, is_answer=stored.get("role") == "assistant")]
    if not stored.get("id"):
        stored["id"] = f"{_PREFIXES.get(kind, 'item')}_{secrets.token_hex(12)}"
    return stored


def _text_part(text: str, *, is_answer: bool) -> dict[str, Any]:
    if is_answer:
        return {"type": "output_text", "text": text, "annotations": []}
    return {"type": "input_text", "text": text}
