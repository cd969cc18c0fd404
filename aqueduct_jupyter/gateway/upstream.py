"""This file is one upstream: the HTTP client that asks it, and the one loop that asks again.

Which upstream is asked is left to :mod:`.catalog`, what its failures mean to :mod:`.failures`, and
what its answer means to :mod:`.chat`.

* Retries happen before the first byte of an answer, never after it. When they are used up, the
  error says so to clients (``x-should-retry: false``), or each of theirs would multiply ours.
* The network is :mod:`.transport`'s, proxies and certificates with it.
* There is no client above the transport: cookies, redirects and authentication, for which httpx has
  one, are what an upstream must not be given or cannot have.
* The transport is an argument: the embedded model and the demo models are transports, and so is a
  test's stand-in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import cast

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from ..protocol.chat import LONGEST_NAME
from ..protocol.errors import AqueductError, UpstreamError
from ..protocol.models import Model
from .failures import failure_from_exception, failure_from_response, read_json
from .patience import Patience
from .response import Body
from .settings import UpstreamSettings

__all__ = ["Upstream", "UpstreamAnswer"]

ATTEMPTS = 3
"""How often one request is sent at the most."""

LIST_TIMEOUT = 10.0
"""Seconds in which an upstream must say which models it has."""

DRAIN_TIMEOUT = 0.25
"""Seconds given to an upstream that has said its last event to end the response as well."""

LARGEST_ANSWER = 256 * 2**20
"""Bytes of a whole answer, or of one that is an error."""

READABLE_CODINGS = {"", "identity", "gzip", "deflate"}
"""What ``Content-Encoding`` may say. None is asked for, but proxies compress unasked."""


class UpstreamAnswer:
    """An answer whose headers have arrived with status 200; its body is read once."""

    def __init__(self, upstream: Upstream, response: httpx.Response) -> None:
        self._upstream = upstream
        self._response = response
        # Asked for as it is, a body comes as it is; some upstreams compress it all the same.
        is_encoded = "content-encoding" in response.headers
        stream = cast(httpx.AsyncByteStream, response.stream)
        self._bytes = response.aiter_bytes() if is_encoded else aiter(stream)
        # Neither httpx's own streams nor the models within can offer what they read.
        self._body = stream if isinstance(stream, Body) and not is_encoded else None
        self._idle_timeout = upstream.settings.idle_timeout or upstream.settings.timeout

    @property
    def is_stream(self) -> bool:
        """Whether the upstream sends events."""
        return "text/event-stream" in self._response.headers.get("content-type", "").lower()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Give the body's bytes as they arrive, each read's at once.

        Raises:
            UpstreamTimeoutError: the upstream was silent for too long.
            UpstreamError: the connection broke.
        """
        try:
            with Patience(self._upstream.settings.timeout, self._taken_at) as patience:
                async for data in self._bytes:
                    # The clock runs only while the upstream is waited for: a slow reader of ours
                    # is not the upstream's fault.
                    patience.rest()
                    if data:
                        yield data
                    patience.wait(self._idle_timeout)
        except (httpx.HTTPError, TimeoutError) as error:
            raise failure_from_exception(self._upstream.name, error) from error

    def offer(self, take: Callable[[bytes], bool]) -> None:
        """Offer the body's next bytes to somebody in the place of :meth:`chunks`, which is waiting.

        Args:
            take: is called with each read's bytes in the moment of the read, and says whether it
                took them; :meth:`chunks` gives the others. Not every upstream can do this, so it
                may never be called.
        """
        if self._body:
            self._body.offer(take)

    async def read(self) -> bytes:
        """Give the whole body.

        Raises:
            UpstreamError: as for :meth:`chunks`, or the body is larger than any answer.
        """
        parts: list[bytes] = []
        size = 0
        async for data in self.chunks():
            size += len(data)
            if size > LARGEST_ANSWER:
                raise UpstreamError(f"The answer of '{self._upstream.name}' is too large.")
            parts.append(data)
        return b"".join(parts)

    async def drain(self) -> None:
        """Read what is left, for a moment, so that the connection can serve the next request."""
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT):
                async for _ in self._bytes:
                    pass
        except (httpx.HTTPError, TimeoutError):
            return

    def _taken_at(self) -> float:
        return self._body.taken_at if self._body else 0.0


