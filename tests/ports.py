"""Ports that stay a test's own, also while nothing listens there."""

from __future__ import annotations

import socket

__all__ = ["port_of", "reserve_port"]


def reserve_port() -> socket.socket:
    """Find a port of 127.0.0.1 and keep it until the socket is closed.

    While nothing listens there, connections are refused. Whoever is told the port can listen there;
    whoever asks the system for any port, as the servers of tests that run beside do, gets another.
    """
    reserved = socket.socket()
    # A server that is told the port says so too; without it neither would get the other's port.
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def port_of(reserved: socket.socket) -> int:
    """Give the number of a socket's port."""
    return int(reserved.getsockname()[1])
