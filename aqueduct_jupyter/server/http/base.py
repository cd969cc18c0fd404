"""What all handlers share: who is asking, and errors as envelopes.

Who asks is found out by the server's authenticator, in ``prepare`` and so before any body is read.
Bodies are left to :mod:`.body`, what each address does to the handlers.

* Keys come as ``Authorization: Bearer``, and as the headers in which Azure's and Anthropic's
  clients send theirs.
* Whatever goes wrong is answered as ``{"error": {...}}``; no page of the host's is ever shown.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from pydantic import BaseModel
from tornado import web
from tornado.http1connection import HTTP1Connection

from ...gateway.entry import Caller
from ...gateway.gateway import Gateway
from ...protocol.errors import (
    AqueductError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)
from ...protocol.plain_text import plain_text
from .serving import Serving

__all__ = ["AqueductHandler", "UnknownAddressHandler"]

KEY_HEADERS = ("X-Api-Key", "Api-Key")
"""Headers with a key and nothing else: Anthropic's and Azure's."""

JSON = "application/json"


class AqueductHandler(web.RequestHandler):
    """The base of all handlers.

    Attributes:
        caller: who asks, once ``prepare`` is over.
    """

    is_for_kernels = True
    """Whether a kernel's key opens this address."""

    tracks_activity = True
    """Whether asking here means that somebody uses the server."""

    serving: Serving
    caller: Caller

    def initialize(self, serving: Serving) -> None:
        """Take what the route table hands over."""
        self.serving = serving

    @property
    def gateway(self) -> Gateway:
        """What is served."""
        return self.serving.gateway

    @property
    def request_id(self) -> str:
        """This server's id of the request, as the client, the log and the ledger see it."""
        if not hasattr(self, "_request_id"):
            self._request_id = f"req_{secrets.token_hex(12)}"
        return self._request_id

    def set_default_headers(self) -> None:
        """Name the request in every response, also in one that is an error."""
        super().set_default_headers()
        self.set_header("Content-Type", JSON)
        self.set_header("x-request-id", self.request_id)

    async def prepare(self) -> None:
        """Find out who asks.

        Raises:
            AuthenticationError: nobody known.
            PermissionDeniedError: somebody who may not ask for this.
        """
        if self.request.method == "OPTIONS":
            # A browser asks without a token what it may ask with one.
            return
        self._read_key_header()
        try:
            self.caller = await self.serving.authenticator.authenticate(self)
        except web.HTTPError as error:
            raise self._our_error(error.status_code) from None
        if self.caller.key and not self.is_for_kernels:
            raise PermissionDeniedError(
                f"A kernel's key does not open {plain_text(self.request.path)}. Use the token of "
                "the Jupyter server.",
                code="not_for_kernels",
            )

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Read a part of the address; one that is not UTF-8 names nothing, which the verb says.

        Tornado would refuse it before it is known who asks, and close the connection.
        """
        if name is None:
            return value.decode(errors="replace")
        return super().decode_argument(value, name)

    def answer(self, words: BaseModel | dict[str, Any] | bytes) -> None:
        """Finish the response with JSON: words, an object, or bytes that are JSON already."""
        if isinstance(words, BaseModel):
            words = words.model_dump_json().encode()
        elif isinstance(words, dict):
            # Tornado would do it, and name a charset, which JSON does not have.
            words = json.dumps(words).encode()
        self.finish(words)

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> asyncio.Future[None]:
        """Finish the response and say how long it took."""
        self.say_duration()
        return super().finish(chunk)

    def say_duration(self) -> None:
        """Put the milliseconds since the request's headers into the response's."""
        milliseconds = round(self.request.request_time() * 1000)
        self.set_header("openai-processing-ms", str(milliseconds))

    def integer_argument(self, name: str, default: int) -> int:
        """Read a whole number from the query.

        Raises:
            InvalidRequestError: it is there and not a whole number.
        """
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        try:
            return int(text)
        except ValueError:
            raise InvalidRequestError(f"{name} must be a whole number.", param=name) from None

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with an error; one of ours brings its own status."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, AqueductError):
            status_code = error.status
        super().send_error(status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the envelope of whatever went wrong."""
        raised = kwargs.get("exc_info", (None, None, None))[1]
        error = raised if isinstance(raised, AqueductError) else self._our_error(status_code)
        self.set_error_headers(error)
        self.answer(error.envelope())

    def set_error_headers(self, error: AqueductError) -> None:
        """Set what belongs to an error, and what lets a page of another origin read it."""
        self.serving.host.allow_origins(self)
        self.set_header("Content-Type", JSON)
        for name, value in error.headers().items():
            self.set_header(name, value)

    def log_exception(self, kind: Any, error: Any, traceback: Any) -> None:
        """Log what nobody expected with its traceback, and what we say ourselves in a line.

        Tornado would log the whole address, and with it the token that may be in the query.
        """
        log = self.serving.log
        if isinstance(error, AqueductError):
            log.info("%s: %s (%s)", self.request_id, error.code, error.status)
            return
        where = f"{self.request.method} {plain_text(self.request.path)}"
        if isinstance(error, web.HTTPError):
            log.warning("%s: %s: %s", self.request_id, where, error.status_code)
        else:
            exception = (kind, error, traceback)
            log.error("%s: %s failed", self.request_id, where, exc_info=exception)

    def _read_key_header(self) -> None:
        # Put where every authenticator looks.
        headers = self.request.headers
        key = next((headers[name] for name in KEY_HEADERS if name in headers), "")
        if key and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {key}"

    @property
    def _connection(self) -> HTTP1Connection | None:
        connection = self.request.connection
        return connection if isinstance(connection, HTTP1Connection) else None

    def _our_error(self, status: int) -> AqueductError:
        method, path = self.request.method, self.request.path
        if status == 405:
            return MethodNotAllowedError(f"{method} is not possible on {plain_text(path)}.")
        if status == 404:
            return NotFoundError(f"There is nothing at {plain_text(path)}.")
        if status == 403:
            return PermissionDeniedError(
                "The server refused this request: the XSRF token is missing, or the page comes "
                "from a host or an origin that ServerApp.allow_origin does not allow."
            )
        if status < 500:
            return InvalidRequestError("The request could not be read.", status=status)
        return ServerError(
            f"Something went wrong in this server; its log says more under {self.request_id}."
        )


class UnknownAddressHandler(AqueductHandler):
    """Says in JSON that there is nothing here, for all that looks like an address of ours."""

    async def prepare(self) -> None:
        """Answer whoever may know with 404, whatever the verb."""
        await super().prepare()
        here = f"{self.request.protocol}://{self.request.host}{self.serving.base_url}v1"
        raise NotFoundError(
            f"There is nothing at {plain_text(self.request.path)}. This server has "
            "chat/completions, files and models, bare and under v1/, and under aqueduct/ its own "
            f"status, usage, requests and conversations. As base URL use {plain_text(here)}."
        )
