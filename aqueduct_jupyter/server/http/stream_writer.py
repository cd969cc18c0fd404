"""This file is how the frames of a streamed answer go out: through Tornado, and past its buffers.

What is sent, and when a silence is broken, is left to :mod:`.chat`.

* Tornado's way takes two futures, a buffer and another round of the loop for each write: a third
  of what a chunk costs. Where nothing waits to be written and the system takes all of a write, none
  of that is needed: the chunk goes to the socket as it is.
* What the system does not take goes Tornado's way, and so does all that follows until it is out.
* That is done only where a chunk of ours is what Tornado would have written: the response is
  chunked (HTTP/1.1), and nothing compresses it.

Source of a chunk's form: RFC 9112, section 7.1.
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
        handler: whose response it is; its status and headers say what they have to.

    Attributes:
        sent_at: when something was sent last, by ``time.monotonic``; None before the first.
    """

    def __init__(self, handler: web.RequestHandler) -> None:
        self._handler = handler
        self._stream = _stream_of_chunks(handler)
        if self._stream:
            self._send = self._stream.socket.send
        self._sending: asyncio.Future[None] = asyncio.Future()
        self._sending.set_result(None)
        self._is_waiting = False
        self.sent_at: float | None = None

    async def send(self, frames: bytes) -> None:
        """Send frames, with the headers before the first, and wait until there is room for more.

        Raises:
            ClientLeftError: nobody is there to take them.
        """
        # Until these frames are out, none may overtake them.
        self._is_waiting = True
        try:
            await self._sending
            self._sending = self._flushed(frames)
            await self._sending
        except StreamClosedError:
            raise ClientLeftError from None
        self._is_waiting = False

    def send_at_once(self, frames: bytes) -> bool:
        """Send frames if the client has taken all before them; say whether it has."""
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
            taken = 0  # no room; or the connection is broken, which Tornado is to find
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
