"""A stand-in for a JupyterHub under load: it knows whose a token is, and can be away."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from .hub import Service, free_ports

__all__ = ["StandInHub", "stand_in_hub"]

ACCESS = "access:services!service=aqueduct"


class StandInHub:
    """What the service needs of a hub.

    Args:
        members: the groups of each user, by the user's name.
        port: where it listens.

    Attributes:
        is_away: whether it answers 503, as a hub's proxy does while the hub restarts.
    """

    def __init__(self, members: Mapping[str, frozenset[str]], port: int) -> None:
        self.tokens = {name: secrets.token_hex(16) for name in members}
        self.users: dict[str, dict[str, Any]] = {
            self.tokens[name]: {
                "kind": "user",
                "name": name,
                "groups": sorted(groups),
                "scopes": [ACCESS],
            }
            for name, groups in members.items()
        }
        self.is_away = False
        self.url = f"http://127.0.0.1:{port}"
        self.internal_url = f"{self.url}/hub/api"
        self.service = Service(free_ports(1)[0], secrets.token_hex(16), "")


class _UserHandler(RequestHandler):
    def initialize(self, hub: StandInHub) -> None:
        self.hub = hub

    def get(self) -> None:
        if self.hub.is_away:
            self.set_status(503)
            return
        token = self.request.headers.get("Authorization", "").rpartition(" ")[2]
        if token not in self.hub.users:
            self.set_status(403)
            return
        self.finish(json.dumps(self.hub.users[token]))


@contextmanager
def stand_in_hub(members: Mapping[str, frozenset[str]]) -> Iterator[StandInHub]:
    """Run a hub in a thread of its own, with these users in these groups."""
    (socket,) = bind_sockets(0, "127.0.0.1")
    hub, loop = StandInHub(members, socket.getsockname()[1]), asyncio.new_event_loop()

    async def serve() -> None:
        handlers = [("/hub/api/user", _UserHandler, {"hub": hub})]
        # Tornado would write each 503 to the terminal.
        HTTPServer(Application(handlers, log_function=lambda _: None)).add_socket(socket)

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
