"""The conversations that the server keeps for the browser, as JSON.

Turns are in :mod:`.conversation`; storage is in the gateway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from .chunks import MOST_TOKENS
from .conversation import Turn

__all__ = [
    "LONGEST_EFFORT",
    "LONGEST_NAME",
    "LONGEST_SYSTEM",
    "TURNS",
    "ConversationChange",
    "ConversationDeleted",
    "ConversationList",
    "ConversationParameters",
    "ConversationSummary",
    "NewTurn",
    "QuestionParameters",
    "StoredConversation",
    "StoredTurn",
    "VersionChoice",
]

LONGEST_NAME = 200
"""Longest name of a conversation, in characters."""


@dataclass(slots=True)
class StoredTurn(Turn):
    """A turn with its earlier and later versions.

    A version is a list of turns: one in the place of this turn, and what followed it. ``versions``
    are all others, and ``version`` is the place of this one among them, from 0.
    """

    versions: list[list[dict[str, Any]]] = field(default_factory=list)
    version: int = 0


TURNS = TypeAdapter(list[StoredTurn], config=ConfigDict(defer_build=True))
"""Converts turns to and from JSON."""

LONGEST_SYSTEM = 100_000
"""Longest system message, in characters."""

LONGEST_EFFORT = 50
"""Longest word for a reasoning effort, in characters; upstreams have their own."""

_Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)
]
_Id = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_RequestId = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class ConversationSummary(BaseModel):
    """A conversation in a list; ``turns`` is their number; times are in seconds since 1970."""

    id: str
    object: Literal["conversation"] = "conversation"
    name: str
    turns: int
    revision: int
    created_at: float
    updated_at: float
    is_pinned: bool = False


class ConversationList(BaseModel):
    """The conversations of one owner, most recently changed first."""

    object: Literal["list"] = "list"
    data: list[ConversationSummary] = Field(default_factory=list)


class QuestionParameters(BaseModel):
    """How questions are asked; None leaves it to the upstream.

    ``system`` is the system message, and ``max_tokens`` limits an answer.
    """

    system: Annotated[str, StringConstraints(max_length=LONGEST_SYSTEM)] | None = None
    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    max_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    reasoning_effort: Annotated[str, StringConstraints(max_length=LONGEST_EFFORT)] | None = None


class ConversationParameters(QuestionParameters):
    """How the questions of a conversation in the sidebar are asked.

    ``tells_facts`` says whether the model is told about the notebook that the user sees.
    """

    tells_facts: bool = True


class StoredConversation(BaseModel):
    """A whole conversation; ``revision`` grows with every change of its turns."""

    id: str
    object: Literal["conversation"] = "conversation"
    name: str
    revision: int
    created_at: float
    updated_at: float
    is_pinned: bool = False
    parameters: ConversationParameters = Field(default_factory=ConversationParameters)
    turns: list[StoredTurn] = Field(default_factory=list)


class ConversationChange(BaseModel):
    """A change that a client writes: a name, turns, the pin, parameters, or several of them.

    ``revision`` is the revision that the turns are based on; a different one in the store means
    that somebody else has written since.
    """

    name: _Name | None = None
    turns: list[StoredTurn] | None = None
    revision: int | None = None
    is_pinned: bool | None = None
    parameters: ConversationParameters | None = None


class NewTurn(BaseModel):
    """A question to a conversation, which the server asks.

    ``id`` and ``request`` are chosen by the client: a question that is sent again with the id of a
    turn that exists asks nothing anew, and the request can be stopped by its id. ``content`` is the
    message's content, by default the prompt. The turn takes the place of those from ``before`` on,
    which are kept as an earlier version.
    ``continues`` says that the answer goes on with the last one, even if that has failed.
    ``system`` is the system message where the conversation has none of its own, and ``facts`` are
    what the model may know about the notebook that the user sees.
    """

    id: _Id
    request: _RequestId
    prompt: str
    content: str | list[dict[str, Any]] | None = None
    model: str | None = None
    before: str | None = None
    continues: bool = False
    system: str | None = None
    facts: str | None = None

    def as_turn(self, now: float) -> StoredTurn:
        """Return the turn that begins with it; ``now`` is in seconds since 1970."""
        content = self.prompt if self.content is None else self.content
        return StoredTurn(self.prompt, content, id=self.id, model=self.model, time=now)


class VersionChoice(BaseModel):
    """Which version of a turn is to be shown, from 0."""

    version: int = Field(ge=0)


class ConversationDeleted(BaseModel):
    """The response to a deletion."""

    id: str
    object: Literal["conversation"] = "conversation"
    deleted: Literal[True] = True
