"""Answers that take long: streams of events, their heartbeat, and clients that disconnect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from ...gateway.requests.answers import ClientLeftError
from ...protocol.errors import AqueductError, RequestStoppedError
from .body import JSONBodyHandler
from .stream_writer import StreamWriter

__all__ = ["HEARTBEAT", "StreamingHandler"]

HEARTBEAT_SECONDS = 15.0
"""How long a stream may be silent before a comment keeps its connection alive, in seconds.

At least this often, from the request's start to its end, the server is marked as active, unless the
handler does not track activity.
"""

CLIENT_TIMEOUT = 600.0
"""How long a client may stop reading before its work is cancelled, in seconds."""

HEARTBEAT = b": waiting for the model\n\n"

STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # nginx and similar proxies would buffer the events
}


class StreamingHandler(JSONBodyHandler):
    """A handler whose answer may be a stream, and whose work ends when its client leaves."""

    sends_heartbeat = True
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    client_timeout: float = CLIENT_TIMEOUT
    _beat: asyncio.TimerHandle | None = None
    _writer: StreamWriter | None = None
    _work: asyncio.Task[None] | None = None
    _error_frames: Callable[[AqueductError], bytes] | None = None
    _has_client_left = False

    def on_connection_close(self) -> None:
        """Cancel the work for a client that has disconnected."""
        super().on_connection_close()
        self._has_client_left = True
        if self._work is not None:
            self._work.cancel()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Do the work of one request; if the client disconnects, it ends without an error."""
        self._work = asyncio.current_task()
        self._schedule_heartbeat()
        try:
            yield
        except RequestStoppedError as error:
            if not self._headers_written:
                raise
            self._end_stream(self._error_frames(error) if self._error_frames else None)
        except ClientLeftError:
            self.serving.log.debug("%s: the client left", self.request_id)
        except asyncio.CancelledError:
            if not self._has_client_left:
                raise
            self.serving.log.debug("%s: the client left", self.request_id)
        finally:
            self._stop_heartbeat()
            self._work = self._writer = self._error_frames = None  # they hold this handler

    async def send_stream(
        self,
        first: bytes,
        rest: AsyncIterator[bytes],
        error_frames: Callable[[AqueductError], bytes] | None = None,
        forward_directly: Callable[[Callable[[bytes], bool]], None] | None = None,
    ) -> None:
        """Send a stream of events, inside :meth:`working`.

        Args:
            first: its first frames.
            rest: all others.
            error_frames: writes an error as the stream's end.
            forward_directly: takes the function that sends frames at once.
        """
        for name, value in STREAM_HEADERS.items():
            self.set_header(name, value)
        self.say_duration()
        self._writer = StreamWriter(self, is_direct=self.serving.writes_directly)
        self._error_frames = error_frames
        await self._writer.send(first)
        if forward_directly is not None:
            forward_directly(self._writer.send_at_once)
        async for frames in rest:
            await self._writer.send(frames)
        self._end_stream()

    def _end_stream(self, last: bytes | None = None) -> None:
        # Closing the upstream may take a moment, and nothing may be written after the end.
        self._stop_heartbeat()
        self.finish(last)

    def _schedule_heartbeat(self) -> None:
        # One timer per request, not per chunk: it checks when something was last sent.
        pause = max(self.heartbeat_seconds - self._quiet_seconds, self.heartbeat_seconds / 10)
        self._beat = asyncio.get_running_loop().call_later(pause, self._keep_alive)

    def _keep_alive(self) -> None:
        # An idle culler would stop a server that only waits for a model or streams its answer.
        if self.tracks_activity:
            self.serving.host.note_activity(self)
        quiet = self._quiet_seconds
        if self._writer and self.sends_heartbeat and quiet >= self.heartbeat_seconds:
            is_taken = self._writer.send_at_once(HEARTBEAT)
            if not is_taken and quiet >= self.client_timeout:
                self._drop_client(quiet)
                return
        self._schedule_heartbeat()

    def _drop_client(self, seconds: float) -> None:
        self.serving.log.info(
            "%s: the client read nothing for %d seconds", self.request_id, seconds
        )
        if connection := self._connection:
            # The connection's own close() would not wake a task that waits for a write.
            connection.stream.close()

    @property
    def _quiet_seconds(self) -> float:
        sent_at = self._writer.sent_at if self._writer else None
        return 0 if sent_at is None else monotonic() - sent_at

    def _stop_heartbeat(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
