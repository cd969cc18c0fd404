"""Authentication in a Jupyter server: its own users, and kernels and agents with a key.

For such a key, the user is set before Jupyter looks for one. No cookie is set, and no other
handler accepts such a key. All other callers go through the server's identity provider and
authorizer.
"""

from __future__ import annotations

from collections.abc import Callable

from jupyter_server.auth import User
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import ensure_async
from tornado import web

from ...gateway.entry import AGENT, Caller
from ...gateway.requests.agent_keys import AgentKeyring, is_agents
from ...gateway.requests.keys import SERVER_LIFE, KernelKeys
from ...protocol.errors import AuthenticationError, PermissionDeniedError
from .handlers import JupyterHandler

__all__ = ["JupyterAuthenticator"]


class JupyterAuthenticator:
    """Identifies the caller of a request.

    Args:
        keys: the keys of this server's kernels.
        agent_keys: the keys of its agents.
        has_service: whether a hub's service answers, which knows the keys of agents.
        is_alive: tells whether the kernel with this id runs here.
        owner: the server's owner; "" if Jupyter does not say.
    """

    def __init__(
        self,
        keys: KernelKeys,
        agent_keys: AgentKeyring,
        is_alive: Callable[[str], bool],
        owner: str = "",
        *,
        has_service: bool = False,
    ) -> None:
        self._keys = keys
        self._agent_keys = agent_keys
        self._is_alive = is_alive
        self._owner = owner
        self._has_service = has_service

    async def authenticate(self, handler: web.RequestHandler) -> Caller:
        """Return the caller of a request; see :class:`.serving.Authenticator`."""
        if not isinstance(handler, JupyterHandler):
            raise TypeError("The handler was not made by for_jupyter.")
        token = handler.sent_token
        caller = self._kernel_of(token) or await self._agent_of(token)
        if caller is not None:
            kind = "" if caller.is_agent else "kernel-"
            handler.let_in(User(username=f"{kind}{caller.key}"))
        await self._ask_jupyter(handler)
        if caller is None:
            await _ask_authorizer(handler)
        return caller or Caller(self._owner, is_admin=True)

    def _kernel_of(self, token: str) -> Caller | None:
        key = self._keys.kernel_of(token)
        if key is None or not (key == SERVER_LIFE or self._is_alive(key)):
            return None
        return Caller(self._owner, None if key == SERVER_LIFE else key, key=key)

    async def _agent_of(self, token: str) -> Caller | None:
        if self._has_service:
            # The service gets the key itself, and decides.
            return Caller(self._owner, AGENT, key=AGENT) if is_agents(token) else None
        return await self._agent_keys.caller_of(token)

    async def _ask_jupyter(self, handler: JupyterHandler) -> None:
        try:
            # Our own prepare called this method; call the one of the base class.
            await APIHandler.prepare(handler)
        except web.HTTPError as error:
            # Jupyter answers 404 when it refuses a page from another origin.
            is_refused = error.status_code in (403, 404)
            if is_refused and handler.current_user is None and handler.check_host():
                raise _unauthenticated(handler) from None
            raise web.HTTPError(403 if is_refused else error.status_code) from None
        if handler.current_user is None or _has_wrong_token(handler):
            raise _unauthenticated(handler)


async def _ask_authorizer(handler: JupyterHandler) -> None:
    action = "read" if handler.request.method in ("GET", "HEAD") else "write"
    resource = handler.auth_resource
    allowed = handler.authorizer.is_authorized(handler, handler.current_user, action, resource)
    if not await ensure_async(allowed):
        raise PermissionDeniedError(f"You may not {action} {resource} on this server.")


def _has_wrong_token(handler: JupyterHandler) -> bool:
    # Jupyter gives every client with a token a cookie, but a cookie does not excuse a wrong token.
    is_checked = handler.identity_provider.auth_enabled
    return is_checked and bool(handler.sent_token) and not handler.token_authenticated


def _unauthenticated(handler: JupyterHandler) -> AuthenticationError:
    if is_agents(handler.sent_token):
        message = "The agent's key has expired, was revoked, or belongs to another server."
    elif "Authorization" in handler.request.headers:
        message = "The token is not valid for this server."
    else:
        message = "The request has no token."
    return AuthenticationError(
        f"{message} Send 'Authorization: Bearer TOKEN' with this Jupyter server's token or, from "
        "a notebook, with the key in AQUEDUCT_API_KEY."
    )
