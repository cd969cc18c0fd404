"""What the handlers of one server share, and the interfaces of the host that they run in.

Jupyter and a hub each have their own authenticator and host. On plain Tornado, as in tests, only an
authenticator is needed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Protocol

from tornado.web import RequestHandler

from ...gateway.entry import Caller
from ...gateway.gateway import Gateway
from ...gateway.requests.hub_documents import HubDocuments
from ...gateway.upstreams.hub_service import HubService

__all__ = ["Authenticator", "Host", "Logger", "Serving"]

Logger = logging.Logger | logging.LoggerAdapter[Any]


class Authenticator(Protocol):
    """Identifies the caller of a request; the gateway itself knows nothing about tokens."""

    async def authenticate(self, handler: RequestHandler) -> Caller:
        """Return the caller of a request, before any of its body is read.

        This also sets the handler's ``current_user``, which Tornado's own code uses.

        Raises:
            AuthenticationError: the caller is unknown.
            PermissionDeniedError: the caller may not use this address.
        """
        ...


class Host:
    """What a host may do for a request besides answering it; this one does nothing."""

    admins = "administrators"
    """Who administers, for messages."""

    def begin(self, handler: RequestHandler) -> None:
        """Admit a request, before its caller is known.

        Raises:
            UnavailableError: the host takes no requests now.
        """

    def end(self, handler: RequestHandler) -> None:
        """Note that a request has ended."""

    def note_activity(self, handler: RequestHandler) -> None:
        """Note that the server is in use; a host may stop idle servers."""

    def allow_origins(self, handler: RequestHandler) -> None:
        """Set the headers that let pages from other origins read a response."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A gateway, and how it is served.

    Args:
        gateway: the gateway.
        authenticator: identifies callers.
        host: what the handlers run in.
        base_url: the path above all addresses; begins and ends with a slash.
        writes_directly: whether the chunks of a stream go past Tornado's buffers if possible.
        hub_service: the hub's service that answers all requests, if there is one.
        hub_documents: reads documents before the hub's service is asked.
        log: the handlers' log.
    """

    gateway: Gateway
    authenticator: Authenticator
    host: Host = field(default_factory=Host)
    base_url: str = "/"
    writes_directly: bool = True
    hub_service: HubService | None = None
    hub_documents: HubDocuments | None = None
    log: Logger = field(default_factory=lambda: logging.getLogger("aqueduct_jupyter.server"))
