"""One connection to an upstream: HTTP/1.1, one request and its response at a time.

The response is parsed in :mod:`.response`. Connections are made and chosen in :mod:`.transport`;
timeouts are in :mod:`aqueduct_jupyter.gateway.upstreams.upstream`.

A complete response frees its connection, unless its request has not been fully sent. Otherwise the
connection is closed.

Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httpx

from .response import Body

__all__ = ["PIECE", "Connection"]

PIECE = 256 * 2**10
"""Bytes of a request's body per write."""


class Connection(asyncio.BufferedProtocol):
    """One connection.

    Args:
        buffer: receives each read briefly; all connections of one event loop may share it.
        is_free: called when the connection can carry the next request.
        is_gone: called when the connection can carry no more requests, maybe more than once.

    Attributes:
        has_answered: whether a byte has arrived since the last request was sent.
    """

    def __init__(
        self,
        buffer: memoryview,
        is_free: Callable[[Connection], None],
        is_gone: Callable[[Connection], None],
    ) -> None:
        self._buffer = buffer
        self._is_free = is_free
        self._is_gone = is_gone
        self._body: Body | None = None
        self._is_sent = True
        self.has_answered = False
        self._is_paused = self._is_closed = False
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for the head of its response, whose body is a :class:`Body`.

        Raises:
            httpx.TransportError: there is no response; the exception's type says why.
        """
        body = self._body = Body(self)
        self.has_answered = False
        try:
            await self._write(request, body)
            await body.head()
        except BaseException:
            self.close()
            raise
        return httpx.Response(body.status, headers=body.headers, stream=body, request=request)

    def close(self) -> None:
        """Close the connection at once, and abort the request that it carries."""
        self._is_closed = True
        self._is_gone(self)
        self._transport.abort()

    def finished(self, *, is_kept: bool) -> None:
        """Note that the response is complete."""
        if is_kept and self._is_sent and not self._is_closed:
            self._body = None
            self._is_free(self)
        else:
            self.close()

    def pause_reading(self) -> None:
        """Pause reading."""
        if not self._is_paused and not self._is_closed:
            self._is_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Resume reading, if it was paused."""
        if self._is_paused and not self._is_closed:
            self._is_paused = False
            self._transport.resume_reading()

    async def _write(self, request: httpx.Request, body: Body) -> None:
        lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
        lines += [b"%b: %b" % field for field in request.headers.raw]
        head, content = b"\r\n".join([*lines, b"", b""]), request.content
        if len(content) <= PIECE:
            self._transport.write(head + content)
            return
        self._is_sent = False
        self._transport.write(head)
        view = memoryview(content)
        # Writing a large body at once would delay all other requests.
        for start in range(0, len(view), PIECE):
            await self._has_room.wait()
            if body.has_head or self._is_closed:
                return  # the request has been answered, or cannot be
            self._transport.write(view[start : start + PIECE])
        self._is_sent = True

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # asyncio's signature
        """Return the buffer for the next read."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Pass on the bytes that were read; the buffer is reused after this call."""
        if self._body is None:
            self.close()  # no request was sent
        else:
            self.has_answered = True
            self._body.feed(self._buffer[:nbytes])

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake all waiting tasks."""
        if self._is_closed and exc is None:
            exc = ConnectionAbortedError("the connection was closed here")
        self._is_closed = True
        self._has_room.set()
        if self._body is not None:
            self._body.lose(exc)
            self._body = None
        self._is_gone(self)

    def pause_writing(self) -> None:
        """Stop sending a body until there is room."""
        self._has_room.clear()

    def resume_writing(self) -> None:
        """Continue sending the body."""
        self._has_room.set()
