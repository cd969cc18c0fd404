"""A response as it arrives: a connection's bytes parsed into a head and a body by llhttp.

llhttp is written in C and, for a chunk, calls only a list's ``append``. So a chunk costs a fraction
of what it would cost in Python (see ``make bench``). The connection is in :mod:`.connection`.

* A body is buffered in :class:`Body` until it is read; at :data:`READ_BYTES`, reading pauses.
* A receiver (:meth:`Body.set_receiver`) can take reads at once, without waking a task.

Source: RFC 9112. httptools leaves to us: 1xx responses, bodies that end with their connection, and
size limits.
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
"""Maximum bytes of one read; when this many are buffered, reading pauses. Bursts are passed on in
pieces as large as they were read."""

LARGEST_HEAD = 64 * 2**10
"""Bytes that a response may have besides its body: heads, trailers and chunk extensions."""


class Source(Protocol):
    """The connection on which a response arrives."""

    def close(self) -> None:
        """Close it at once."""

    def finished(self, *, is_kept: bool) -> None:
        """Note that the response is complete, and whether another may follow."""

    def pause_reading(self) -> None:
        """Pause reading."""

    def resume_reading(self) -> None:
        """Resume reading, if it was paused."""


class Body(httpx.AsyncByteStream):
    """A response as it arrives: its head, then its body, which is read once.

    Args:
        connection: the connection on which it arrives.

    Attributes:
        status: the HTTP status, once ``has_head``.
        headers: the header fields, unchanged.
        has_head: whether the head has arrived.
        is_complete: whether the body has arrived completely.
        taken_at: when a receiver last took a read, by ``time.monotonic``.
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
        """Pass each read to a receiver as soon as it is read.

        A read that the receiver refuses (``receive`` returns False), and the last one, are buffered
        as usual. The receiver gets nothing more until the buffer is empty, so the order stays.
        """
        if self._parser is not None:
            self._receive = receive

    async def head(self) -> None:
        """Wait for the head.

        Raises:
            httpx.ReadError: the connection ended first.
            httpx.ProtocolError: it is not a valid HTTP response.
        """
        while not self.has_head:
            await self._more()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body, each time all bytes that have arrived.

        Raises:
            httpx.RemoteProtocolError: the body is incomplete.
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
        """Close the connection, unless the body was complete, which has already freed it."""
        if not self.is_complete:
            self._connection.close()

    def feed(self, data: memoryview) -> None:
        """Read the next bytes of the connection."""
        if self._parser is None:
            return  # the response has ended
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
        """Note an error; it is ignored if the body is already complete."""
        if not self.is_complete:
            self._error = kind(str(reason))
        self._end()

    def lose(self, error: Exception | None) -> None:
        """Note that the connection has ended, which is also how some bodies end."""
        if self.has_head and self._ends_with_connection and error is None:
            self.is_complete = True
            self._end()
        elif self._error is None:
            kind = httpx.RemoteProtocolError if self.has_head else httpx.ReadError
            self.fail(kind, error or "the connection was closed")

    # Called by the parser, under these names; on_body is the list's append.

    def on_message_begin(self) -> None:
        """Refuse a second response."""
        if self.is_complete:
            raise ValueError("the upstream sent an unexpected second response")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header field; trailers are ignored."""
        if self.has_head:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > LARGEST_HEAD:
            raise ValueError("the head is too large")
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Note that the head is complete, unless it belongs to a 1xx response."""
        self.status = cast(HttpResponseParser, self._parser).get_status_code()
        if self.status < 200:
            self.headers.clear()
            return
        self.has_head = True
        self._ends_with_connection = not any(map(_tells_length, self.headers))

    def on_message_complete(self) -> None:
        """Note that the body is complete; only now is it known if the connection can be kept."""
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
            self.fail(httpx.ProtocolError, "too many bytes outside of the body")

    async def _more(self) -> None:
        if self._error:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _end(self) -> None:
        # The parser and the receiver hold references to us. Without breaking these cycles, only the
        # garbage collector could free responses, and hundreds of them would stall every stream.
        self._parser = self._receive = None
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _tells_length(field: tuple[bytes, bytes]) -> bool:
    name, value = field[0].lower(), field[1].lower()
    return name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value)
