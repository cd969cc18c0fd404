"""Writes the frames of a streamed answer, past Tornado's buffers when possible.

What is sent, and the heartbeat, are in :mod:`.streaming`.

* For each write, Tornado uses two futures, a buffer and another loop iteration: a third of a
  chunk's cost. If no earlier write is pending, the chunk goes directly to the socket instead.
* If the system accepts only part of it, Tornado writes the rest, and everything after it until its
  buffer is empty.
* This is done only if Tornado would have written the same bytes: the response is chunked
  (HTTP/1.1) and not compressed. An operator can turn it off.

Source of the chunk format: RFC 9112, section 7.1.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from tornado import web
from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream, StreamClosedError

from ...gateway.requests.answers import ClientLeftError

__all__ = ["StreamWriter"]


class StreamWriter:
    """Writes the frames of one response.

    Args:
        handler: the handler of the response, whose status and headers are set.
        is_direct: whether chunks go past Tornado's buffers if possible.

    Attributes:
        sent_at: when frames were last sent, by ``time.monotonic``; None before the first.
    """

    def __init__(self, handler: web.RequestHandler, *, is_direct: bool = True) -> None:
        self._handler = handler
        self._stream = _stream_of_chunks(handler) if is_direct else None
        if self._stream:
            self._send = self._stream.socket.send
        self._sending: asyncio.Future[None] = asyncio.Future()
        self._sending.set_result(None)
        self._is_waiting = False
        self.sent_at: float | None = None

    async def send(self, frames: bytes) -> None:
        """Send frames, the first time with the headers, and wait until there is room for more.

        Raises:
            ClientLeftError: the client has disconnected.
        """
        # No other frames may overtake these.
        self._is_waiting = True
        try:
            await self._sending
            self._sending = self._flushed(frames)
            await self._sending
        except StreamClosedError:
            raise ClientLeftError from None
        self._is_waiting = False

    def send_at_once(self, frames: bytes) -> bool:
        """Send frames if all earlier ones have been written; return whether they were sent."""
        stream = self._stream
        if self._is_waiting or not self._sending.done():
            return False
        if stream is None:
            self._sending = self._flushed(frames)
            return True
        chunk = b"%x\r\n%b\r\n" % (len(frames), frames)
        try:
            taken = self._send(chunk)
        except OSError:
            taken = 0  # no room, or the connection is broken, which Tornado will detect
        if taken < len(chunk):
            if stream.closed():
                return False
            self._sending = stream.write(memoryview(chunk)[taken:])
        self.sent_at = monotonic()
        return True

    def _flushed(self, frames: bytes) -> asyncio.Future[None]:
        self.sent_at = monotonic()
        self._handler.write(frames)
        return self._handler.flush()


def _stream_of_chunks(handler: web.RequestHandler) -> IOStream | None:
    connection = handler.request.connection
    if handler.request.version != "HTTP/1.1" or handler.application.transforms:
        return None
    if not isinstance(connection, HTTP1Connection) or connection.stream.closed():
        return None
    return connection.stream
