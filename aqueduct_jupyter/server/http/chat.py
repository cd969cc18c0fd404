"""This file is the address ``chat/completions``: bytes in, bytes out, and the client who leaves.

What happens between the two is left to :mod:`aqueduct_jupyter.gateway.requests.chat`.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from tornado import web

from ...gateway.requests.admission import Asking
from ...gateway.requests.answers import ClientLeftError, StreamedAnswer, WholeAnswer
from ...gateway.requests.running import LONGEST_CLIENT_ID
from ...gateway.requests.stream import error_event
from ...protocol.errors import RequestStoppedError
from .body import JSONBodyHandler, after_body
from .stream_writer import StreamWriter

__all__ = ["ChatCompletionsHandler"]

HEARTBEAT_SECONDS = 15.0
"""How long a stream that has begun may be silent before a comment keeps its connection alive.

As often at least the server says that it is not idle, from the request's beginning to its end.
"""

CLIENT_TIMEOUT = 600.0
"""How long a client may take nothing of a stream before its place at the upstream is another's."""

HEARTBEAT = b": waiting for the model\n\n"

STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # proxies of the nginx family would collect the events
}


class ChatCompletionsHandler(JSONBodyHandler):
    """Answers a chat, whole or as a stream of events."""

    heartbeat_seconds: float = HEARTBEAT_SECONDS
    client_timeout: float = CLIENT_TIMEOUT
    _beat: asyncio.TimerHandle | None = None
    _writer: StreamWriter | None = None
    _work: asyncio.Task[None] | None = None
    _has_client_left = False

    @property
    def max_body_bytes(self) -> int:
        """Bytes of the largest body: files in base64, and text."""
        return self.gateway.settings.max_body_bytes

    def on_connection_close(self) -> None:
        """Cancel the work for a client that has left, and with it the upstream's."""
        super().on_connection_close()
        self._has_client_left = True
        if self._work is not None:
            self._work.cancel()

    @web.authenticated
    @after_body
    async def post(self, deployment: str | None = None) -> None:
        """Answer one request; a client that leaves ends it without a word.

        Args:
            deployment: the model, where the address names it as Azure's do.
        """
        self._work = asyncio.current_task()
        self._schedule_heartbeat()
        try:
            async with self.gateway.chat.answer(self._asking(deployment)) as answer:
                for name, value in answer.headers.items():
                    self.set_header(name, value)
                if isinstance(answer, WholeAnswer):
                    self.answer(answer.body)
                else:
                    await self._stream(answer)
        except RequestStoppedError as error:
            if not self._headers_written:
                raise
            self._end_stream(error_event(error))
        except ClientLeftError:
            self.serving.log.debug("%s: the client left", self.request_id)
        except asyncio.CancelledError:
            if not self._has_client_left:
                raise
            self.serving.log.debug("%s: the client left", self.request_id)
        finally:
            self._stop_heartbeat()
            self._work = self._writer = None  # they hold this handler

    def _asking(self, deployment: str | None) -> Asking:
        return Asking(
            self.pieces(),
            self.caller,
            self.request_id,
            self._client_request_id,
            model=deployment,
            is_repeated=self._is_repeated,
        )

    @property
    def _client_request_id(self) -> str | None:
        """The client's own id of the request, under the header that the API has for it."""
        return self.request.headers.get("X-Client-Request-Id", "")[:LONGEST_CLIENT_ID] or None

    @property
    def _is_repeated(self) -> bool:
        """Whether the client tries again by itself, as the OpenAI SDKs count and tell."""
        return self.request.headers.get("X-Stainless-Retry-Count", "0") != "0"

    async def _stream(self, answer: StreamedAnswer) -> None:
        for name, value in STREAM_HEADERS.items():
            self.set_header(name, value)
        self.say_duration()
        self._writer = StreamWriter(self)
        await self._writer.send(answer.first)
        answer.forward_directly(self._writer.send_at_once)
        async for frames in answer.rest:
            await self._writer.send(frames)
        self._end_stream()

    def _end_stream(self, last: bytes | None = None) -> None:
        # Closing the upstream may take a moment yet, and nothing is written after the end.
        self._stop_heartbeat()
        self.finish(last)

    def _schedule_heartbeat(self) -> None:
        # One timer a request, not one a chunk: it looks back at when something was sent last.
        pause = max(self.heartbeat_seconds - self._quiet_seconds, self.heartbeat_seconds / 10)
        self._beat = asyncio.get_running_loop().call_later(pause, self._keep_alive)

    def _keep_alive(self) -> None:
        # An idle culler would stop a server that only waits for a model, or streams.
        self.serving.host.note_activity(self)
        quiet = self._quiet_seconds
        if self._writer and quiet >= self.heartbeat_seconds:
            is_taken = self._writer.send_at_once(HEARTBEAT)
            if not is_taken and quiet >= self.client_timeout:
                self._leave_client(quiet)
                return
        self._schedule_heartbeat()

    def _leave_client(self, seconds: float) -> None:
        self.serving.log.info(
            "%s: the client took nothing for %d seconds", self.request_id, seconds
        )
        if connection := self._connection:
            # Its own close() would leave whoever waits for a write waiting.
            connection.stream.close()

    @property
    def _quiet_seconds(self) -> float:
        sent_at = self._writer.sent_at if self._writer else None
        return 0 if sent_at is None else monotonic() - sent_at

    def _stop_heartbeat(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
