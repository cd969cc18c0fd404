"""The handlers inside Jupyter: what its own base class does for each of them.

Every handler of :mod:`aqueduct_jupyter.server.http` is put before :class:`JupyterHandler`, so its
methods come first, and Jupyter's headers, security policy and activity below them.

Where ``ServerApp.allow_origin`` lets other origins in, their pages can read errors, too.
"""

from __future__ import annotations

import re
from asyncio import Future
from typing import Any

from jupyter_server.auth import User
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler
from tornado.web import RequestHandler

from ..http.base import AqueductHandler
from ..http.serving import Host

__all__ = ["AUTH_RESOURCE", "JupyterHandler", "JupyterHost", "for_jupyter"]

EXPOSED_HEADERS = ", ".join(
    (
        *("x-request-id", "retry-after", "x-should-retry", "openai-processing-ms"),
        *(
            f"x-ratelimit-{what}-{kind}"
            for kind in ("requests", "tokens")
            for what in ("limit", "remaining", "reset")
        ),
        *("content-disposition", "content-range"),
    )
)
"""What a page of another origin may read of a response."""

JUPYTER_HEADERS = ("accept", "content-type", "authorization", "x-xsrftoken")
"""What Jupyter lets such a page send."""

_HEADER_NAME = re.compile(r"[a-z0-9-]{1,80}")
MOST_HEADERS = 64

AUTH_RESOURCE = "aqueduct"
"""The name under which a Jupyter server's authorizer may allow or forbid our addresses."""


class JupyterHandler(APIHandler):
    """What comes below each of our handlers in a Jupyter server."""

    auth_resource = AUTH_RESOURCE

    @allow_unauthenticated
    def options(self, *args: Any, **kwargs: Any) -> None:
        """Answer a browser that asks what a page of another origin may send."""
        super().options(*args, **kwargs)
        self.set_cors_headers()
        if "Access-Control-Allow-Headers" in self.settings.get("headers", {}):
            return
        asked = self.request.headers.get("Access-Control-Request-Headers", "").lower().split(",")
        # SDKs send a dozen of their own (x-stainless-...), and there are new ones in each version.
        names = [name.strip() for name in asked[:MOST_HEADERS]]
        more = [name for name in names if _HEADER_NAME.fullmatch(name)]
        allowed = dict.fromkeys([*JUPYTER_HEADERS, *more])
        self.set_header("Access-Control-Allow-Headers", ", ".join(allowed))

    def set_cors_headers(self) -> None:
        """Say what pages of other origins may read, as the server's settings have it."""
        # Without such a setting Jupyter looks whether a token let the user in, which must be known.
        if self.allow_origin or self.allow_origin_pat or hasattr(self, "_jupyter_current_user"):
            super().set_cors_headers()
        self.set_header("Access-Control-Expose-Headers", EXPOSED_HEADERS)

    def check_xsrf_cookie(self) -> None:
        """Ask for the XSRF token only where a cookie let the user in; a stranger is told 401.

        A page of another site can make a browser send a cookie, and not a token in a header.
        """
        if getattr(self, "_jupyter_current_user", None) is not None and not self.sent_token:
            super().check_xsrf_cookie()

    @property
    def sent_token(self) -> str:
        """The token in the header, "" where there is none."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() in ("bearer", "token") else ""

    def let_in(self, user: User) -> None:
        """Say who asks, by a token, before anybody looks for it."""
        # The three names under which Jupyter, its tests and JupyterHub keep who was found.
        self.current_user = self._jupyter_current_user = self._jupyterhub_user = user
        self._token_authenticated = True

    def finish(self, *args: Any, **kwargs: Any) -> Future[Any]:
        """Finish the response with the content type that it has; Jupyter would say JSON."""
        kind = self._headers.get("Content-Type", "application/json")
        return super().finish(*args, set_content_type=kind, **kwargs)


class JupyterHost(Host):
    """Jupyter, as the handlers know it."""

    def note_activity(self, handler: RequestHandler) -> None:
        """Note that somebody uses the server; an idle culler would stop it otherwise."""
        if isinstance(handler, JupyterHandler):
            handler.update_api_activity()

    def allow_origins(self, handler: RequestHandler) -> None:
        """Set the headers that let pages of other origins read a response."""
        if isinstance(handler, JupyterHandler):
            handler.set_cors_headers()


def for_jupyter(handler: type[AqueductHandler]) -> type[AqueductHandler]:
    """Give a handler as Jupyter runs it."""
    # Under Jupyter's name for it: a hub may stop a server that is idle.
    more = {
        "__doc__": handler.__doc__,
        "__module__": handler.__module__,
        "_track_activity": handler.tracks_activity,
    }
    return type(handler.__name__, (handler, JupyterHandler), more)
