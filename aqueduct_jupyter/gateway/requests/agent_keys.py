"""Keys of agents: each opens what a kernel's key opens, for a time and up to a number of tokens.

They are kept in memory, so none outlives the server, and only a hash of each key's text is kept.
Kernels' keys, which need no table, are in :mod:`.keys`; budgets are in :mod:`.limits`.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from ...protocol.agent_keys import AgentKey, KeyRequest, NewAgentKey
from ...protocol.errors import ConflictError, NotFoundError, RateLimitError
from ..entry import AGENT, Caller, Entry

__all__ = ["AgentKeys", "is_agents"]

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

    def make(self, owner: str, asked: KeyRequest) -> NewAgentKey:
        """Make a key; its text is in the result and nowhere else.

        Raises:
            ConflictError: the owner has the maximum number of keys.
        """
        self._forget_expired()
        if sum(kept.owner == owner for kept in self._kept.values()) >= MOST_KEYS:
            raise ConflictError(
                f"There are {MOST_KEYS} keys already. Revoke some of them with DELETE "
                "aqueduct/keys/ID.",
                code="too_many_keys",
            )
        key_id = self._new_id(asked.name)
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        now = int(self._clock())
        key = AgentKey(
            id=key_id,
            name=asked.name,
            created_at=now,
            expires_at=now + asked.expires_after_seconds,
            max_tokens=asked.max_tokens,
        )
        self._kept[key_id] = _Kept(key, owner, _digest(secret))
        return NewAgentKey(**key.model_dump(), key=f"{_PREFIX}.{key_id}.{secret}")

    def caller_of(self, text: str) -> Caller | None:
        """Return the caller whose key this is; None if it was not made here or is over."""
        prefix, _, rest = text.partition(".")
        key_id, _, secret = rest.rpartition(".")
        kept = self._kept.get(key_id)
        if prefix != _PREFIX or kept is None or self._is_over(kept):
            return None
        return kept.caller if hmac.compare_digest(_digest(secret), kept.digest) else None

    def list(self, owner: str) -> list[AgentKey]:
        """List an owner's valid keys, newest first."""
        self._forget_expired()
        return [kept.key for kept in reversed(self._kept.values()) if kept.owner == owner]

    def revoke(self, owner: str, key_id: str) -> Caller:
        """Revoke a key.

        Returns:
            Whose key it was; its requests may still run.

        Raises:
            NotFoundError: the owner has no valid key with this id.
        """
        self._forget_expired()
        kept = self._kept.get(key_id)
        if kept is None or kept.owner != owner:
            raise NotFoundError(
                f"There is no key '{key_id[:80]}'; it may have expired. List the keys with GET "
                "aqueduct/keys.",
                code="key_not_found",
            )
        del self._kept[key_id]
        return kept.caller

    def admit(self, entry: Entry) -> None:
        """Check that an agent's key has tokens left; other callers have no such limit.

        Raises:
            RateLimitError: its tokens are used up.
        """
        kept = self._of(entry)
        if kept is None or kept.key.max_tokens is None or kept.key.tokens < kept.key.max_tokens:
            return
        # OpenAI's code for an empty account: agents do not wait for it to pass.
        raise RateLimitError(
            f"The key of {kept.key.id} has used {kept.key.tokens} of its {kept.key.max_tokens} "
            "tokens. Start the agent again with a larger --max-tokens, or make a new key with "
            "POST aqueduct/keys.",
            code="insufficient_quota",
            is_retryable=False,
        )

    def record(self, entry: Entry) -> None:
        """Count the tokens of a finished request."""
        if kept := self._of(entry):
            kept.key.tokens += (entry.tokens_in or 0) + (entry.tokens_out or 0)

    def _of(self, entry: Entry) -> _Kept | None:
        if entry.kernel is None or not entry.kernel.startswith(AGENT):
            return None
        return self._kept.get(entry.kernel.removeprefix(AGENT))

    def _new_id(self, name: str) -> str:
        while (key_id := f"{name}-{secrets.token_hex(_ID_BYTES)}") in self._kept:
            pass
        return key_id

    def _is_over(self, kept: _Kept) -> bool:
        return self._clock() >= kept.key.expires_at

    def _forget_expired(self) -> None:
        self._kept = {name: kept for name, kept in self._kept.items() if not self._is_over(kept)}


def is_agents(token: str) -> bool:
    """Return whether a token looks like an agent's key, valid or not."""
    return token.startswith(f"{_PREFIX}.")


def _digest(secret: str) -> bytes:
    # The secret is random and long, so a fast hash is enough.
    return sha256(secret.encode()).digest()
