"""This file is how a handler takes a body: after it is known who sends it, piece by piece.

Who asks, and errors as envelopes, are left to :mod:`.base`; what the body means, to the handlers.
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

__all__ = ["BodyHandler", "JSONBodyHandler", "after_body"]

LARGEST_DISCARDED_BODY = 2**30
"""Bytes of a refused body that are read and dropped, so that the client gets to read the answer."""

DISCARDING_SECONDS = 30.0
"""How long the client of a refused body may go on sending it."""

SMALL = 4 * 2**10
"""Bytes up to which what arrives is put together: a list of it would be larger than the body."""

PIECE = 2**20
"""Bytes of small ones that are put together."""

SILENT_SECONDS = 60.0
"""How long a client may send nothing in the middle of its body."""


_Arguments = ParamSpec("_Arguments")
_Handler = TypeVar("_Handler", bound="BodyHandler")
_Verb = Callable[Concatenate[_Handler, _Arguments], Coroutine[Any, Any, None]]


def after_body(verb: _Verb[_Handler, _Arguments]) -> _Verb[_Handler, _Arguments]:
    """Decorate a verb of :class:`BodyHandler` whose request has a body."""

    @wraps(verb)
    async def answer(
        self: _Handler, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> None:
        await self.answer_after_body(verb(self, *args, **kwargs))

    return answer


@web.stream_request_body
class BodyHandler(AqueductHandler, ABC):
    """A handler that takes its body itself, after it is known who sends it.

    A refusal is sent at once, but the connection stays open until the body is over, whose rest is
    dropped: closed on a client that still sends, it would take the answer along, and the client
    would see a broken connection in the place of a sentence.

    A client that falls silent in the middle of its body is told so, and its connection closed.
    """

    verbs_with_body: tuple[str, ...] = ("POST",)
    _is_refused = False
    _silence: asyncio.TimerHandle | None = None

    async def prepare(self) -> None:
        """Find out who asks, then whether the body is wanted."""
        if not self._takes_body:
            await super().prepare()
            return
        if connection := self._connection:
            # Before the first byte of the body, whatever the host's own limit is.
            connection.set_max_body_size(LARGEST_DISCARDED_BODY)
        try:
            await super().prepare()
            await self.begin_body()
            self._wait_for_more()
        except AqueductError as error:
            await self._refuse(error)

    async def data_received(self, chunk: bytes) -> None:
        """Take a piece of the body; the sender waits until that is done."""
        if self._is_refused or not self._takes_body:
            return
        self._stop_waiting()
        try:
            await self.receive(chunk)
        except AqueductError as error:
            await self._refuse(error)
        else:
            self._wait_for_more()
            # Tornado goes on with what has arrived by now, which may be tens of megabytes.
            await asyncio.sleep(0)

    def on_connection_close(self) -> None:
        """Wait no more for a client that has left."""
        super().on_connection_close()
        self._stop_waiting()

    def declared_bytes(self) -> int:
        """Give the body's size as its head says it; 0 where it does not, or talks nonsense."""
        declared = self.request.headers.get("Content-Length", "")
        return int(declared) if declared.isdecimal() else 0

    async def _refuse(self, error: AqueductError) -> None:
        if self.declared_bytes() > LARGEST_DISCARDED_BODY:
            raise error
        self._is_refused = True
        self.log_exception(type(error), error, None)
        body = json.dumps(error.envelope()).encode()
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

    async def answer_after_body(self, answering: Coroutine[Any, Any, None]) -> None:
        """Answer, now that the body is over; a refusal has been sent and only ends."""
        self._stop_waiting()
        if self._is_refused:
            answering.close()
            self.finish()
        else:
            await answering

    @property
    def _takes_body(self) -> bool:
        return self.request.method in self.verbs_with_body

    def _wait_for_more(self) -> None:
        # Only while the client is to send: what the disk takes its time for is not its fault.
        loop = asyncio.get_running_loop()
        self._silence = loop.call_later(SILENT_SECONDS, self._end_silence)

    def _stop_waiting(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _end_silence(self) -> None:
        self._ending = asyncio.ensure_future(self._refuse_the_silent())

    async def _refuse_the_silent(self) -> None:
        await self._refuse(
            InvalidRequestError(
                f"Nothing more of the body came for {SILENT_SECONDS:g} seconds. Send it again.",
                status=408,
                code="body_timeout",
            )
        )
        if connection := self._connection:
            connection.close()

    @abstractmethod
    async def begin_body(self) -> None:
        """Look at the head; raises an AqueductError where the body is not wanted."""

    @abstractmethod
    async def receive(self, chunk: bytes) -> None:
        """Take a piece of the body; raises an AqueductError where no more is wanted."""


class JSONBodyHandler(BodyHandler):
    """A handler that keeps a body of JSON, up to a limit, as the bytes it is."""

    def initialize(self, serving: Serving) -> None:
        """Take what the route table hands over, and begin with an empty body."""
        super().initialize(serving)
        self._pieces: list[bytes] = []
        self._small = bytearray()
        self._size = 0

    @property
    @abstractmethod
    def max_body_bytes(self) -> int:
        """The largest body that this address takes."""

    async def begin_body(self) -> None:
        """Look at the head.

        Raises:
            BodyTooLargeError: the body is larger than this address takes.
            MediaTypeError: it is not JSON, or compressed.
        """
        self._check_size(self.declared_bytes())
        headers = self.request.headers
        kind = headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
        if not kind.endswith("json"):
            raise MediaTypeError(
                f"The content type is {kind or 'empty'}; send Content-Type: application/json."
            )
        if "Content-Encoding" in headers:
            raise MediaTypeError("A compressed body is not read here; send it as it is.")

    async def receive(self, chunk: bytes) -> None:
        """Keep a piece of the body.

        Raises:
            BodyTooLargeError: the body is larger than this address takes.
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

    def pieces(self) -> list[bytes]:
        """Give the whole body, in its pieces, once: its megabytes are not kept here."""
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
                f"The body has {size} bytes or more; at most {self.max_body_bytes} are read. Send "
                "fewer or smaller files, or upload them to /files and refer to them by id."
            )
