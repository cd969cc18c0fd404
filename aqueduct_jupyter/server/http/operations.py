"""The operations of the API: bytes in, bytes out, and clients that disconnect.

The requests themselves are handled in :mod:`aqueduct_jupyter.gateway.requests.forwarding`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic

from ...gateway.requests.admission import Asking
from ...gateway.requests.answers import ClientLeftError, StreamedAnswer, WholeAnswer
from ...gateway.requests.operation import Operation
from ...gateway.requests.operations import OPERATIONS
from ...gateway.requests.running import LONGEST_CLIENT_ID
from ...protocol.errors import AqueductError, RequestStoppedError
from .body import JSONBodyHandler, authenticated_after_body
from .stream_writer import StreamWriter

__all__ = ["OperationHandler"]

HEARTBEAT_SECONDS = 15.0
"""How long a stream may be silent before a comment keeps its connection alive, in seconds.

At least this often, from the request's start to its end, the server is marked as active.
"""

CLIENT_TIMEOUT = 600.0
"""How long a client may stop reading before its upstream request is cancelled, in seconds."""

HEARTBEAT = b": waiting for the model\n\n"

STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # nginx and similar proxies would buffer the events
}


class OperationHandler(JSONBodyHandler):
    """Answers a request of the operation in its address, whole or as a stream of events."""

    heartbeat_seconds: float = HEARTBEAT_SECONDS
    client_timeout: float = CLIENT_TIMEOUT
    _beat: asyncio.TimerHandle | None = None
    _writer: StreamWriter | None = None
    _work: asyncio.Task[None] | None = None
    _error_frames: Callable[[AqueductError], bytes] | None = None
    _has_client_left = False

    @property
    def operation(self) -> Operation:
        """The operation that this address is for."""
        return OPERATIONS[self.path_kwargs["path"]]

    @property
    def content_type(self) -> str:
        """The content type that this address accepts, for messages."""
        return "multipart/form-data" if self.operation.is_form else "application/json"

    def is_acceptable(self, kind: str) -> bool:
        """Return whether a body of this content type is acceptable."""
        if self.operation.is_form:
            return kind == "multipart/form-data"
        return super().is_acceptable(kind)

    @property
    def max_body_bytes(self) -> int:
        """The largest body, in bytes: files in base64, and text."""
        return self.gateway.settings.max_body_bytes

    def on_connection_close(self) -> None:
        """Cancel the work for a client that has disconnected, and the upstream request with it."""
        super().on_connection_close()
        self._has_client_left = True
        if self._work is not None:
            self._work.cancel()

    @authenticated_after_body
    async def post(self, path: str, deployment: str | None = None) -> None:  # noqa: ARG002  # see operation
        """Answer one request; if the client disconnects, it ends without an error.

        Args:
            path: the operation's path.
            deployment: the model, if the address names it as Azure's do.
        """
        self._work = asyncio.current_task()
        self._schedule_heartbeat()
        try:
            asking = self._asking(deployment)
            async with self.gateway.forwarding.answer(self.operation, asking) as answer:
                for name, value in answer.headers.items():
                    self.set_header(name, value)
                if isinstance(answer, WholeAnswer):
                    self.set_header("Content-Type", answer.media_type)
                    self.answer(answer.body)
                else:
                    await self._stream(answer)
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

    def _asking(self, deployment: str | None) -> Asking:
        return Asking(
            self.pieces(),
            self.caller,
            self.request_id,
            self._client_request_id,
            model=deployment,
            is_repeated=self._is_repeated,
            content_type=self.request.headers.get("Content-Type", ""),
            headers=self.passed_headers(),
        )

    def passed_headers(self) -> Mapping[str, str]:
        """Return the client's headers that go upstream, with names in lower case."""
        return {}

    @property
    def _client_request_id(self) -> str | None:
        """The client's own id for the request, from the API's header for it."""
        return self.request.headers.get("X-Client-Request-Id", "")[:LONGEST_CLIENT_ID] or None

    @property
    def _is_repeated(self) -> bool:
        """Whether this is a client's own retry, according to the OpenAI SDKs' retry count."""
        return self.request.headers.get("X-Stainless-Retry-Count", "0") != "0"

    async def _stream(self, answer: StreamedAnswer) -> None:
        for name, value in STREAM_HEADERS.items():
            self.set_header(name, value)
        self.say_duration()
        self._writer = StreamWriter(self, is_direct=self.serving.writes_directly)
        self._error_frames = answer.error_frames
        await self._writer.send(answer.first)
        answer.forward_directly(self._writer.send_at_once)
        async for frames in answer.rest:
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
        self.serving.host.note_activity(self)
        quiet = self._quiet_seconds
        if self._writer and quiet >= self.heartbeat_seconds:
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
