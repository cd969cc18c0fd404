"""The service's page: usage, running requests and budgets; a user's own, or an administrator's all.

Its login is the hub's OAuth. The page is a static file; its script asks the service's API with the
cookie and the hub's XSRF token, and shows all that it gets as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated
from tornado import web
from tornado.escape import xhtml_escape

from ...protocol.errors import AqueductError, AuthenticationError
from ..http.serving import Serving
from .authentication import HubAuthenticator
from .host import hub_of

__all__ = ["page_routes"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The content security policy of the page: nothing that is written into it runs."""

_PLACE = re.compile(r"\[\[([A-Z]+)\]\]")
_KINDS = {"page.js": "text/javascript", "page.css": "text/css"}


class PageHandler(HubOAuthenticated, web.RequestHandler):  # type: ignore[misc]  # not annotated
    """The page."""

    def initialize(self, serving: Serving) -> None:
        """Store the argument from the route table."""
        self.serving = serving

    @property
    def hub_auth(self) -> HubOAuth:
        """JupyterHub's client."""
        return hub_of(self.serving)

    async def get(self) -> None:
        """Answer with the page, or send a browser without a login to the hub."""
        authenticator = self.serving.authenticator
        if not isinstance(authenticator, HubAuthenticator):
            raise TypeError("This is not a hub's service.")
        try:
            # The page contains its XSRF token, so a script must not get the page by a cookie.
            if not (token := authenticator.token_of(self)):
                raise AuthenticationError("The page needs a login.")
            user = await authenticator.user_of(token)
        except AuthenticationError:
            self.redirect(self.get_login_url())
            return
        except AqueductError as error:
            self.set_status(error.status)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{error.message}\n")
            return
        self.current_user = user.name
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        page = files(__package__).joinpath("page", "index.html").read_text()
        words = {
            "XSRF": self.xsrf_token.decode("ascii"),
            "USER": user.name,
            "ROLE": "administrator" if user.is_admin else "user",
            "HUB": self.hub_auth.hub_prefix,
        }
        self.finish(_PLACE.sub(lambda found: xhtml_escape(words[found[1]]), page))


class PageFileHandler(web.RequestHandler):
    """What the page is made of; it is the same for everybody."""

    def initialize(self, serving: Serving) -> None:
        """Store the argument from the route table."""
        self.serving = serving

    async def get(self, name: str) -> None:
        """Answer with a file."""
        self.set_header("Content-Type", f"{_KINDS[name]}; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-cache")
        self.finish(files(__package__).joinpath("page", name).read_bytes())


class CallbackHandler(HubOAuthCallbackHandler):  # type: ignore[misc]  # it is not annotated
    """The end of a login."""

    def initialize(self, serving: Serving) -> None:
        """Store the argument from the route table."""
        self.hub_auth = hub_of(serving)


def page_routes() -> Iterator[tuple[str, type[web.RequestHandler]]]:
    """Yield the addresses below the service's prefix, and their handlers."""
    yield "", PageHandler
    yield "(page.js|page.css)", PageFileHandler
    yield "oauth_callback", CallbackHandler
