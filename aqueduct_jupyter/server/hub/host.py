"""The handlers outside Jupyter: their headers, and how they end when the service does.

Each handler of :mod:`aqueduct_jupyter.server.http` is combined with :class:`HubHandler`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub.services.auth import HubOAuth, HubOAuthenticated
from tornado.web import RequestHandler

from ...protocol.errors import UnavailableError
from ..http.base import AqueductHandler
from ..http.serving import Host, Serving
from .authentication import ADMIN_SCOPE

__all__ = ["HubHandler", "HubHost", "for_hub", "hub_of"]

POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""The content security policy of answers that are no pages: a browser runs nothing in them."""


class HubHandler(HubOAuthenticated, RequestHandler):  # type: ignore[misc]  # it is not annotated
    """The base class of each of our handlers in a hub's service."""

    serving: Serving

    @property
    def hub_auth(self) -> HubOAuth:
        """JupyterHub's client, which knows the cookies and XSRF tokens of pages."""
        return hub_of(self.serving)

    def set_default_headers(self) -> None:
        """Forbid browsers to run anything in an answer, or to guess another type."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.clear_header("Server")

    def on_finish(self) -> None:
        """Note that the request has ended."""
        self.serving.host.end(self)

    def on_connection_close(self) -> None:
        """Note that the client has left."""
        super().on_connection_close()
        self.serving.host.end(self)


class HubHost(Host):
    """The service's process, as the handlers see it.

    Args:
        hub: JupyterHub's client.

    Attributes:
        is_draining: whether the process is about to end, so that it takes no more requests.
    """

    admins = f"administrators, who have the hub's scope {ADMIN_SCOPE},"

    def __init__(self, hub: HubOAuth) -> None:
        self.hub = hub
        self.is_draining = False
        self._open: set[RequestHandler] = set()
        self._has_none = asyncio.Event()

    def begin(self, handler: RequestHandler) -> None:
        """Admit a request.

        Raises:
            UnavailableError: the process is about to end; another one may answer.
        """
        if self.is_draining:
            # The client's next request then opens a new connection, which reaches another replica.
            handler.set_header("Connection", "close")
            raise UnavailableError(
                "This replica of the service is shutting down. Send the request again.",
                code="shutting_down",
                retry_after=1,
                is_retryable=True,
            )
        self._open.add(handler)

    def end(self, handler: RequestHandler) -> None:
        """Note that a request has ended."""
        self._open.discard(handler)
        if self.is_draining and not self._open:
            self._has_none.set()

    async def drain(self) -> None:
        """Take no more requests, and wait until all that were taken have ended."""
        self.is_draining = True
        if self._open:
            await self._has_none.wait()


def hub_of(serving: Serving) -> HubOAuth:
    """Return JupyterHub's client of a service."""
    if not isinstance(serving.host, HubHost):
        raise TypeError("This is not a hub's service.")
    return serving.host.hub


def for_hub(handler: type[AqueductHandler]) -> type[AqueductHandler]:
    """Combine a handler with the service's base class."""
    more: dict[str, Any] = {"__doc__": handler.__doc__, "__module__": handler.__module__}
    return type(handler.__name__, (handler, HubHandler), more)
