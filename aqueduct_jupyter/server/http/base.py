"""The base of all handlers: authentication, and errors as JSON envelopes.

The server's authenticator identifies the caller in ``prepare``, before any body is read. Bodies are
in :mod:`.body`.

* Keys come as ``Authorization: Bearer``, or in the headers of Azure's and Anthropic's clients.
* Every error is answered as ``{"error": {...}}``; the host's own error pages are never sent.
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
"""Headers that hold only a key: Anthropic's and Azure's."""

JSON = "application/json"

LONGEST_REASON = 400
"""Characters of why a store failed, in the log: an object store tells whole pages."""


class AqueductHandler(web.RequestHandler):
    """The base of all handlers.

    Attributes:
        caller: who sent the request, set by ``prepare``.
    """

    is_for_kernels = True
    """Whether the key of a kernel or an agent gives access to this address."""

    is_for_admins = False
    """Whether only administrators may use this address; a Jupyter server's owner is one."""

    tracks_activity = True
    """Whether a request here counts as use of the server."""

    serving: Serving
    caller: Caller

    def initialize(self, serving: Serving) -> None:
        """Store the arguments from the route table."""
        self.serving = serving

    @property
    def gateway(self) -> Gateway:
        """The gateway behind this handler."""
        return self.serving.gateway

    @property
    def request_id(self) -> str:
        """This server's id for the request, in its response, the log and the ledger."""
        if not hasattr(self, "_request_id"):
            self._request_id = f"req_{secrets.token_hex(12)}"
        return self._request_id

    def set_default_headers(self) -> None:
        """Add the request's id to every response, including errors."""
        super().set_default_headers()
        self.set_header("Content-Type", JSON)
        self.set_header("x-request-id", self.request_id)

    async def prepare(self) -> None:
        """Authenticate the caller.

        Raises:
            AuthenticationError: the caller is unknown.
            PermissionDeniedError: the caller may not use this address.
            NotFoundError: a name in the address contains a NUL, which PostgreSQL cannot look for.
            UnavailableError: the host takes no requests now.
        """
        if self.request.method == "OPTIONS":
            # Browsers send CORS preflight requests without a token.
            return
        self.serving.host.begin(self)
        self._read_key_header()
        try:
            self.caller = await self.serving.authenticator.authenticate(self)
        except web.HTTPError as error:
            raise self._our_error(error.status_code) from None
        if self.caller.key and not self.is_for_kernels:
            raise PermissionDeniedError(
                f"The key of a kernel or an agent cannot be used for "
                f"{plain_text(self.request.path)}. Use the Jupyter server's token.",
                code="not_for_kernels",
            )
        if self.is_for_admins and not self.caller.is_admin:
            raise PermissionDeniedError(
                f"Only {self.serving.host.admins} may use {plain_text(self.request.path)}.",
                code="not_for_users",
            )
        if any("\0" in part for part in (*self.path_args, *self.path_kwargs.values()) if part):
            raise self._our_error(404)

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Decode a part of the address; invalid UTF-8 is replaced, so the handler finds nothing.

        Tornado would refuse it before authentication, and close the connection.
        """
        if name is None:
            return value.decode(errors="replace")
        return super().decode_argument(value, name)

    def answer(self, body: BaseModel | dict[str, Any] | bytes) -> None:
        """Finish the response with JSON, from a pydantic object, a dict or encoded bytes."""
        if isinstance(body, BaseModel):
            body = body.model_dump_json().encode()
        elif isinstance(body, dict):
            # Tornado would add a charset to the content type, which JSON does not have.
            body = json.dumps(body).encode()
        self.finish(body)

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> asyncio.Future[None]:
        """Finish the response, with a header that says how long it took."""
        self.say_duration()
        return super().finish(chunk)

    def say_duration(self) -> None:
        """Set the header with the milliseconds since the request's headers arrived."""
        milliseconds = round(self.request.request_time() * 1000)
        self.set_header("openai-processing-ms", str(milliseconds))

    def integer_argument(self, name: str, default: int) -> int:
        """Read a whole number from the query.

        Raises:
            InvalidRequestError: it is not a whole number.
        """
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        try:
            return int(text)
        except ValueError:
            raise InvalidRequestError(f"{name} must be a whole number.", param=name) from None

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with an error; our own errors have their own status."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, AqueductError):
            status_code = error.status
        super().send_error(status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write an error's envelope."""
        raised = kwargs.get("exc_info", (None, None, None))[1]
        error = raised if isinstance(raised, AqueductError) else self._our_error(status_code)
        self.set_error_headers(error)
        self.answer(self.envelope(error))

    def envelope(self, error: AqueductError) -> dict[str, Any]:
        """Return an error as the JSON object of this address's API."""
        return error.envelope()

    def set_error_headers(self, error: AqueductError) -> None:
        """Set an error's headers, and those that let pages from other origins read it."""
        self.serving.host.allow_origins(self)
        self.set_header("Content-Type", JSON)
        for name, value in error.headers().items():
            self.set_header(name, value)

    def log_exception(self, kind: Any, error: Any, traceback: Any) -> None:
        """Log our own errors in one line, and unexpected ones with a traceback.

        Tornado would log the whole URL, whose query may contain a token.
        """
        log = self.serving.log
        if isinstance(error, AqueductError):
            log.info("%s: %s (%s)", self.request_id, error.code, error.status)
            if error.code == "storage_unavailable" and error.__cause__ is not None:
                # The answer sends the administrator to this log.
                log.error("%s: because: %s", self.request_id, _reason(error.__cause__))
            return
        where = f"{self.request.method} {plain_text(self.request.path)}"
        if isinstance(error, web.HTTPError):
            log.warning("%s: %s: %s", self.request_id, where, error.status_code)
        else:
            exception = (kind, error, traceback)
            log.error("%s: %s failed", self.request_id, where, exc_info=exception)

    def _read_key_header(self) -> None:
        # Move the key to the header that every authenticator reads.
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
            return MethodNotAllowedError(f"{method} is not allowed on {plain_text(path)}.")
        if status == 404:
            return NotFoundError(f"There is nothing at {plain_text(path)}.")
        if status == 403:
            return PermissionDeniedError(
                "The server refused this request: the XSRF token is missing, or the request comes "
                "from a host or origin that ServerApp.allow_origin does not allow."
            )
        if status < 500:
            return InvalidRequestError("The request could not be read.", status=status)
        return ServerError(
            f"An internal error occurred. For details, look for {self.request_id} in the server's "
            "log."
        )


class UnknownAddressHandler(AqueductHandler):
    """Answers with a 404 in JSON at every address that resembles one of ours."""

    async def prepare(self) -> None:
        """Answer every authenticated request with 404, whatever its method."""
        await super().prepare()
        here = f"{self.request.protocol}://{self.request.host}{self.serving.base_url}v1"
        raise NotFoundError(
            f"There is nothing at {plain_text(self.request.path)}. This server has "
            "chat/completions, responses, messages, completions, embeddings, moderations, rerank, "
            "audio/speech, audio/transcriptions, images/generations, conversations, files and "
            "models, with or without v1/, and its own status, usage, requests, keys and "
            f"conversations under aqueduct/. Use {plain_text(here)} as the base URL."
        )


def _reason(error: BaseException) -> str:
    """Return what a driver said, in one line: its own error, or what that was raised from."""
    # No further: some drivers' errors are raised from each other in a circle.
    said = error.__cause__ or error
    return plain_text(f"{type(said).__name__}: {said}", LONGEST_REASON)
