"""``aqueduct/requests`` and below: list and stop running requests."""

from __future__ import annotations

from tornado import web

from .base import AqueductHandler

__all__ = ["RequestHandler", "RequestsHandler"]


class RequestsHandler(AqueductHandler):
    """Lists the running requests."""

    tracks_activity = False  # the status bar of an open page polls this

    @web.authenticated
    async def get(self) -> None:
        """Answer with the caller's requests; a kernel's key sees only that kernel's."""
        self.answer({"object": "list", "data": await self.gateway.running.list_all(self.caller)})


class RequestHandler(AqueductHandler):
    """One running request."""

    @web.authenticated
    async def delete(self, request_id: str) -> None:
        """Stop it, by our id or the one that its client sent in ``X-Client-Request-Id``."""
        stopped = await self.gateway.running.stop_anywhere(self.caller, request_id)
        self.answer({"id": stopped, "object": "request", "stopped": True})
