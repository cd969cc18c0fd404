"""This file is the one HTTP client of the kernel side: sync, for any OpenAI-compatible address.

Which address and key it uses is left to whoever makes it. Errors are the same classes that the
server raised; an answer counts as whole only after ``[DONE]``.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from ..protocol.errors import (
    DisconnectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    error_from_envelope,
)
from ..protocol.sse import DONE, FrameBuffer, decode_frame, split_frames

__all__ = ["Client"]

CONNECT_TIMEOUT = 10.0
"""Seconds in which the server must take the connection."""

ANSWER_TIMEOUT = 660.0
"""Seconds of silence after which a server is given up; longer than it waits for upstreams."""


class Client:
    """Talks to one server.

    Args:
        base_url: the server's address, with or without ``/v1`` at its end.
        api_key: sent as ``Authorization: Bearer``; None sends none.
        transport: what carries the requests; by default the network.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT),
            transport=transport,
        )

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

    def get(self, path: str) -> dict[str, Any]:
        """Get a JSON object, such as ``models`` or ``aqueduct/status``.

        Raises:
            AqueductError: the server answered with an error, or not at all.
        """
        return self._whole(self._http.build_request("GET", self._url(path)))

    def chat(self, body: dict[str, Any]) -> dict[str, Any]:
        """Ask for a whole completion.

        Args:
            body: the parameters of the API, ``messages`` among them.

        Raises:
            AqueductError: as for :meth:`get`.
        """
        url = self._url("chat/completions")
        return self._whole(self._http.build_request("POST", url, json=body))

    def stream(self, body: dict[str, Any]) -> Generator[dict[str, Any]]:
        """Ask for a completion and give its chunks as they arrive.

        Closing the iterator early, or an exception in the loop that reads it, closes the
        connection, and with it the upstream's.

        Raises:
            DisconnectedError: the stream ended before its answer was whole.
            AqueductError: as for :meth:`get`, also in the middle of the answer.
        """
        request = self._http.build_request(
            "POST", self._url("chat/completions"), json={**body, "stream": True}
        )
        response = self._send(request)
        try:
            yield from _chunks(response)
        except httpx.HTTPError as error:
            raise self._failure(error) from error
        finally:
            response.close()

    def _url(self, path: str) -> str:
        # The server's own addresses have no version.
        if path.startswith("aqueduct/"):
            return f"{self.base_url.removesuffix('/v1')}/{path}"
        return f"{self.base_url}/{path}"

    def _whole(self, request: httpx.Request) -> dict[str, Any]:
        response = self._send(request)
        try:
            answer: dict[str, Any] = json.loads(response.read())
        except httpx.HTTPError as error:
            raise self._failure(error) from error
        except ValueError:
            message = f"{self.base_url} sent something that is no JSON; is this the right address?"
            raise DisconnectedError(message) from None
        finally:
            response.close()
        return answer

    def _send(self, request: httpx.Request) -> httpx.Response:
        """Send a request; any status but 200 is raised as the server's error."""
        try:
            response = self._http.send(request, stream=True)
            if response.status_code == 200:
                return response
            response.read()
        except httpx.HTTPError as error:
            raise self._failure(error) from error
        retry_after = response.headers.get("retry-after", "")
        raise error_from_envelope(
            response.status_code,
            _json(response.content),
            retry_after=float(retry_after) if retry_after.isdigit() else None,
        )

    def _failure(self, error: httpx.HTTPError) -> Exception:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return UpstreamUnavailableError(
                f"Nothing answers at {self.base_url}. Is the Jupyter server running there?"
            )
        if isinstance(error, httpx.TimeoutException):
            return UpstreamTimeoutError(f"{self.base_url} did not answer in time.")
        return DisconnectedError(f"{self.base_url} closed the connection before its answer ended.")


def _chunks(response: httpx.Response) -> Iterator[dict[str, Any]]:
    buffer = FrameBuffer()
    for data in response.iter_bytes():
        for frame in split_frames(buffer.feed(data)):
            event = decode_frame(frame)
            if event is None:
                continue
            if event.data.strip() == DONE:
                return
            chunk = _json(event.data)
            if not isinstance(chunk, dict) or chunk.get("error"):
                raise error_from_envelope(0, chunk)
            yield chunk
    raise DisconnectedError("The stream ended before its answer was whole; ask again.")


def _json(text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
