"""Keys of agents: each opens what a kernel's key opens, for a time and up to a number of tokens.

They are kept in memory, so none outlives the server, and only a hash of each key's text is kept.
Those of a hub's service are in its database: :mod:`.shared_agent_keys`. Kernels' keys, which need
no table, are in :mod:`.keys`; budgets are in :mod:`.limits`.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from ...protocol.agent_keys import AgentKey, KeyRequest, NewAgentKey
from ...protocol.errors import AuthenticationError, ConflictError, NotFoundError, RateLimitError
from ..entry import AGENT, Caller, Entry

__all__ = [
    "MOST_KEYS",
    "AgentKeyring",
    "AgentKeys",
    "agents_key_id",
    "check_tokens",
    "is_agents",
    "key_is_over",
    "new_key",
    "no_such_key",
    "read_key",
    "secret_of",
    "too_many_keys",
]

MOST_KEYS = 1000
"""The most valid keys of one owner: a bound for the server's memory, not a limit for people."""

_PREFIX = "aqa"
_SECRET_BYTES = 32
_ID_BYTES = 4
"""Random bytes in an id, so that a restarted server does not continue an older agent's sums."""


@dataclass(slots=True)
class _Kept:
    key: AgentKey
    owner: str
    digest: bytes

    @property
    def caller(self) -> Caller:
        name = AGENT + self.key.id
        return Caller(self.owner, name, key=name)


class AgentKeys:
    """The agents' keys of one server.

    Args:
        clock: returns seconds since 1970; for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def make(
        self,
        owner: str,
        asked: KeyRequest,
        token: str = "",  # noqa: ARG002  # no key outlives this server anyway
    ) -> NewAgentKey:
        """Make a key; its text is in the result and nowhere else.

        Args:
            owner: the user for whom it asks.
            asked: its name, lifetime and limit.
            token: what a hub knows the user by.

        Raises:
            ConflictError: the owner has the maximum number of keys.
        """
        self._forget_expired()
        if sum(kept.owner == owner for kept in self._kept.values()) >= MOST_KEYS:
            raise too_many_keys()
        made, digest = new_key(asked, int(self._clock()))
        key = AgentKey(**made.model_dump(exclude={"key"}))
        self._kept[key.id] = _Kept(key, owner, digest)
        return made

    async def caller_of(self, text: str) -> Caller | None:
        """Return the caller whose key this is; None if it was not made here or is over."""
        key_id, digest = read_key(text)
        kept = self._kept.get(key_id)
        if kept is None or self._is_over(kept):
            return None
        return kept.caller if hmac.compare_digest(digest, kept.digest) else None

    async def list(self, owner: str) -> list[AgentKey]:
        """List an owner's valid keys, newest first."""
        self._forget_expired()
        return [kept.key for kept in reversed(self._kept.values()) if kept.owner == owner]

    async def revoke(self, owner: str, key_id: str) -> Caller:
        """Revoke a key.

        Returns:
            Whose key it was; its requests may still run.

        Raises:
            NotFoundError: the owner has no valid key with this id.
        """
        self._forget_expired()
        kept = self._kept.get(key_id)
        if kept is None or kept.owner != owner:
            raise no_such_key(key_id)
        del self._kept[key_id]
        return kept.caller

    async def admit(self, entry: Entry) -> None:
        """Check that an agent's key has tokens left; other callers have no such limit.

        Raises:
            RateLimitError: its tokens are used up.
            AuthenticationError: it has just been revoked.
        """
        if key_id := agents_key_id(entry):
            if (kept := self._kept.get(key_id)) is None:
                raise key_is_over()
            check_tokens(kept.key)

    def record(self, entry: Entry) -> None:
        """Count the tokens of a finished request."""
        if kept := self._kept.get(agents_key_id(entry)):
            kept.key.tokens += (entry.tokens_in or 0) + (entry.tokens_out or 0)

    def _is_over(self, kept: _Kept) -> bool:
        return self._clock() >= kept.key.expires_at

    def _forget_expired(self) -> None:
        self._kept = {name: kept for name, kept in self._kept.items() if not self._is_over(kept)}


