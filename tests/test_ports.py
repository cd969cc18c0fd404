"""A reserved port is nobody else's while nothing listens there."""

from __future__ import annotations

import socket

import pytest

from .standin import StandIn


def test_a_stand_in_that_is_stopped_keeps_its_port() -> None:
    with StandIn() as standin:
        standin.stop()
        address = ("127.0.0.1", standin.port)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(address)
        standin.start()
        socket.create_connection(address).close()
