"""Who asks, in a Jupyter server: its own users, and the kernels that it has given a key.

A kernel's key is let in by naming its user before Jupyter looks for one; no cookie is set, and no
other handler knows such a key. Everybody else is found by the server's identity provider, and asks
its authorizer.
"""

from __future__ import annotations

from collections.abc import Callable

from jupyter_server.auth import User
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ensure_async
from tornado import web

from ...gateway.entry import Caller
from ...gateway.requests.keys import SERVER_LIFE, KernelKeys
from ...protocol.errors import AuthenticationError, PermissionDeniedError
from .handlers import JupyterHandler

__all__ = ["JupyterAuthenticator"]


class JupyterAuthenticator:
    """Finds out who asks.

    Args:
        keys: the keys of this server's kernels.
        is_alive: whether a kernel of this id runs here.
        owner: whose server this is; "" where Jupyter does not tell.
    """

    def __init__(self, keys: KernelKeys, is_alive: Callable[[str], bool], owner: str = "") -> None:
        self._keys = keys
        self._is_alive = is_alive
        self._owner = owner

    async def authenticate(self, handler: web.RequestHandler) -> Caller:
        """Give the caller of a request; raises as :class:`.serving.Authenticator` says."""
        if not isinstance(handler, JupyterHandler):
            raise TypeError("Only handlers made by for_jupyter are served here.")
        key = self._admit_kernel(handler)
        await self._ask_jupyter(handler)
        if key is None:
            await _ask_authorizer(handler)
        kernel = None if key == SERVER_LIFE else key
        return Caller(self._owner, kernel, key=key)

    def _admit_kernel(self, handler: JupyterHandler) -> str | None:
        key = self._keys.kernel_of(handler.sent_token)
        if key is None or not (key == SERVER_LIFE or self._is_alive(key)):
            return None
        handler.let_in(User(username=f"kernel-{key}"))
        return key

    async def _ask_jupyter(self, handler: JupyterHandler) -> None:
        try:
            # Our own prepare is what called us; this is the one below it.
            await APIHandler.prepare(handler)
        except web.HTTPError as error:
            # Jupyter says 404 where it does not serve a page of another origin.
            is_refused = error.status_code in (403, 404)
            if is_refused and handler.current_user is None and handler.check_host():
                raise _who_are_you(handler) from None
            raise web.HTTPError(403 if is_refused else error.status_code) from None
        if handler.current_user is None or _has_wrong_token(handler):
            raise _who_are_you(handler)


async def _ask_authorizer(handler: JupyterHandler) -> None:
    action = "read" if handler.request.method in ("GET", "HEAD") else "write"
    resource = handler.auth_resource
    allowed = handler.authorizer.is_authorized(handler, handler.current_user, action, resource)
    if not await ensure_async(allowed):
        raise PermissionDeniedError(f"You may not {action} {resource} on this server.")


def _has_wrong_token(handler: JupyterHandler) -> bool:
    # A cookie, which Jupyter gives to every client with a token, does not make this one right.
    is_checked = handler.identity_provider.auth_enabled
    return is_checked and bool(handler.sent_token) and not handler.token_authenticated


def _who_are_you(handler: JupyterHandler) -> AuthenticationError:
    if "Authorization" in handler.request.headers:
        message = "The token is not one that this server knows."
    else:
        message = "A token is missing."
    return AuthenticationError(
        f"{message} Send 'Authorization: Bearer TOKEN' with this Jupyter server's token, or "
        "from a notebook the key in AQUEDUCT_API_KEY."
    )
