"""This file is the words in which the server keeps conversations for the browser.

What a turn is, is left to :mod:`.conversation`, where conversations lie to the gateway.
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
"""Characters of a conversation's name."""

TURNS = TypeAdapter(list[Turn])
"""Turns as JSON, out and in."""

_Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)
]


class ConversationSummary(BaseModel):
    """A conversation in a list; ``turns`` is how many, the times are in seconds since 1970."""

    id: str
    object: Literal["conversation"] = "conversation"
    name: str
    turns: int
    revision: int
    created_at: float
    updated_at: float


class ConversationList(BaseModel):
    """The conversations of one owner, the last changed first."""

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
    """What a client writes: a name, turns, or both.

    ``revision`` is the one that the turns were made from; another one in the store means that
    somebody else wrote meanwhile.
    """

    name: _Name | None = None
    turns: list[Turn] | None = None
    revision: int | None = None


class ConversationDeleted(BaseModel):
    """What a deletion answers."""

    id: str
    object: Literal["conversation"] = "conversation"
    deleted: Literal[True] = True


def read_change(body: bytes) -> ConversationChange:
    """Read what a client writes.

    Raises:
        InvalidJSONError: it is no JSON.
        InvalidRequestError: a field is not what it should be; the message names it.
    """
    try:
        return ConversationChange.model_validate_json(body or b"{}")
    except ValidationError as error:
        fault: Any = error.errors(include_url=False, include_input=False)[0]
        if fault["type"] == "json_invalid":
            raise InvalidJSONError("The body is not valid JSON.") from None
        where = ".".join(map(str, fault["loc"])) or "body"
        raise InvalidRequestError(f"{where}: {fault['msg']}.", param=where) from None
