"""Authentication in a hub's service: the hub says whose a token is, and what it may do.

The hub is asked through JupyterHub's own client. Its answers are trusted for some seconds, so a
request costs the hub nothing if its token was just seen, and known tokens go on working while the
hub is away. For as long, a token that was revoked still works.

Source: https://jupyterhub.readthedocs.io/en/stable/reference/services.html
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from cachetools import TTLCache
from jupyterhub.services.auth import HubOAuth
from tornado.web import HTTPError, RequestHandler

from ...gateway.entry import Caller
from ...gateway.requests.agent_keys import AgentKeyring, is_agents, key_is_over
from ...gateway.requests.keys import SERVER_LIFE
from ...protocol.errors import AuthenticationError, PermissionDeniedError, UnavailableError
from ...protocol.relay import KERNEL_HEADER, OWNER_HEADER

__all__ = ["ADMIN_SCOPE", "HubAuthenticator", "HubUser"]

ADMIN_SCOPE = "custom:aqueduct:admin"
"""The hub's scope that opens what administrators need."""

MOST_USERS = 20_000
"""How many answers of the hub are remembered at a time: a bound for memory."""

UNKNOWN_SECONDS = 5.0
"""How long a token that the hub does not know is refused without asking again, in seconds."""

HUB_SECONDS = 10.0
"""How long the hub may take to answer, in seconds."""

HUB_AWAY_SECONDS = 5.0
"""Seconds after which a client may try again while the hub does not answer."""

_KERNEL = re.compile(r"[A-Za-z0-9-]{1,64}")
"""What a user's server may send as a kernel's id; an agent's name has a colon."""


@dataclass(frozen=True, slots=True)
class HubUser:
    """A user, or a service, as the hub described it.

    Args:
        name: the user's name; a service's begins with ``service:``.
        groups: the user's groups.
        is_admin: whether the token has :data:`ADMIN_SCOPE`.
    """

    name: str
    groups: frozenset[str] = frozenset()
    is_admin: bool = False


class HubAuthenticator:
    """Identifies the caller of a request by the hub.

    Args:
        hub: JupyterHub's client.
        agent_keys: the keys of agents.
        seconds: how long an answer of the hub is trusted, in seconds.
        clock: returns seconds; for tests.
    """

    def __init__(
        self,
        hub: HubOAuth,
        agent_keys: AgentKeyring,
        *,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub = hub
        self._agent_keys = agent_keys
        self._known: TTLCache[bytes, HubUser] = TTLCache(MOST_USERS, seconds, timer=clock)
        self._unknown: TTLCache[bytes, str] = TTLCache(MOST_USERS, UNKNOWN_SECONDS, timer=clock)
        self._asking: dict[bytes, asyncio.Task[HubUser]] = {}

    async def authenticate(self, handler: RequestHandler) -> Caller:
        """Return the caller of a request; see :class:`..http.serving.Authenticator`."""
        if not (token := self.token_of(handler)):
            raise AuthenticationError(
                "The request has no token. Send 'Authorization: Bearer TOKEN' with a token of this "
                "JupyterHub, from its page Token, or ask from a notebook."
            )
        if is_agents(token):
            return await self._agent(handler, token)
        user = await self.user_of(token)
        handler.current_user = user.name
        return _caller(user, token, handler.request.headers.get(KERNEL_HEADER, ""))

    def token_of(self, handler: RequestHandler) -> str:
        """Return the token of a request, or of the login in its cookie; "" if it has none.

        Raises:
            PermissionDeniedError: a page's script sent the cookie without the hub's XSRF token.
        """
        if token := self._hub.get_token(handler, in_cookie=False):
            return str(token)
        if token := self._hub.get_token(handler):
            self._check_page(handler)
        return str(token or "")

    async def _agent(self, handler: RequestHandler, key: str) -> Caller:
        caller = await self._agent_keys.caller_of(key)
        if caller is None:
            raise key_is_over()
        if handler.request.headers.get(OWNER_HEADER, caller.owner) != caller.owner:
            raise AuthenticationError("The agent's key belongs to another user's server.")
        try:
            user = await self.user_of(caller.token)
        except AuthenticationError as error:
            raise AuthenticationError(
                "The agent's key ended with the token that it was made with: the user's server was "
                "stopped, or the token has expired. Make a new key with POST aqueduct/keys."
            ) from error
        handler.current_user = caller.owner
        return replace(caller, groups=user.groups, token="")

    async def user_of(self, token: str) -> HubUser:
        """Return the user whose token this is.

        Raises:
            AuthenticationError: the hub does not know it.
            PermissionDeniedError: its user may not use this service.
            UnavailableError: the hub does not answer.
        """
        key = sha256(token.encode()).digest()
        if (user := self._known.get(key)) is not None:
            return user
        if (reason := self._unknown.get(key)) is not None:
            raise AuthenticationError(reason)
        # Many requests with one token ask the hub once.
        if (asking := self._asking.get(key)) is None:
            asking = self._asking[key] = asyncio.create_task(self._ask(key, token))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(asking)

    async def _ask(self, key: bytes, token: str) -> HubUser:
        try:
            async with asyncio.timeout(HUB_SECONDS):
                model = await self._hub.user_for_token(token, use_cache=False, sync=False)
        except (HTTPError, OSError) as error:
            raise UnavailableError(
                "The JupyterHub does not answer, so it is not known whose token this is. Try again "
                "in some seconds.",
                code="hub_unavailable",
                retry_after=HUB_AWAY_SECONDS,
            ) from error
        if model is None:
            self._unknown[key] = reason = (
                "The JupyterHub does not know this token. It may have expired or been revoked: "
                "make a new one on the hub's page Token."
            )
            raise AuthenticationError(reason)
        if not self._hub.check_scopes(self._hub.access_scopes, model):
            scope = min(self._hub.access_scopes, key=len)
            raise PermissionDeniedError(
                f"This token does not give access to the service: it needs the scope {scope}. A "
                "user's server gets it from c.Spawner.server_token_scopes, a user from a role.",
                code="missing_scope",
            )
        user = self._known[key] = _user(model)
        return user

    def _check_page(self, handler: RequestHandler) -> None:
        """Require the hub's XSRF token of a page's requests, which have only its cookie.

        A page on another site can make a browser send a cookie, but not this token.
        """
        try:
            handler.check_xsrf_cookie()
        except HTTPError as error:
            raise PermissionDeniedError(
                "The request has no valid XSRF token. Load the page again.", code="missing_xsrf"
            ) from error


def _user(model: Mapping[str, Any]) -> HubUser:
    is_service = model.get("kind") == "service"
    name = str(model["name"])
    return HubUser(
        f"service:{name}" if is_service else name,
        frozenset(map(str, model.get("groups") or ())),
        ADMIN_SCOPE in (model.get("scopes") or ()),
    )


def _caller(user: HubUser, token: str, kernel: str) -> Caller:
    """Return the caller; a user's server says for which of its kernels it asks."""
    if not kernel:
        return Caller(user.name, groups=user.groups, is_admin=user.is_admin, token=token)
    # A kernel may do less than its user, here as in the user's server.
    is_known = _KERNEL.fullmatch(kernel) is not None and kernel != SERVER_LIFE
    return Caller(
        user.name,
        kernel if is_known else None,
        groups=user.groups,
        key=kernel if is_known else SERVER_LIFE,
    )