class AgentKeyring(Protocol):
    """The agents' keys of one server, or of a hub's service."""

    async def make(self, owner: str, asked: KeyRequest, token: str = "") -> NewAgentKey:
        """Make a key; its text is in the result and nowhere else."""
        ...

    async def caller_of(self, text: str) -> Caller | None:
        """Return the caller whose key this is; None if it was not made here or is over."""
        ...

    async def list(self, owner: str) -> list[AgentKey]:
        """List an owner's valid keys, newest first."""
        ...

    async def revoke(self, owner: str, key_id: str) -> Caller:
        """Revoke a key; raises a NotFoundError if the owner has no valid key with this id."""
        ...

    async def admit(self, entry: Entry) -> None:
        """Check that an agent's key is valid and has tokens left, or raise."""
        ...

    def record(self, entry: Entry) -> None:
        """Count the tokens of a finished request."""
        ...


def is_agents(token: str) -> bool:
    """Return whether a token looks like an agent's key, valid or not."""
    return token.startswith(f"{_PREFIX}.")


def new_key(asked: KeyRequest, now: int) -> tuple[NewAgentKey, bytes]:
    """Make a key, and the digest of its secret, which is all that is kept of it.

    Args:
        asked: its name, lifetime and limit.
        now: seconds since 1970.
    """
    key_id = f"{asked.name}-{secrets.token_hex(_ID_BYTES)}"
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    key = NewAgentKey(
        id=key_id,
        name=asked.name,
        created_at=now,
        expires_at=now + asked.expires_after_seconds,
        max_tokens=asked.max_tokens,
        key=f"{_PREFIX}.{key_id}.{secret}",
    )
    return key, _digest(secret)


def secret_of(text: str) -> str:
    """Return the secret in a key's text."""
    return text.rpartition(".")[2]


def read_key(text: str) -> tuple[str, bytes]:
    """Return the id in a key's text, and the digest of its secret; the id is "" if it is no key."""
    prefix, _, rest = text.partition(".")
    key_id, _, secret = rest.rpartition(".")
    return (key_id if prefix == _PREFIX else ""), _digest(secret)


def agents_key_id(entry: Entry) -> str:
    """Return the id of the agent's key that a request was sent with; "" if it was not."""
    kernel = entry.kernel or ""
    return kernel.removeprefix(AGENT) if kernel.startswith(AGENT) else ""


def check_tokens(key: AgentKey) -> None:
    """Check that a key has tokens left.

    Raises:
        RateLimitError: its tokens are used up.
    """
    if key.max_tokens is None or key.tokens < key.max_tokens:
        return
    # OpenAI's code for an empty account: agents do not wait for it to pass.
    raise RateLimitError(
        f"The key of {key.id} has used {key.tokens} of its {key.max_tokens} tokens. Start the "
        "agent again with a larger --max-tokens, or make a new key with POST aqueduct/keys.",
        code="insufficient_quota",
        is_retryable=False,
    )


def key_is_over() -> AuthenticationError:
    """Return the error for a key that is not valid any more."""
    return AuthenticationError(
        "The agent's key has expired or was revoked. Make a new one with POST aqueduct/keys."
    )


def too_many_keys() -> ConflictError:
    """Return the error for an owner who has the maximum number of keys."""
    return ConflictError(
        f"There are {MOST_KEYS} keys already. Revoke some of them with DELETE aqueduct/keys/ID.",
        code="too_many_keys",
    )


def no_such_key(key_id: str) -> NotFoundError:
    """Return the error for a key that its owner does not have."""
    return NotFoundError(
        f"There is no key '{key_id[:80]}'; it may have expired. List the keys with GET "
        "aqueduct/keys.",
        code="key_not_found",
    )


def _digest(secret: str) -> bytes:
    # The secret is random and long, so a fast hash is enough.
    return sha256(secret.encode(errors="replace")).digest()
