"""Keys for agents, as JSON: the request for a key, and what the server says about each.

The keys themselves are in the gateway.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

__all__ = [
    "DEFAULT_LIFETIME",
    "AgentKey",
    "KeyDeleted",
    "KeyList",
    "KeyRequest",
    "NewAgentKey",
]

DEFAULT_LIFETIME = 43_200
"""How long a key is valid if its request does not say, in seconds: a working day and an evening."""

SHORTEST_LIFETIME = 60
LONGEST_LIFETIME = 30 * 86_400

MOST_TOKENS = 10**12
"""The largest cap that a key can have: more than anybody can pay for, and still exact in JSON."""

# The name becomes part of the ledger, of log lines and of the key itself.
_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class KeyRequest(BaseModel):
    """A request for a key.

    ``name`` is the agent's; ``max_tokens`` is the most tokens that all its requests together may
    use, and None sets no limit; ``expires_after_seconds`` counts from now.
    """

    name: _Name
    max_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    expires_after_seconds: int = Field(
        default=DEFAULT_LIFETIME, ge=SHORTEST_LIFETIME, le=LONGEST_LIFETIME
    )


class AgentKey(BaseModel):
    """An agent's key, without its text.

    ``tokens`` is how many it has used; times are in seconds since 1970.
    """

    id: str
    object: Literal["key"] = "key"
    name: str
    created_at: int
    expires_at: int
    max_tokens: int | None = None
    tokens: int = 0


class NewAgentKey(AgentKey):
    """A new key, with its text, which the server shows only once."""

    key: str


class KeyList(BaseModel):
    """The valid keys of one owner, newest first."""

    object: Literal["list"] = "list"
    data: list[AgentKey] = Field(default_factory=list)


class KeyDeleted(BaseModel):
    """The response to a revocation."""

    id: str
    object: Literal["key"] = "key"
    deleted: Literal[True] = True