class Upstream:
    """One OpenAI-compatible service.

    Args:
        name: what the operator calls it.
        settings: its address, key and limits.
        transport: what carries the requests; by default the network.
        is_listed: whether its models are listed; ``name/model`` works in any case.
        lists_full_names: its models are always listed as ``name/model``.
        default_model: the model it answers with where nobody named one.

    Attributes:
        secrets: texts that no message may hold: the key and the address.
    """

    def __init__(
        self,
        name: str,
        settings: UpstreamSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        is_listed: bool = True,
        lists_full_names: bool = False,
        default_model: str | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.is_listed = is_listed
        self.lists_full_names = lists_full_names
        self.default_model = default_model
        self._transport = transport
        self._models_url = httpx.URL(f"{settings.base_url}/models")
        self._chat_url = httpx.URL(f"{settings.base_url}/chat/completions")
        self.secrets = _secrets(settings)
        self._headers = _headers(settings)
        self._limits = {"timeout": {"connect": settings.connect_timeout}}
        self._lock = asyncio.Lock()

    async def models(self) -> list[Model]:
        """Ask the upstream which models it has; an allow-list is answered without asking.

        Raises:
            AqueductError: it did not answer, or with no list.
        """
        if self.settings.models is not None:
            return [Model(id=name, owned_by=self.name) for name in self.settings.models]
        try:
            async with asyncio.timeout(LIST_TIMEOUT):
                response = await self._open(self._request("GET", self._models_url))
                try:
                    return _model_list(self.name, await UpstreamAnswer(self, response).read())
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise failure_from_exception(self.name, error) from error

    @asynccontextmanager
    async def chat(self, body: bytes, *, request_id: str) -> AsyncIterator[UpstreamAnswer]:
        """Ask for one completion, again where that makes sense, and hold its answer open.

        Leaving the context closes the connection unless the answer was read to its end, which is
        how a client's leaving reaches the upstream.

        Args:
            body: the JSON body.
            request_id: this server's id of the request, passed on for the upstream's log.

        Raises:
            AqueductError: see :mod:`.failures`.
        """
        headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
        response = await self._ask(body, headers)
        try:
            yield UpstreamAnswer(self, response)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close every connection."""
        if self._transport is not None:
            await self._transport.aclose()

    async def _ask(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._pause,
            retry=retry_if_exception(_is_worth_a_retry),
            reraise=True,
        )

        async def attempt() -> httpx.Response:
            return await self._open(self._request("POST", self._chat_url, body, headers))

        try:
            response: httpx.Response = await retrying(attempt)
        except AqueductError as error:
            if error.is_retryable:
                error.is_retryable = False
            raise
        finally:
            retrying.iter_state.reset()  # else only the collector can free it
        return response

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        retry_after = error.retry_after if isinstance(error, AqueductError) else None
        if retry_after is not None:
            return float(retry_after)
        return float(self.settings.retry_pause * 2 ** (state.attempt_number - 1))

    def _request(
        self,
        method: str,
        url: httpx.URL,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Request:
        return httpx.Request(
            method,
            url,
            headers={**self._headers, **(headers or {})},
            content=body,
            extensions=self._limits,
        )

    async def _open(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for its headers; any status but 200 is raised."""
        transport = self._transport or await self._connected()
        try:
            async with asyncio.timeout(self.settings.timeout):
                response = await transport.handle_async_request(request)
        except (httpx.HTTPError, TimeoutError) as error:
            raise failure_from_exception(self.name, error) from error
        if response.status_code == 200 and _is_readable(response.headers):
            return response
        try:
            if response.status_code == 200:
                raise UpstreamError(
                    f"The upstream '{self.name}' compressed its answer in a way that was not "
                    "asked for. The operator has to switch that off, there or in a proxy before it."
                )
            body = await UpstreamAnswer(self, response).read()
        finally:
            await response.aclose()
        raise failure_from_response(
            self.name, response.status_code, response.headers, body, self.secrets
        )

    async def _connected(self) -> httpx.AsyncBaseTransport:
        async with self._lock:
            if self._transport is None:
                # Reading the CA bundle takes tens of milliseconds: not on the loop.
                self._transport = await asyncio.to_thread(_network, self.settings)
            return self._transport


def _headers(settings: UpstreamSettings) -> dict[str, str]:
    headers = {"User-Agent": "aqueduct-jupyter", "Accept": "*/*", "Accept-Encoding": "identity"}
    if settings.api_key:
        headers["Authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
    return headers


def _secrets(settings: UpstreamSettings) -> tuple[str, ...]:
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    url = httpx.URL(settings.base_url)
    # A host of one word may be any word of a message.
    host = url.host if "." in url.host or ":" in url.host else ""
    texts = (key, settings.base_url, url.netloc.decode(), host)
    return tuple(text for text in texts if text)


def _network(settings: UpstreamSettings) -> httpx.AsyncBaseTransport:
    from .transport import network  # the first request needs it, and no start does

    return network(settings)


def _is_worth_a_retry(error: BaseException) -> bool:
    return isinstance(error, AqueductError) and error.is_retryable is True


def _is_readable(headers: Mapping[str, str]) -> bool:
    # An unknown coding would be passed on as if its bytes were events.
    codings = headers.get("content-encoding", "").lower().split(",")
    return {coding.strip() for coding in codings} <= READABLE_CODINGS


def _model_list(name: str, body: bytes) -> list[Model]:
    answer = read_json(body)
    entries = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(entries, list):
        raise UpstreamError(f"The upstream '{name}' answered its list of models with no list.")
    named = [entry for entry in entries if isinstance(entry, dict) and _is_name(entry.get("id"))]
    return [
        Model(
            id=entry["id"],
            created=entry["created"] if isinstance(entry.get("created"), int) else 0,
            owned_by=entry["owned_by"] if _is_name(entry.get("owned_by")) else name,
        )
        for entry in named
    ]


def _is_name(value: object) -> bool:
    # What cannot be shown or asked for is left out, and the upstream's other models are listed.
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()
