"""Handlers that pass requests on to a hub's service, which answers in their place.

Who is calling is found here, so a kernel's key opens what it always opens; the service is asked
with this server's own token. Bytes go through as they come, in both directions, but for documents,
which are read here (:mod:`aqueduct_jupyter.gateway.requests.hub_documents`). The connection to
the service is in :mod:`aqueduct_jupyter.gateway.upstreams.hub_service`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tornado.iostream import StreamClosedError

from ...gateway.requests.answers import ClientLeftError
from ...gateway.requests.operations import OPERATIONS
from ...gateway.upstreams.hub_service import HubAnswer
from ...protocol.errors import AqueductError, NotFoundError, UnavailableError
from ...protocol.notes import NOTES_HEADER, notes_headers, read_notes
from ...protocol.relay import KERNEL_HEADER, OWNER_HEADER
from .base import AqueductHandler, UnknownAddressHandler
from .body import authenticated_after_body
from .files import FilesHandler
from .openapi import OpenAPIHandler
from .streaming import StreamingHandler

__all__ = ["RelayHandler", "relayed"]

_NOT_SENT = frozenset(
    (
        # Those of the connection (RFC 9110, section 7.6.1), and what the transport writes itself.
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "host", "content-length", "accept-encoding", "expect"),
        # What opens this server does not leave it.
        *("authorization", "x-api-key", "api-key", "cookie", "x-xsrftoken"),
        *("origin", "referer", KERNEL_HEADER.lower(), OWNER_HEADER.lower()),
    )
)
_NOT_RETURNED = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding"),
        *("upgrade", "content-encoding", "date", "server", "set-cookie", "www-authenticate"),
        # Jupyter's own are stricter than or as strict as the service's.
        *("content-security-policy", "x-content-type-options"),
    )
)
_CLIMBS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
"""Segments of a path that mean another path."""

_CHAT_STREAMS = ("chat/completions", "completions")
"""Paths whose streams have only data, so an error has no name of its own."""


class RelayHandler(StreamingHandler):
    """Passes a request on, and the answer back."""

    sends_heartbeat = False  # the service does, between events

    verbs_with_body = ("POST", "PUT", "PATCH", "DELETE")
    is_upload = False
    """Whether the body goes on as it arrives, because it may be large."""

    _pieces_on_the_way: asyncio.Queue[bytes] | None = None
    _asking: asyncio.Task[HubAnswer] | None = None
    _notes: tuple[str, ...] = ()

    @property
    def max_body_bytes(self) -> int:
        """The largest body that is held in memory, in bytes."""
        return self.gateway.settings.max_body_bytes

    def is_acceptable(self, kind: str) -> bool:  # noqa: ARG002  # the service decides
        """Accept every content type."""
        return True

    async def begin_body(self) -> None:
        """Begin to send an upload; other bodies are collected first."""
        if not (self.is_upload and self.request.method == "POST"):
            await super().begin_body()
            return
        # One piece at a time: the client sends as fast as the service takes it.
        self._pieces_on_the_way = asyncio.Queue(1)
        self._asking = asyncio.create_task(self._ask(self._upload(self._pieces_on_the_way)))

    async def receive(self, chunk: bytes) -> None:
        """Pass a piece of an upload on, or collect the body."""
        if self._pieces_on_the_way is None:
            await super().receive(chunk)
        elif self._asking is not None and not self._asking.done():
            putting = asyncio.create_task(self._pieces_on_the_way.put(chunk))
            # The service may answer before it has read everything.
            await asyncio.wait((putting, self._asking), return_when=asyncio.FIRST_COMPLETED)
            putting.cancel()

    def on_connection_close(self) -> None:
        """End an upload whose client has left."""
        super().on_connection_close()
        if self._asking is not None:
            self._asking.cancel()

    @authenticated_after_body
    async def _relay(self, *_: Any, **__: Any) -> None:
        with self.working():
            answer = await self._answer()
            try:
                await self._send_back(answer)
            finally:
                await answer.close()

    get = head = post = put = patch = delete = _relay

    async def _answer(self) -> HubAnswer:
        if self._asking is None or self._pieces_on_the_way is None:
            return await self._ask(await self._read_documents(b"".join(self.pieces())))
        await self.receive(b"")  # the end
        return await self._asking

    async def _read_documents(self, body: bytes) -> bytes:
        """Return the body without documents, if they can be read here."""
        operation = OPERATIONS.get(self.path_kwargs.get("path", ""))
        if operation is None or (documents := self.serving.hub_documents) is None:
            return body
        model = self.path_kwargs.get("deployment")
        passed = await documents.read(operation, model, body, self._identity())
        self._notes = passed.notes
        return passed.body

    async def _ask(self, body: bytes | AsyncIterator[bytes]) -> HubAnswer:
        method, target = self.request.method or "GET", self._target()
        if _CLIMBS.search(target.partition("?")[0]):
            # It would be another address of whatever is in front of the service.
            raise NotFoundError(f"There is no {self.request.path}.")
        service = self.serving.hub_service
        if service is None:
            raise TypeError("A request is passed on only to a hub's service.")
        return await service.ask(method, target, self._sent_headers(), body)

    def _target(self) -> str:
        """Return the path below this server's base URL, with the query but without its token."""
        uri = (self.request.uri or "").removeprefix(self.serving.base_url).lstrip("/")
        path, question, query = uri.partition("?")
        if "token" in query:
            fields = parse_qsl(query, keep_blank_values=True)
            query = urlencode([field for field in fields if field[0] != "token"])
        return f"{path}{question}{query}" if query else path

    def _sent_headers(self) -> dict[str, str]:
        headers = {
            name: value
            for name, value in self.request.headers.get_all()
            if name.lower() not in _NOT_SENT
        }
        return {**headers, "X-Request-Id": self.request_id, **self._identity()}

    def _identity(self) -> dict[str, str]:
        """Return the headers that say for whom this server asks, besides its own token."""
        if self.caller.is_agent:
            # The service made the key, and knows whose it is.
            owner = {OWNER_HEADER: self.caller.owner} if self.caller.owner else {}
            return {"Authorization": self.request.headers["Authorization"], **owner}
        return {KERNEL_HEADER: self.caller.key} if self.caller.key else {}

    async def _upload(self, pieces: asyncio.Queue[bytes]) -> AsyncIterator[bytes]:
        while piece := await pieces.get():
            yield piece

    async def _send_back(self, answer: HubAnswer) -> None:
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _NOT_RETURNED:
                self.set_header(name, value)
        notes = [*self._notes, *read_notes(answer.headers.get(NOTES_HEADER))]
        for name, value in notes_headers(notes).items():
            self.set_header(name, value)
        async with aclosing(answer.chunks()) as pieces:
            if answer.is_stream:
                await self._send_events(answer, pieces)
            else:
                await self._send_pieces(pieces)

    async def _send_events(self, answer: HubAnswer, pieces: AsyncIterator[bytes]) -> None:
        whole = self._with_end(pieces)
        first = await anext(whole, b"")
        await self.send_stream(first, whole, forward_directly=answer.set_receiver)

    async def _with_end(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield all pieces; a stream that is cut ends with an error, not as if it were complete."""
        try:
            async for piece in pieces:
                yield piece
        except AqueductError as error:
            self.log_exception(type(error), error, None)
            error = UnavailableError(
                "The hub's service ended in the middle of its answer. Ask again.",
                code="upstream_disconnected",
            )
            yield self._error_event(error)

    async def _send_pieces(self, pieces: AsyncIterator[bytes]) -> None:
        try:
            async for piece in pieces:
                self.write(piece)
                await self.flush()
        except StreamClosedError:
            raise ClientLeftError from None
        except AqueductError as error:
            if not self._headers_written:
                self.clear_header("Content-Length")
                raise
            self.log_exception(type(error), error, None)
            if connection := self._connection:
                # A closed connection tells the client that the body is too short.
                connection.stream.close()
            return
        self.finish()

    def _error_event(self, error: AqueductError) -> bytes:
        path = self.request.path.removeprefix(self.serving.base_url).removeprefix("v1/")
        name = b"" if path in _CHAT_STREAMS else b"event: error\n"
        # The stream may have been cut inside an event.
        return b"\n\n%bdata: %b\n\n" % (name, json.dumps(self.envelope(error)).encode())


def relayed(
    routes: Iterable[tuple[str, type[AqueductHandler]]],
) -> list[tuple[str, type[AqueductHandler]]]:
    """Return the routes of a server whose requests a hub's service answers.

    Each address keeps what it says about kernels, activity and the form of errors.
    """
    own = (OpenAPIHandler, UnknownAddressHandler)
    made: dict[type[AqueductHandler], type[AqueductHandler]] = {kind: kind for kind in own}

    def of(handler: type[AqueductHandler]) -> type[AqueductHandler]:
        if handler not in made:
            more = {
                "__doc__": handler.__doc__,
                "__module__": handler.__module__,
                "is_upload": issubclass(handler, FilesHandler),
            }
            made[handler] = type(handler.__name__, (RelayHandler, handler), more)
        return made[handler]

    return [(pattern, of(handler)) for pattern, handler in routes]
