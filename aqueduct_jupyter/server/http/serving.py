"""What the handlers of one server share, and what they ask of whatever they run in.

Jupyter and a hub each have an authenticator and a host of their own; on plain Tornado a test brings
an authenticator, and nothing else is needed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Protocol

from tornado.web import RequestHandler

from ...gateway.entry import Caller
from ...gateway.gateway import Gateway

__all__ = ["Authenticator", "Host", "Logger", "Serving"]

Logger = logging.Logger | logging.LoggerAdapter[Any]


class Authenticator(Protocol):
    """Finds out who asks; nothing below it knows what a token is."""

    async def authenticate(self, handler: RequestHandler) -> Caller:
        """Give the caller of a request, before any of its body is read.

        The handler's ``current_user`` is set as well, for whoever looks at Tornado's own idea of
        it.

        Raises:
            AuthenticationError: nobody known.
            PermissionDeniedError: somebody who may not ask for this.
        """
        ...


class Host:
    """What a server may do about a request beside answering it; this one does nothing."""

    def note_activity(self, handler: RequestHandler) -> None:
        """Note that somebody uses the server, which may be stopped when nobody does."""

    def allow_origins(self, handler: RequestHandler) -> None:
        """Set the headers that let pages of other origins read a response."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A gateway, and how it is served.

    Args:
        gateway: what is served.
        authenticator: who may ask.
        host: what the handlers run in.
        base_url: the path below which all addresses are; begins and ends with a slash.
        log: where handlers write.
    """

    gateway: Gateway
    authenticator: Authenticator
    host: Host = field(default_factory=Host)
    base_url: str = "/"
    log: Logger = field(default_factory=lambda: logging.getLogger("aqueduct_jupyter.server"))
