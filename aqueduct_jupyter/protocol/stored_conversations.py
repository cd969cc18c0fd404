"""The conversations that the server keeps for the browser, as JSON.

Turns are in :mod:`.conversation`; storage is in the gateway.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from .conversation import Turn
from .errors import InvalidJSONError, InvalidRequestError

__all__ = [
    "LONGEST_NAME",
    "TURNS",
    "ConversationChange",
    "ConversationDeleted",
    "ConversationList",
    "ConversationSummary",
    "StoredConversation",
    "read_change",
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


def read_change(body: bytes) -> ConversationChange:
    """Read a client's change.

    Raises:
        InvalidJSONError: the body is not valid JSON.
        InvalidRequestError: a field is invalid; the message names it.
    """
    try:
        return ConversationChange.model_validate_json(body or b"{}")
    except ValidationError as error:
        fault: Any = error.errors(include_url=False, include_input=False)[0]
        if fault["type"] == "json_invalid":
            raise InvalidJSONError("The body is not valid JSON.") from None
        where = ".".join(map(str, fault["loc"])) or "body"
        raise InvalidRequestError(f"{where}: {fault['msg']}.", param=where) from None
