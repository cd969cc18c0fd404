"""The conversations that the server keeps for the browser, as JSON.

Turns are in :mod:`.conversation`; storage is in the gateway.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from .conversation import Turn

__all__ = [
    "LONGEST_NAME",
    "TURNS",
    "ConversationChange",
    "ConversationDeleted",
    "ConversationList",
    "ConversationSummary",
    "StoredConversation",
]

LONGEST_NAME = 200
"""Longest name of a conversation, in characters."""

TURNS = TypeAdapter(list[Turn])
"""Converts turns to and from JSON."""

_Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)
]


class ConversationSummary(BaseModel):
    """A conversation in a list; ``turns`` is their number; times are in seconds since 1970."""

    id: str
    object: Literal["conversation"] = "conversation"
    name: str
    turns: int
    revision: int
    created_at: float
    updated_at: float


class ConversationList(BaseModel):
    """The conversations of one owner, most recently changed first."""

    object: Literal["list"] = "list"
    data: list[ConversationSummary] = Field(default_factory=list)


class StoredConversation(BaseModel):
    """A whole conversation; ``revision`` grows with every change of its turns."""

    id: str
    object: Literal["conversation"] = "conversation"
    name: str
    revision: int
    created_at: float
    updated_at: float
    turns: list[Turn] = Field(default_factory=list)


class ConversationChange(BaseModel):
    """A change that a client writes: a name, turns, or both.

    ``revision`` is the revision that the turns are based on; a different one in the store means
    that somebody else has written since.
    """

    name: _Name | None = None
    turns: list[Turn] | None = None
    revision: int | None = None


class ConversationDeleted(BaseModel):
    """The response to a deletion."""

    id: str
    object: Literal["conversation"] = "conversation"
    deleted: Literal[True] = True
