"""The kernel's HTTP client: synchronous, for any OpenAI-compatible address.

The address and key come from :mod:`.connect`; :mod:`.answer` reads answers. Errors have the same
classes that the server raised. An answer is complete only after ``[DONE]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from ..protocol.errors import (
    AqueductError,
    DisconnectedError,
    InvalidRequestError,
    error_from_envelope,
)
from ..protocol.plain_text import plain_text
from .answer import Answer, AnswerStream
from .connect import find_address
from .connections import Connections, checked_address, checked_key
from .files import Files
from .responses import chunks_of, model_of, notes_of, parsed, request_id_of, with_request_id

__all__ = ["Client", "Messages"]

LONGEST_MODEL_NAME = 512
"""Longest model name that a request may contain, in characters."""

_JSON = {"Content-Type": "application/json"}

Messages = str | Sequence[Mapping[str, Any]]
"""A question as text, or the API's messages."""


class Client:
    """The client of one server; usable from several threads.

    Args:
        base_url: the server's address, with or without ``/v1``; found automatically by default.
        api_key: sent as ``Authorization: Bearer``; found automatically by default; "" sends none.
        transport: carries the requests; the network by default.

    Attributes:
        base_url: the address in use.
        files: the files that the server keeps.

    Raises:
        UnavailableError: no address was given, and none was found; or what the environment says
            about the address, the key, a proxy or certificates cannot be used.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        address = find_address(base_url, api_key)
        self.base_url = checked_address(address)
        self._transport = transport
        self._connections = Connections(self.base_url, checked_key(address), transport)
        self._http = self._connections.open()
        self.files = Files(self.request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def models(self) -> list[str]:
        """List the names of the server's models that can be displayed and requested.

        Raises:
            AqueductError: the server answered with an error, or did not answer.
        """
        listed = self.get("models").get("data")
        named = (model.get("id") for model in listed or () if isinstance(model, dict))
        return [name for name in named if name and name == plain_text(name, LONGEST_MODEL_NAME)]

    def get(self, path: str) -> dict[str, Any]:
        """Get a JSON object, such as ``models`` or ``aqueduct/status``.

        Raises:
            AqueductError: as for :meth:`models`.
        """
        return self._json(self.request("GET", path))

    def chat(self, messages: Messages, **parameters: Any) -> Answer:
        """Ask for a complete answer.

        Args:
            messages: a question, or the API's messages.
            **parameters: other API parameters, such as ``model`` and ``temperature``.

        Raises:
            AqueductError: as for :meth:`models`.
        """
        body = _body(messages, parameters)
        with self._own_connections() as http:
            response = self._read(
                http, "POST", "chat/completions", content=_encoded(body), headers=_JSON
            )
        answer = Answer(
            model=model_of(response),
            request_id=request_id_of(response),
            notes=notes_of(response),
        )
        try:
            answer.take(self._json(response))
        except DisconnectedError as error:
            raise with_request_id(error, response) from None
        return answer

    def stream(
        self,
        messages: Messages,
        *,
        answer: Answer | None = None,
        client_request_id: str | None = None,
        **parameters: Any,
    ) -> AnswerStream:
        """Ask for an answer and receive its pieces as they arrive.

        Args:
            messages: a question, or the API's messages.
            answer: the answer to fill; a new one by default.
            client_request_id: the caller's own id for the request, for use with :meth:`stop`.
            **parameters: other API parameters.

        Returns:
            A context manager to iterate over. Leaving it early, even by an interrupt, closes the
            upstream connection.

        Raises:
            DisconnectedError: while iterating, the stream ended before the answer was complete.
            AqueductError: as for :meth:`models`, also in the middle of the answer.
        """
        answer = Answer() if answer is None else answer
        body = {**_body(messages, parameters), "stream": True}
        body.setdefault("stream_options", {"include_usage": True})
        return AnswerStream(self._chunks(body, answer, client_request_id), answer)

    def stop(self, client_request_id: str) -> None:
        """Stop a request that another thread waits for; its stream raises an error that says so.

        Raises:
            NotFoundError: it is no longer running, or this service cannot stop requests.
            AqueductError: as for :meth:`models`.
        """
        self.request("DELETE", f"aqueduct/requests/{quote(client_request_id, safe='')}")

    def chunks(self, messages: Messages, **parameters: Any) -> Generator[dict[str, Any]]:
        """Ask like :meth:`stream`, but yield the chunks as sent by the server."""
        return self._chunks({**_body(messages, parameters), "stream": True}, Answer())

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request and return the complete response.

        Args:
            method: the HTTP method.
            path: the path below the address.
            **more: arguments for httpx: ``json``, ``data``, ``files``, ``params``.

        Raises:
            AqueductError: as for :meth:`models`.
        """
        return self._read(self._http, method, path, **more)

    @contextmanager
    def _own_connections(self) -> Iterator[httpx.Client]:
        """Yield connections for one answer, closed when it ends.

        An interrupt may come between any two steps, even when a response exists that nothing
        refers to yet. Only closing all connections is sure to close the one to the upstream.
        """
        if self._transport is not None:
            yield self._http
            return
        with self._connections.open() as http:
            yield http

    def _read(self, http: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
        response = self._send(http, http.build_request(method, self._url(path), **more))
        try:
            response.read()
        except httpx.HTTPError as error:
            raise self._connections.failure(error) from error
        finally:
            response.close()
        return response

    def _chunks(
        self, body: dict[str, Any], answer: Answer, client_request_id: str | None = None
    ) -> Generator[dict[str, Any]]:
        named = {"X-Client-Request-Id": client_request_id} if client_request_id else {}
        with self._own_connections() as http:
            url = self._url("chat/completions")
            headers = {**_JSON, **named}
            request = http.build_request("POST", url, content=_encoded(body), headers=headers)
            response = self._send(http, request)
            answer.request_id, answer.notes = request_id_of(response), notes_of(response)
            answer.model = model_of(response) or answer.model
            try:
                yield from chunks_of(response)
            except httpx.HTTPError as error:
                raise with_request_id(self._connections.failure(error), response) from error
            except AqueductError as error:
                raise with_request_id(error, response) from None
            finally:
                response.close()

    def _url(self, path: str) -> str:
        # The server's own endpoints have no version.
        if path.startswith("aqueduct/"):
            return f"{self.base_url.removesuffix('/v1')}/{path}"
        return f"{self.base_url}/{path}"

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        content = parsed(response.content)
        if not isinstance(content, dict):
            message = f"{self.base_url} did not send a JSON object; is this the right address?"
            raise with_request_id(DisconnectedError(message), response)
        return content

    def _send(self, http: httpx.Client, request: httpx.Request) -> httpx.Response:
        """Send a request; raise the server's error for any unsuccessful status."""
        try:
            response = http.send(request, stream=True)
            if response.is_success:
                return response
            response.read()
        except httpx.HTTPError as error:
            raise self._connections.failure(error) from error
        retry_after = response.headers.get("retry-after", "")
        refusal = error_from_envelope(
            response.status_code,
            parsed(response.content),
            # No sensible time has ten digits, and Python refuses to convert thousands of them.
            retry_after=float(retry_after) if re.fullmatch(r"[0-9]{1,9}", retry_after) else None,
        )
        raise with_request_id(refusal, response)


def _encoded(body: dict[str, Any]) -> bytes:
    # Text that was decoded with surrogateescape has lone surrogates, which UTF-8 does not have.
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode(errors="replace")
    except (ValueError, TypeError) as error:
        raise InvalidRequestError(f"The request cannot be written as JSON: {error}.") from None


def _body(messages: Messages, parameters: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    given = {name: value for name, value in parameters.items() if value is not None}
    return {"messages": list(messages), **given}
