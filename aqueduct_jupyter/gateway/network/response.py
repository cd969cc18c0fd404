"""A response as it arrives: bytes of a connection to a head and a body, by llhttp.

llhttp, in C, reads what comes, and calls nothing of ours for a chunk but a list's ``append``: what
a stream costs a chunk is a fraction of what it costs where each passes through Python (``make
bench`` says which). The connection itself is left to :mod:`.connection`.

* A body waits in :class:`Body` until it is taken; from :data:`READ_BYTES` on no more is read.
* Somebody may take reads on the spot (:meth:`Body.set_receiver`), before a task is woken for them.

Source: RFC 9112. httptools leaves to us: 1xx before the response, a body that ends with its
connection, and bounds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Protocol, cast

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

__all__ = ["LARGEST_HEAD", "READ_BYTES", "Body"]

READ_BYTES = 256 * 2**10
"""Bytes that are read at once, and from which no more is read before somebody takes them. A burst
is written on in as large pieces as are taken."""

LARGEST_HEAD = 64 * 2**10
"""Bytes that a response may have beside its body: heads, trailers and chunk extensions."""


class Source(Protocol):
    """What a response arrives on."""

    def close(self) -> None:
        """End it at once."""

    def finished(self, *, is_kept: bool) -> None:
        """Note that the response is complete, and whether another may follow."""

    def pause_reading(self) -> None:
        """Read no more for now."""

    def resume_reading(self) -> None:
        """Read on, if that was paused."""


class Body(httpx.AsyncByteStream):
    """A response as it arrives: its head, then its body, which is read once.

    Args:
        connection: what it arrives on.

    Attributes:
        status: the HTTP status, once ``has_head``.
        headers: the header fields, as they came.
        has_head: whether the head is there.
        is_complete: whether the body is.
        taken_at: when something was taken on the spot last, by ``time.monotonic``.
    """

    def __init__(self, connection: Source) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        self.taken_at = 0.0
        self.is_complete = self._is_kept = False
        self._connection = connection
        self._pieces: list[bytes] = []
        self._held = self._without_body = self._head_bytes = 0
        self._ends_with_connection = True
        self._error: httpx.TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._receive: Callable[[bytes], bool] | None = None
        self.on_body = self._pieces.append
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    def set_receiver(self, receive: Callable[[bytes], bool]) -> None:
        """Give each read to a receiver at the moment when it is read.

        A read that the receiver refuses (``receive`` returns False), and the last one, wait to be
        read here as usual, and the receiver gets nothing before that: the order stays.
        """
        if self._parser is not None:
            self._receive = receive

    async def head(self) -> None:
        """Wait for the head.

        Raises:
            httpx.ReadError: the connection ended before it.
            httpx.ProtocolError: what came is none.
        """
        while not self.has_head:
            await self._more()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the body, each time all that has arrived.

        Raises:
            httpx.RemoteProtocolError: it broke off.
        """
        pieces = self._pieces
        while True:
            if pieces:
                data = self._joined()
                pieces.clear()
                self._held = 0
                self._connection.resume_reading()
                yield data
            elif self.is_complete:
                return
            else:
                await self._more()

    async def aclose(self) -> None:
        """Close the connection, unless the body was complete, which has set it free already."""
        if not self.is_complete:
            self._connection.close()

    def feed(self, data: memoryview) -> None:
        """Read the next bytes of the connection."""
        if self._parser is None:
            return  # it is over
        pieces = self._pieces
        is_first = not pieces
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._connection.close()
            self.fail(httpx.RemoteProtocolError if self.has_head else httpx.ProtocolError, error)
            return
        if self.is_complete:
            self._connection.finished(is_kept=self._is_kept)
            self._end()
        elif pieces:
            self._without_body = 0
            receive = self._receive if is_first else None
            if receive and receive(pieces[0] if len(pieces) == 1 else self._joined()):
                pieces.clear()
                self.taken_at = monotonic()
                return
            self._hold(len(data))
        else:
            self._bound(len(data))
        self._wake()

    def fail(self, kind: type[httpx.TransportError], reason: object) -> None:
        """Note that nothing more will come; a complete body stays one."""
        if not self.is_complete:
            self._error = kind(str(reason))
        self._end()

    def lose(self, error: Exception | None) -> None:
        """Note that the connection has ended; some bodies end so."""
        if self.has_head and self._ends_with_connection and error is None:
            self.is_complete = True
            self._end()
        elif self._error is None:
            kind = httpx.RemoteProtocolError if self.has_head else httpx.ReadError
            self.fail(kind, error or "the connection was closed")

    # What the parser calls, by these names; on_body is the list's own.

    def on_message_begin(self) -> None:
        """Refuse a second response."""
        if self.is_complete:
            raise ValueError("nobody asked for another response")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field of the head; those after the body say nothing to us."""
        if self.has_head:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > LARGEST_HEAD:
            raise ValueError("the head is too large")
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Note that the head is there, if it is not one that only announces another."""
        self.status = cast(HttpResponseParser, self._parser).get_status_code()
        if self.status < 200:
            self.headers.clear()
            return
        self.has_head = True
        self._ends_with_connection = not any(map(_tells_length, self.headers))

    def on_message_complete(self) -> None:
        """Note that the body is over; whether the connection stays is known only now."""
        self.is_complete = self.has_head
        self._is_kept = cast(HttpResponseParser, self._parser).should_keep_alive()

    def _joined(self) -> bytes:
        if len(self._pieces) > 1:
            self._pieces[:] = [b"".join(self._pieces)]
        return self._pieces[0]

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held >= READ_BYTES:
            self._connection.pause_reading()

    def _bound(self, size: int) -> None:
        self._without_body += size
        if self._without_body > LARGEST_HEAD:
            self._connection.close()
            self.fail(httpx.ProtocolError, "too much that is no body")

    async def _more(self) -> None:
        if self._error:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _end(self) -> None:
        # The parser holds our methods, and whoever takes holds us: as long as they do, only the
        # collector can free a response, and after some hundred it would hold up every stream.
        self._parser = self._receive = None
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _tells_length(field: tuple[bytes, bytes]) -> bool:
    name, value = field[0].lower(), field[1].lower()
    return name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value)
