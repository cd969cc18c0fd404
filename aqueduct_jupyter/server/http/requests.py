"""This file is our own addresses ``aqueduct/requests`` and below: what runs now, and its stop."""

from __future__ import annotations

from tornado import web

from .base import AqueductHandler

__all__ = ["RequestHandler", "RequestsHandler"]


class RequestsHandler(AqueductHandler):
    """Lists the requests that run now."""

    tracks_activity = False  # the status bar of an open page asks all the time

    @web.authenticated
    async def get(self) -> None:
        """Answer with the caller's; to a kernel's key with those of that kernel."""
        self.answer({"object": "list", "data": self.gateway.running.list(self.caller)})


class RequestHandler(AqueductHandler):
    """One request that runs now."""

    @web.authenticated
    async def delete(self, request_id: str) -> None:
        """Stop it, by our id or the one that its client gave in ``X-Client-Request-Id``."""
        stopped = self.gateway.running.stop(self.caller, request_id)
        self.answer({"id": stopped, "object": "request", "stopped": True})
