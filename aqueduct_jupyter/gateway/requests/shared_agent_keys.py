"""Keys of agents in the database of a hub's service: valid in every replica, until they expire.

A key is worth as much as the token of the hub with which it was made: whose token it is, which
groups its user has and whether it is still valid are found with that token at each use. The token
is kept encrypted, and only the agent, whose key is kept nowhere, can decrypt it.
"""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...protocol.agent_keys import AgentKey, KeyRequest, NewAgentKey
from ..entry import AGENT, Caller, Entry
from ..stores.agent_keys import AgentKeyStore
from .agent_keys import (
    MOST_KEYS,
    agents_key_id,
    check_tokens,
    key_is_over,
    new_key,
    no_such_key,
    read_key,
    secret_of,
    too_many_keys,
)

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

__all__ = ["SharedAgentKeys"]


class SharedAgentKeys:
    """The agents' keys of all users; see :class:`.agent_keys.AgentKeyring`.

    Args:
        store: the rows of keys.
        clock: returns seconds since 1970; for tests.
    """

    def __init__(self, store: AgentKeyStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def make(self, owner: str, asked: KeyRequest, token: str = "") -> NewAgentKey:
        """Make a key; its text is in the result and nowhere else.

        Args:
            owner: the user for whom it asks.
            asked: its name, lifetime and limit.
            token: the token of the hub that the user showed.

        Raises:
            ConflictError: the owner has the maximum number of keys.
        """
        key, digest = new_key(asked, int(self._clock()))
        row = {
            **key.model_dump(exclude={"key", "object"}),
            "owner": owner,
            "sealed_token": _sealing(key.key).encrypt(token.encode()).decode(),
            "digest": digest.hex(),
        }
        if not await self._store.add(row, most=MOST_KEYS):
            raise too_many_keys()
        return key

    async def caller_of(self, text: str) -> Caller | None:
        """Return the caller whose key this is; None if it was not made here or is over.

        What the caller may do is up to the hub, which is asked with the caller's token.
        """
        key_id, digest = read_key(text)
        row = await self._store.get(key_id) if key_id else None
        if row is None or not hmac.compare_digest(digest.hex(), row["digest"]):
            return None
        name = AGENT + row["id"]
        token = _sealing(text).decrypt(row["sealed_token"]).decode()
        return Caller(row["owner"], name, key=name, token=token)

    async def list(self, owner: str) -> list[AgentKey]:
        """List an owner's valid keys, newest first."""
        return [_key(row) for row in await self._store.list(owner)]

    async def revoke(self, owner: str, key_id: str) -> Caller:
        """Revoke a key, and return whose it was.

        Raises:
            NotFoundError: the owner has no valid key with this id.
        """
        if not await self._store.remove(owner, key_id):
            raise no_such_key(key_id)
        return Caller(owner, AGENT + key_id, key=AGENT + key_id)

    async def admit(self, entry: Entry) -> None:
        """Check that an agent's key has tokens left; other callers have no such limit.

        Raises:
            RateLimitError: its tokens are used up.
            AuthenticationError: it has just been revoked.
        """
        if key_id := agents_key_id(entry):
            if (row := await self._store.get(key_id)) is None:
                raise key_is_over()
            check_tokens(_key(row))

    def record(self, entry: Entry) -> None:
        """Do nothing: what a request has used is counted with its row in the ledger."""


def _sealing(key: str) -> Fernet:
    """Return what encrypts with a key's secret, of which the database has only a digest."""
    from cryptography.fernet import Fernet  # only a hub's service has it

    derived = hmac.digest(secret_of(key).encode(), b"the token of the hub", "sha256")
    return Fernet(urlsafe_b64encode(derived))


def _key(row: Mapping[str, Any]) -> AgentKey:
    return AgentKey(**{name: row[name] for name in AgentKey.model_fields if name in row})
