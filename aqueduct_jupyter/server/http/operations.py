"""The operations of the API: bytes in, bytes out.

The requests themselves are handled in :mod:`aqueduct_jupyter.gateway.requests.forwarding` and, in
the background, in :mod:`aqueduct_jupyter.gateway.requests.background`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing

from tornado.iostream import StreamClosedError

from ...gateway.requests.admission import Asking
from ...gateway.requests.answers import ClientLeftError, WholeAnswer
from ...gateway.requests.operation import Operation
from ...gateway.requests.operations import OPERATIONS, RESPONSES
from ...gateway.requests.running import LONGEST_CLIENT_ID
from .body import authenticated_after_body
from .streaming import StreamingHandler

__all__ = ["OperationHandler"]

PIECE_BYTES = 256 * 2**10
"""Bytes of an answer that are written at once."""


class OperationHandler(StreamingHandler):
    """Answers a request of the operation in its address, whole or as a stream of events."""

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

    @authenticated_after_body
    async def post(self, path: str, deployment: str | None = None) -> None:  # noqa: ARG002  # see operation
        """Answer one request; if the client disconnects, it ends without an error.

        Args:
            path: the operation's path.
            deployment: the model, if the address names it as Azure's do.
        """
        asking = self._asking(deployment)
        with self.working():
            if self.operation is RESPONSES and await self._answer_in_background(asking):
                return
            async with self.gateway.forwarding.answer(self.operation, asking) as answer:
                self._set_headers(answer.headers)
                if not isinstance(answer, WholeAnswer):
                    await self.send_stream(
                        answer.first, answer.rest, answer.error_frames, answer.forward_directly
                    )
                    return
            # The request is over; however slowly its client reads, others may begin.
            self.set_header("Content-Type", answer.media_type)
            await self._send_whole(answer.body)

    async def _send_whole(self, body: bytes) -> None:
        """Finish the response; a large body in pieces, because Tornado copies what it is given."""
        if len(body) > PIECE_BYTES:
            self.set_header("Content-Length", str(len(body)))
            self.say_duration()
            try:
                for start in range(0, len(body), PIECE_BYTES):
                    self.write(body[start : start + PIECE_BYTES])
                    await self.flush()
            except StreamClosedError:
                raise ClientLeftError from None
            body = b""
        self.finish(body)

    async def _answer_in_background(self, asking: Asking) -> bool:
        started = await self.gateway.background.start(asking)
        if started is None:
            return False
        self._set_headers(started.headers)
        if started.events is None:
            self.answer(dict(started.response))
        else:
            async with aclosing(started.events) as events:
                await self.send_stream(await anext(events), events)
        return True

    def _set_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.set_header(name, value)

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
