"""A stand-in for the hub's API, which answers on a socket; a real hub is in ``tests/hub``."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyterhub.services.auth import HubOAuth
from tornado.web import RequestHandler

from aqueduct_jupyter.gateway.requests.agent_keys import AgentKeyring, AgentKeys
from aqueduct_jupyter.server.hub.authentication import HubAuthenticator

__all__ = ["ACCESS", "Hub", "UserHandler"]

ACCESS = "access:services!service=aqueduct"


class Hub:
    """A stand-in for the hub's API: users by token, and the tokens that it was asked about."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.status = 200
        self.is_asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.now = 0.0
        self.agent_keys: AgentKeyring = AgentKeys()

    def add(self, token: str, name: str, *scopes: str, **more: Any) -> None:
        user = {"kind": "user", "name": name, "groups": [], "scopes": [ACCESS, *scopes]}
        self.users[token] = {**user, **more}

    def client(self) -> HubOAuth:
        return HubOAuth(
            api_url=self.url, api_token="t", oauth_client_id="c", access_scopes={ACCESS}
        )

    def authenticator(self) -> HubAuthenticator:
        return HubAuthenticator(self.client(), self.agent_keys, seconds=60, clock=lambda: self.now)


class UserHandler(RequestHandler):
    def initialize(self, hub: Hub) -> None:
        self.hub = hub

    async def get(self) -> None:
        token = self.request.headers["Authorization"].removeprefix("token ")
        self.hub.asked.append(token)
        self.hub.is_asked.set()
        await self.hub.gate.wait()
        found = self.hub.users.get(token)
        self.set_status(self.hub.status if found or self.hub.status != 200 else 403)
        self.finish(json.dumps(found or {}))
