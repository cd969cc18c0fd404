"""Request bodies: read after authentication, piece by piece.

Authentication and error envelopes are in :mod:`.base`; the handlers interpret the body.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from tornado import web
from tornado.iostream import StreamClosedError

from ...protocol.errors import AqueductError, BodyTooLargeError, InvalidRequestError, MediaTypeError
from .base import AqueductHandler
from .serving import Serving

__all__ = ["BodyHandler", "JSONBodyHandler", "authenticated_after_body"]

LARGEST_DISCARDED_BODY = 2**30
"""Bytes of a refused body that are read and discarded, so that the client can read the answer."""

DISCARDING_SECONDS = 30.0
"""How long the client of a refused body may keep sending it, in seconds."""

SMALL = 4 * 2**10
"""Size, in bytes, up to which chunks are joined: a list of them would be larger than the body."""

PIECE = 2**20
"""Bytes of small chunks that are joined into one piece."""

SILENT_SECONDS = 60.0
"""How long a client may send nothing in the middle of its body, in seconds."""


_Arguments = ParamSpec("_Arguments")
_Handler = TypeVar("_Handler", bound="BodyHandler")
_Verb = Callable[Concatenate[_Handler, _Arguments], Coroutine[Any, Any, None]]


def authenticated_after_body(
    verb: _Verb[_Handler, _Arguments],
) -> _Verb[_Handler, _Arguments]:
    """Apply ``web.authenticated`` to a method of :class:`BodyHandler` whose request has a body.

    The method runs once the body is complete. If the request was refused, its response has been
    sent, and neither the check nor the method runs. Jupyter recognizes a method that checks
    authentication by the beginning of its decorator's name.
    """
    checked = web.authenticated(verb)

    @wraps(checked)
    async def answer(
        self: _Handler, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> None:
        if self.ends_refusal():
            return
        if (answering := checked(self, *args, **kwargs)) is not None:
            await answering

    return answer


@web.stream_request_body
class BodyHandler(AqueductHandler, ABC):
    """A handler that receives its body itself, after authentication.

    A refusal is sent at once, but the connection stays open until the rest of the body has been
    read and discarded. If it closed while the client was still sending, the client would see a
    broken connection instead of the error.

    If a client stops sending in the middle of its body, it gets an error and the connection closes.
    """

    verbs_with_body: tuple[str, ...] = ("POST",)
    _is_refused = False
    _silence: asyncio.TimerHandle | None = None

    async def prepare(self) -> None:
        """Authenticate the caller, then check whether the body is acceptable."""
        if connection := self._connection:
            # Set before the first byte of the body; it replaces the host's own limit.
            connection.set_max_body_size(LARGEST_DISCARDED_BODY)
        try:
            await super().prepare()
            if self._takes_body:
                await self.begin_body()
                self._wait_for_more()
        except AqueductError as error:
            await self._refuse(error)

    async def data_received(self, chunk: bytes) -> None:
        """Receive a chunk of the body; the client waits until it has been processed."""
        if self._is_refused or not self._takes_body:
            return
        self._stop_waiting()
        try:
            await self.receive(chunk)
        except AqueductError as error:
            await self._refuse(error)
        else:
            self._wait_for_more()
            # Tornado continues with buffered data, which may be tens of megabytes.
            await asyncio.sleep(0)

    def on_connection_close(self) -> None:
        """Stop waiting for a client that has disconnected."""
        super().on_connection_close()
        self._stop_waiting()

    def declared_bytes(self) -> int:
        """Return the size from Content-Length; 0 if that is missing or invalid."""
        declared = self.request.headers.get("Content-Length", "")
        return int(declared) if declared.isdecimal() else 0

    async def _refuse(self, error: AqueductError) -> None:
        if self.declared_bytes() > LARGEST_DISCARDED_BODY:
            raise error
        self._is_refused = True
        self.log_exception(type(error), error, None)
        body = json.dumps(self.envelope(error)).encode()
        self.set_error_headers(error)
        self.set_header("Content-Type", "application/json")
        self.set_header("Content-Length", str(len(body)))
        self.set_status(error.status)
        self.say_duration()
        self.write(body)
        with suppress(StreamClosedError):
            await self.flush()
        if connection := self._connection:
            connection.set_body_timeout(DISCARDING_SECONDS)

    @authenticated_after_body
    async def _answer_405(self, *_: Any, **__: Any) -> None:
        raise web.HTTPError(405)

    # Tornado closes the connection if a request is over before its body has been read. A refusal
    # must keep it open, so it ends in the verb, even in one that the address does not have.
    get = head = post = put = patch = delete = _answer_405

    def ends_refusal(self) -> bool:
        """Note that the body is complete; finish the response if the request was refused."""
        self._stop_waiting()
        if self._is_refused:
            self.finish()
        return self._is_refused

    @property
    def _takes_body(self) -> bool:
        return self.request.method in self.verbs_with_body

    def _wait_for_more(self) -> None:
        # The timer runs only while we wait for the client, not while a slow disk writes.
        loop = asyncio.get_running_loop()
        self._silence = loop.call_later(SILENT_SECONDS, self._end_silence)

    def _stop_waiting(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _end_silence(self) -> None:
        self._ending = asyncio.ensure_future(self._refuse_silent_client())

    async def _refuse_silent_client(self) -> None:
        await self._refuse(
            InvalidRequestError(
                f"No more of the body arrived for {SILENT_SECONDS:g} seconds. Send the request "
                "again.",
                status=408,
                code="body_timeout",
            )
        )
        if connection := self._connection:
            connection.close()

    @abstractmethod
    async def begin_body(self) -> None:
        """Check the request's headers; raises an AqueductError to refuse the body."""

    @abstractmethod
    async def receive(self, chunk: bytes) -> None:
        """Receive a chunk of the body; raises an AqueductError to refuse the rest."""


