"""``aqueduct/keys`` and below: make, list and revoke keys for agents.

Only the server's token opens these addresses, so no key makes another. The keys are in
:mod:`aqueduct_jupyter.gateway.requests.agent_keys`.
"""

from __future__ import annotations

from tornado import web

from ...protocol.agent_keys import KeyDeleted, KeyList, KeyRequest
from ...protocol.requests import read_model
from .base import AqueductHandler
from .body import JSONBodyHandler, authenticated_after_body

__all__ = ["KeyHandler", "KeysHandler"]

MAX_BODY_BYTES = 64 * 2**10
"""Bytes of a request for a key."""


class KeysHandler(JSONBodyHandler):
    """The keys that the server's owner made for agents."""

    is_for_kernels = False

    @property
    def max_body_bytes(self) -> int:
        """The largest body, in bytes."""
        return MAX_BODY_BYTES

    @authenticated_after_body
    async def get(self) -> None:
        """Answer with the valid keys and the tokens that each has used, but not their text."""
        self.answer(KeyList(data=await self.gateway.agent_keys.list(self.caller.owner)))

    @authenticated_after_body
    async def post(self) -> None:
        """Make a key and answer with it; only this answer contains its text."""
        asked = read_model(KeyRequest, b"".join(self.pieces()))
        # No cache may keep the key.
        self.set_header("Cache-Control", "no-store")
        caller = self.caller
        self.answer(await self.gateway.agent_keys.make(caller.owner, asked, caller.token))


class KeyHandler(AqueductHandler):
    """One key."""

    is_for_kernels = False

    @web.authenticated
    async def delete(self, key_id: str) -> None:
        """Revoke it, and stop the requests that were sent with it."""
        revoked = await self.gateway.agent_keys.revoke(self.caller.owner, key_id)
        if revoked.kernel is not None:
            self.gateway.running.stop_kernel(revoked.kernel)
        self.answer(KeyDeleted(id=key_id))
