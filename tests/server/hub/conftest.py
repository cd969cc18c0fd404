"""The hub of these tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from ...ports import port_of, reserve_port
from .standin_hub import Hub, UserHandler


@pytest.fixture
def hub(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Hub]:
    hub, reserved = Hub(), reserve_port()
    hub.url = f"http://127.0.0.1:{port_of(reserved)}"

    async def start() -> HTTPServer:
        (socket,) = bind_sockets(port_of(reserved), "127.0.0.1")
        server = HTTPServer(Application([("/user", UserHandler, {"hub": hub})]))
        server.add_socket(socket)
        return server

    server = jp_asyncio_loop.run_until_complete(start())
    hub.server = server
    yield hub
    server.stop()
    jp_asyncio_loop.run_until_complete(server.close_all_connections())
    reserved.close()
