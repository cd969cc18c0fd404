"""This file is the network below :mod:`.upstream`: aiohttp, in the place of httpx's own transport.

aiohttp's parser is in C, and what a stream costs a chunk is a fraction of it (``make bench`` says
which). Only what a transport must do is here: a request out, a response in, and aiohttp's
exceptions as those of httpx that mean the same. Retries and timeouts of answers are left to
:mod:`.upstream`.

Proxies (``HTTPS_PROXY``, ``NO_PROXY``) and CA bundles (``SSL_CERT_FILE``) are the environment's;
``ca_bundle`` of the settings goes first. An upstream behind a proxy is asked through httpx's own
transport.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from .settings import UpstreamSettings

__all__ = ["NetworkTransport", "network"]

KEPT_CONNECTIONS_SECONDS = 30.0
"""How long an idle connection is kept for the next request."""

KEPT_CONNECTIONS = httpx.Limits(
    max_connections=None,
    max_keepalive_connections=100,
    keepalive_expiry=KEPT_CONNECTIONS_SECONDS,
)
"""Of connections through a proxy, which are never limited here, as the others are not."""

READ_BYTES = 256 * 2**10
"""Bytes of a stream from which no more is read before somebody takes them; twice that is kept. A
burst is written on in as large pieces as are taken."""

PIECE = 256 * 2**10
"""Bytes of a request's body that are written together."""

OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What aiohttp would add by itself; the request says all that it wants said."""


def network(settings: UpstreamSettings) -> httpx.AsyncBaseTransport:
    """Give the way to an upstream: straight, or through the proxy that the environment names.

    Reading the certificates takes tens of milliseconds.
    """
    url, proxies, tls = httpx.URL(settings.base_url), getproxies(), _certificates(settings)
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.host):
        return NetworkTransport(tls)
    return httpx.AsyncHTTPTransport(proxy=proxy, verify=tls or True, limits=KEPT_CONNECTIONS)


class NetworkTransport(httpx.AsyncBaseTransport):
    """Carries requests over connections that are kept, without cookies and without redirects.

    Args:
        tls: how certificates are checked; None for addresses without TLS.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for the response's head.

        Raises:
            httpx.TransportError: there is none; what kind says why.
        """
        limits = request.extensions.get("timeout", {})
        try:
            response = await self._opened().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers,
                data=_pieces(request.content) if len(request.content) > PIECE else request.content,
                allow_redirects=False,
                skip_auto_headers=OWN_HEADERS,
                timeout=aiohttp.ClientTimeout(sock_connect=limits.get("connect")),
            )
        except aiohttp.ClientError as error:
            raise _as_httpx(error) from error
        return httpx.Response(
            response.status, headers=response.raw_headers, stream=_Body(response), request=request
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Connections are never limited here: budgets are, elsewhere, with a message.
            connector = _Connector(
                limit=0,
                keepalive_timeout=KEPT_CONNECTIONS_SECONDS,
                ssl=self._tls or True,
                # Names mean what they mean to every other program here, hosts files included.
                resolver=aiohttp.ThreadedResolver(),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=READ_BYTES,
            )
        return self._session


def _certificates(settings: UpstreamSettings) -> ssl.SSLContext | None:
    """Read which authorities are trusted; nothing is read for an address without TLS."""
    if settings.base_url.startswith("http:"):
        return None
    if settings.ca_bundle:
        return ssl.create_default_context(cafile=str(settings.ca_bundle))
    return httpx.create_ssl_context()


async def _pieces(data: bytes) -> AsyncIterator[memoryview]:
    """Give a large body bit by bit: written at once, it would hold up all other requests."""
    view = memoryview(data)
    for start in range(0, len(view), PIECE):
        yield view[start : start + PIECE]


class _Connector(aiohttp.TCPConnector):
    """Makes connections that are cheap to read many small chunks from."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # There is no public way to say what a connection is made of. An aiohttp that does not look
        # here any more makes streams that cost more, and are the same.
        connection: Callable[[], ResponseHandler] = partial(_Connection, loop=self._loop)
        self._factory = connection  # type: ignore[assignment]  # a call is all that it is used for


class _Connection(ResponseHandler):
    def resume_reading(self, *which: Any, **named: Any) -> None:
        # aiohttp resumes after every chunk that is taken, paused or not, and runs its parser on
        # nothing for it: a fifth of what a chunk costs.
        if self._reading_paused:
            super().resume_reading(*which, **named)


class _Body(httpx.AsyncByteStream):
    """A response's body: all that has arrived with each read."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while data := await content.readany():
                yield data
        except aiohttp.ClientError as error:
            raise _as_httpx(error) from error

    async def aclose(self) -> None:
        # One that was read to its end has given its connection back already.
        self._response.close()


def _as_httpx(error: aiohttp.ClientError) -> httpx.TransportError:
    """Give the exception by which httpx says the same."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return httpx.ConnectTimeout(str(error))
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return httpx.ConnectError(f"certificate: {error.certificate_error}")
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return httpx.ConnectError(f"ssl: {error.os_error}")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return httpx.ConnectError(f"name resolution: {error.os_error}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return httpx.ConnectError(str(error.os_error))
    if isinstance(error, aiohttp.ServerTimeoutError):
        return httpx.ReadTimeout(str(error))
    if isinstance(error, aiohttp.ClientConnectionError):
        return httpx.ReadError(str(error))
    if isinstance(error, aiohttp.ClientPayloadError):
        return httpx.RemoteProtocolError(str(error))
    return httpx.ProtocolError(str(error))
