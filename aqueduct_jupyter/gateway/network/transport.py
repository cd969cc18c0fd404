"""The transport: persistent connections, behind httpx's interface.

It only provides a new or reused connection for each request, or httpx's exceptions. HTTP is in
:mod:`.connection`; retries and timeouts of answers are in the upstreams.

An upstream may close an idle connection just as a request is sent on it. If no byte came back, the
request is sent once more, on a new connection.

Proxies (``HTTPS_PROXY``, ``NO_PROXY``) and CA bundles (``SSL_CERT_FILE``) come from the
environment; the setting ``ca_bundle`` takes precedence. An upstream behind a proxy is reached
through httpx's own transport, and so is any other if the operator says so.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import defaultdict
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from .connection import Connection
from .response import READ_BYTES

__all__ = ["NetworkTransport", "network"]

KEPT_CONNECTIONS_SECONDS = 4.0
"""How long an idle connection is kept, in seconds; uvicorn closes it after 5 seconds."""

MOST_CONNECTIONS = 1000
"""How many connections to one upstream there are by default, at most."""

SECOND_ADDRESS_SECONDS = 0.25
"""Seconds before a name's second address is tried in parallel. Source: RFC 8305."""

_Origin = tuple[str, int]


def network(
    base_url: str,
    ca_bundle: Path | None = None,
    *,
    max_connections: int = MOST_CONNECTIONS,
    is_httpx: bool = False,
) -> httpx.AsyncBaseTransport:
    """Create the transport to an upstream: direct, or through the environment's proxy.

    Reading the certificates takes tens of milliseconds.

    Args:
        base_url: the upstream's URL.
        ca_bundle: the certificates to trust; None for those of the environment.
        max_connections: how many connections there are, at most.
        is_httpx: whether httpx's own transport is used without a proxy too.
    """
    url, proxies, tls = httpx.URL(base_url), getproxies(), _certificates(base_url, ca_bundle)
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if proxy and proxy_bypass(url.host):
        proxy = None
    if not proxy and not is_httpx:
        return NetworkTransport(tls, max_connections=max_connections)
    limits = httpx.Limits(
        max_connections=max_connections,
        max_keepalive_connections=100,
        keepalive_expiry=KEPT_CONNECTIONS_SECONDS,
    )
    return httpx.AsyncHTTPTransport(proxy=proxy, verify=tls or True, limits=limits)


class NetworkTransport(httpx.AsyncBaseTransport):
    """Sends requests over persistent connections, without cookies and redirects.

    Args:
        tls: the TLS context; None for URLs without TLS.
        max_connections: how many requests are under way, at most; others wait. Each has its own
            connection, so this is the most connections too.
    """

    def __init__(
        self, tls: ssl.SSLContext | None = None, *, max_connections: int = MOST_CONNECTIONS
    ) -> None:
        self._tls = tls
        self._places = asyncio.Semaphore(max_connections)
        self._busy: set[Connection] = set()
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._origins: dict[Connection, _Origin] = {}
        self._idle: defaultdict[_Origin, dict[Connection, asyncio.TimerHandle]] = defaultdict(dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for the response's head.

        Raises:
            httpx.TransportError: there is no response; the exception's type says why.
        """
        url, timeouts = request.url, request.extensions.get("timeout", {})
        origin = url.raw_host.decode("ascii"), url.port or (80 if url.scheme == "http" else 443)
        await self._take_place(timeouts.get("pool"))
        if idle := self._idle[origin]:
            # The most recently used connection is the likeliest to be open still.
            connection, expiry = idle.popitem()
            expiry.cancel()
            self._busy.add(connection)
            try:
                return await connection.send(request)
            except httpx.NetworkError:
                if connection.has_answered:
                    raise
            # The connection's end has freed its place.
            await self._take_place(timeouts.get("pool"))
        tls = self._tls if url.scheme == "https" else None
        try:
            connection = await self._connect(origin, timeouts.get("connect"), tls)
        except BaseException:
            self._places.release()
            raise
        self._busy.add(connection)
        return await connection.send(request)

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in [*self._origins]:
            connection.close()

    async def _take_place(self, seconds: float | None) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._places.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("all connections are in use") from error

    def _free_place(self, connection: Connection) -> None:
        if connection in self._busy:
            self._busy.remove(connection)
            self._places.release()

    async def _connect(
        self, origin: _Origin, seconds: float | None, tls: ssl.SSLContext | None
    ) -> Connection:
        loop = asyncio.get_running_loop()
        connection = Connection(self._buffer, self._keep, self._forget)
        race = _race(loop, origin[0])
        try:
            async with asyncio.timeout(seconds):
                await loop.create_connection(lambda: connection, *origin, ssl=tls, **race)
        except (OSError, UnicodeError) as error:
            raise _as_httpx(error) from error
        self._origins[connection] = origin
        return connection

    def _keep(self, connection: Connection) -> None:
        self._free_place(connection)
        expiry = asyncio.get_running_loop().call_later(KEPT_CONNECTIONS_SECONDS, connection.close)
        self._idle[self._origins[connection]][connection] = expiry

    def _forget(self, connection: Connection) -> None:
        self._free_place(connection)
        origin = self._origins.pop(connection, None)
        if origin and (expiry := self._idle[origin].pop(connection, None)):
            expiry.cancel()


def _race(loop: asyncio.AbstractEventLoop, host: str) -> dict[str, Any]:
    """Return the options that also try a host's second address, if the event loop supports them.

    uvloop does not, and an IP address has no second address.
    """
    try:
        ip_address(host)
    except ValueError:
        is_able = isinstance(loop, asyncio.BaseEventLoop)
        return {"happy_eyeballs_delay": SECOND_ADDRESS_SECONDS} if is_able else {}
    return {}


def _certificates(base_url: str, ca_bundle: Path | None) -> ssl.SSLContext | None:
    """Read the trusted certificates; None for a URL without TLS."""
    if base_url.startswith("http:"):
        return None
    if ca_bundle:
        return ssl.create_default_context(cafile=str(ca_bundle))
    return httpx.create_ssl_context()


def _as_httpx(error: OSError | UnicodeError) -> httpx.TransportError:
    """Convert a connection error to httpx's exception."""
    if isinstance(error, TimeoutError):
        return httpx.ConnectTimeout(str(error))
    if isinstance(error, ssl.SSLError):
        return httpx.ConnectError(f"ssl: {error}")
    if isinstance(error, socket.gaierror | UnicodeError):
        return httpx.ConnectError(f"name resolution: {error}")
    return httpx.ConnectError(str(error))