class JSONBodyHandler(BodyHandler):
    """A handler that collects a JSON body, up to a limit, without decoding it."""

    def initialize(self, serving: Serving) -> None:
        """Store the arguments from the route table, and start with an empty body."""
        super().initialize(serving)
        self._pieces: list[bytes] = []
        self._small = bytearray()
        self._size = 0

    @property
    @abstractmethod
    def max_body_bytes(self) -> int:
        """The largest body that this address accepts, in bytes."""

    async def begin_body(self) -> None:
        """Check the request's headers.

        Raises:
            BodyTooLargeError: the body is larger than this address accepts.
            MediaTypeError: the body is not JSON, or is compressed.
        """
        self._check_size(self.declared_bytes())
        headers = self.request.headers
        kind = headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
        if not self.is_acceptable(kind):
            raise MediaTypeError(
                f"The content type is {kind or 'empty'}. Send Content-Type: {self.content_type}."
            )
        if "Content-Encoding" in headers:
            raise MediaTypeError("Compressed bodies are not supported. Send it uncompressed.")

    async def receive(self, chunk: bytes) -> None:
        """Store a chunk of the body.

        Raises:
            BodyTooLargeError: the body is larger than this address accepts.
        """
        self._size += len(chunk)
        self._check_size(self._size)
        if len(chunk) > SMALL:
            self._end_piece()
            self._pieces.append(chunk)
        else:
            self._small += chunk
            if len(self._small) >= PIECE:
                self._end_piece()

    @property
    def content_type(self) -> str:
        """The content type that this address accepts, for messages."""
        return "application/json"

    def is_acceptable(self, kind: str) -> bool:
        """Return whether a body of this content type is acceptable."""
        return kind.endswith("json")

    def pieces(self) -> list[bytes]:
        """Return the body's pieces, and keep none of them: they may be megabytes."""
        self._end_piece()
        pieces, self._pieces = self._pieces, []
        return pieces

    def _end_piece(self) -> None:
        if self._small:
            self._pieces.append(bytes(self._small))
            self._small = bytearray()

    def _check_size(self, size: int) -> None:
        if size > self.max_body_bytes:
            raise BodyTooLargeError(
                f"The body has at least {size} bytes; the limit is {self.max_body_bytes}. Send "
                "fewer or smaller files, or upload them to /files and refer to them by id."
            )
