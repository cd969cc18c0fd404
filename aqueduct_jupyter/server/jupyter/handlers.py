"""The handlers inside Jupyter: what Jupyter's base class adds to each of them.

Each handler of :mod:`aqueduct_jupyter.server.http` is combined with :class:`JupyterHandler`. The
handler's own methods come first; Jupyter's headers, security policy and activity tracking come
from the base class.

If ``ServerApp.allow_origin`` admits other origins, their pages can read errors, too.
"""

from __future__ import annotations

import re
from asyncio import Future
from datetime import UTC, datetime
from typing import Any

from jupyter_server.auth import User
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler
from tornado.web import RequestHandler

from ...protocol.notes import MODEL_HEADER, NOTES_HEADER
from ..http.base import AqueductHandler
from ..http.serving import Host

__all__ = ["AUTH_RESOURCE", "JupyterHandler", "JupyterHost", "for_jupyter", "note_activity"]

EXPOSED_HEADERS = ", ".join(
    (
        *("x-request-id", "request-id"),
        *("retry-after", "x-should-retry", "openai-processing-ms"),
        *(MODEL_HEADER, NOTES_HEADER),
        *(
            f"x-ratelimit-{what}-{kind}"
            for kind in ("requests", "tokens")
            for what in ("limit", "remaining", "reset")
        ),
        *("content-disposition", "content-range"),
    )
)
"""The response headers that a page from another origin may read."""

JUPYTER_HEADERS = ("accept", "content-type", "authorization", "x-xsrftoken")
"""The request headers that Jupyter lets such a page send."""

_HEADER_NAME = re.compile(r"[a-z0-9-]{1,80}")
MAX_HEADERS = 64

AUTH_RESOURCE = "aqueduct"
"""The resource name by which a Jupyter server's authorizer allows or forbids our addresses."""


class JupyterHandler(APIHandler):
    """The base class of each of our handlers in a Jupyter server."""

    auth_resource = AUTH_RESOURCE

    @allow_unauthenticated
    def options(self, *args: Any, **kwargs: Any) -> None:
        """Answer a CORS preflight request."""
        super().options(*args, **kwargs)
        self.set_cors_headers()
        if "Access-Control-Allow-Headers" in self.settings.get("headers", {}):
            return
        asked = self.request.headers.get("Access-Control-Request-Headers", "").lower().split(",")
        # SDKs send a dozen headers of their own (x-stainless-...), and each version adds some.
        names = [name.strip() for name in asked[:MAX_HEADERS]]
        more = [name for name in names if _HEADER_NAME.fullmatch(name)]
        allowed = dict.fromkeys([*JUPYTER_HEADERS, *more])
        self.set_header("Access-Control-Allow-Headers", ", ".join(allowed))

    def set_cors_headers(self) -> None:
        """Set the CORS headers of the response, as the server's settings say."""
        # Without such a setting, Jupyter checks whether a token was used, which must be known.
        if self.allow_origin or self.allow_origin_pat or hasattr(self, "_jupyter_current_user"):
            super().set_cors_headers()
        self.set_header("Access-Control-Expose-Headers", EXPOSED_HEADERS)

    def check_xsrf_cookie(self) -> None:
        """Require the XSRF token only if a cookie authenticated the user; others get a 401.

        A page on another site can make a browser send a cookie, but not a token in a header.
        """
        if getattr(self, "_jupyter_current_user", None) is not None and not self.sent_token:
            super().check_xsrf_cookie()

    @property
    def sent_token(self) -> str:
        """The token in the Authorization header, or ""."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() in ("bearer", "token") else ""

    def let_in(self, user: User) -> None:
        """Set the user, authenticated by a token, before Jupyter looks for one."""
        # Jupyter, its tests and JupyterHub each keep the user under another name.
        self.current_user = self._jupyter_current_user = self._jupyterhub_user = user
        self._token_authenticated = True

    def finish(self, *args: Any, **kwargs: Any) -> Future[Any]:
        """Finish the response with its own content type; Jupyter would set JSON."""
        kind = self._headers.get("Content-Type", "application/json")
        return super().finish(*args, set_content_type=kind, **kwargs)


def note_activity(settings: dict[str, Any]) -> None:
    """Note in the settings of Jupyter's application that the server is in use."""
    settings["api_last_activity"] = datetime.now(UTC)


class JupyterHost(Host):
    """Jupyter, as the handlers see it."""

    def note_activity(self, handler: RequestHandler) -> None:
        """Note that the server is in use; otherwise an idle culler would stop it."""
        if isinstance(handler, JupyterHandler):
            handler.update_api_activity()

    def allow_origins(self, handler: RequestHandler) -> None:
        """Set the headers that let pages from other origins read a response."""
        if isinstance(handler, JupyterHandler):
            handler.set_cors_headers()


def for_jupyter(handler: type[AqueductHandler]) -> type[AqueductHandler]:
    """Combine a handler with Jupyter's base class."""
    # Jupyter's name for tracks_activity: a hub may stop an idle server.
    more = {
        "__doc__": handler.__doc__,
        "__module__": handler.__module__,
        "_track_activity": handler.tracks_activity,
    }
    return type(handler.__name__, (handler, JupyterHandler), more)
