"""One upstream: the HTTP client that talks to it, and the only retry loop.

The upstream is chosen in :mod:`.catalog`, its failures are converted in :mod:`.failures`, and its
answers are interpreted in :mod:`aqueduct_jupyter.gateway.requests`.

* Retries happen only before the first byte of an answer, and for a limited time. After that, the
  client may retry. A request that is itself a client's retry is sent once; otherwise the client's
  retries would multiply ours.
* The transport handles the network, including proxies and certificates.
* There is no httpx client above the transport, whose cookies and redirects are not wanted here.
* The transport is an argument; the embedded model and the tests' stand-ins are transports.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

import httpx
from cachetools import TTLCache
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
)

from ...protocol.errors import AqueductError, UpstreamError
from ...protocol.models import Model
from ..offload import off_the_loop
from .answer import UpstreamAnswer
from .apis import KnownAPIs
from .failures import failure_from_exception, failure_from_response
from .model_lists import read_model_list
from .reasons import LARGEST_ERROR
from .secrets import Secrets
from .settings import UpstreamSettings

__all__ = ["Upstream"]

ATTEMPTS = 3
"""How many times one request is sent, at most."""

ATTEMPTS_SECONDS = 10.0
"""Time after which no further attempt starts, in seconds; the client may retry by itself."""

LARGEST_LIST = 4 * 2**20
"""Size limit of a list of models, in bytes."""

MAX_REMEMBERED = 1000
REMEMBERED_SECONDS = 3600.0
"""How many models that refuse ``stream_options`` are remembered, and for how long, in seconds."""

LIST_TIMEOUT = ERROR_TIMEOUT = 10.0
"""How long a list of models, or the body of an error, may take, in seconds."""

READABLE_CODINGS = {"", "identity", "gzip", "deflate"}
"""Accepted values of ``Content-Encoding``. None is requested, but some proxies compress anyway."""

_OPENAI_HOSTS = ("api.openai.com", ".openai.azure.com")

_log = logging.getLogger(__name__)


class Upstream:
    """One OpenAI-compatible service.

    Args:
        name: the operator's name for it.
        settings: its address, key and timeouts.
        transport: what carries the requests; by default the network.
        is_listed: whether its models are listed; ``name/model`` always works.
        lists_full_names: whether its models are always listed as ``name/model``.
        default_model: its model for requests that do not name one.

    Attributes:
        secrets: the key and the address, which no message may contain.
        apis: the APIs that it speaks.
        without_usage: the models that refuse to report usage at the end of a stream.
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
        self._urls: dict[str, httpx.URL] = {}
        self.secrets = Secrets.of(settings)
        self.without_usage: TTLCache[str, bool] = TTLCache(MAX_REMEMBERED, REMEMBERED_SECONDS)
        self._headers = _headers(settings)
        timeouts = {"connect": settings.connect_timeout, "pool": settings.connect_timeout}
        self._limits = {"timeout": timeouts}
        self._lock = asyncio.Lock()
        self.apis = KnownAPIs(settings.apis)

    async def models(self) -> list[Model]:
        """List the upstream's models; with an allow-list, no request is sent.

        Raises:
            AqueductError: it did not answer, or its answer is not a list.
        """
        if self.settings.models is not None:
            return [Model(id=name, owned_by=self.name) for name in self.settings.models]
        try:
            async with asyncio.timeout(LIST_TIMEOUT):
                response = await self._open(self._request("GET", self._url("models")))
                try:
                    body = await self._answer(response).read(LARGEST_LIST, "list of models")
                    return await off_the_loop(len(body), read_model_list, self.name, body)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise failure_from_exception(self.name, error) from error

    @property
    def length_field(self) -> str:
        """The field of a chat request that limits the tokens of its answer.

        OpenAI's newer models refuse the older name, which all other servers know.
        """
        is_openai = httpx.URL(self.settings.base_url).host.endswith(_OPENAI_HOSTS)
        return "max_completion_tokens" if is_openai else "max_tokens"

    @asynccontextmanager
    async def post(
        self,
        path: str,
        body: bytes,
        *,
        request_id: str,
        is_repeated: bool = False,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[UpstreamAnswer]:
        """Send a request, with retries, and hold its answer open.

        Leaving the context closes the connection unless the answer was read to its end. This is how
        a client's disconnect reaches the upstream.

        Args:
            path: the operation's path below the base URL.
            body: the body.
            request_id: this server's id for the request, passed on for the upstream's log.
            is_repeated: whether this is a client's own retry; it is then sent only once.
            content_type: the body's content type.
            headers: the client's headers that belong to the operation.

        Raises:
            AqueductError: see :mod:`.failures`.
        """
        own = {"Content-Type": content_type, "X-Request-Id": request_id}
        request = partial(self._request, "POST", self._url(path), body, {**(headers or {}), **own})
        response = await self._ask(request, 1 if is_repeated else ATTEMPTS)
        try:
            yield self._answer(response)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close every connection."""
        if self._transport is not None:
            await self._transport.aclose()

    async def _ask(self, request: Callable[[], httpx.Request], attempts: int) -> httpx.Response:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(attempts) | stop_before_delay(ATTEMPTS_SECONDS),
            wait=self._pause,
            retry=retry_if_exception(_is_worth_a_retry),
            reraise=True,
        )

        async def attempt() -> httpx.Response:
            return await self._open(request())

        try:
            response: httpx.Response = await retrying(attempt)
        except AqueductError as error:
            if error.is_retryable:
                error.is_retryable = None
            raise
        finally:
            retrying.iter_state.reset()  # otherwise only the garbage collector can free it
        return response

    def _url(self, path: str) -> httpx.URL:
        if path not in self._urls:  # parsing a URL takes as long as sending a request
            self._urls[path] = httpx.URL(f"{self.settings.base_url}/{path}")
        return self._urls[path]

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

    def _answer(self, response: httpx.Response) -> UpstreamAnswer:
        return UpstreamAnswer(self.name, self.settings, response)

    async def _open(self, request: httpx.Request) -> httpx.Response:
        """Send a request and wait for its headers; any status except 200 raises."""
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
                    f"The upstream '{self.name}' sent a compressed answer that cannot be read. Ask "
                    "the operator to disable compression there, or in a proxy in front of it.",
                    is_retryable=False,
                )
            body = await self._error_body(response)
        finally:
            await response.aclose()
        status, secrets = response.status_code, self.secrets
        raise await off_the_loop(
            len(body), failure_from_response, self.name, status, response.headers, body, secrets
        )

    async def _error_body(self, response: httpx.Response) -> bytes:
        """Read an error's body; if that fails, the status is reported without it."""
        try:
            async with asyncio.timeout(ERROR_TIMEOUT):
                return await self._answer(response).read(LARGEST_ERROR, "error")
        except (UpstreamError, TimeoutError) as error:
            _log.warning("The error from '%s' cannot be read: %s", self.name, error)
            return b""

    async def _connected(self) -> httpx.AsyncBaseTransport:
        async with self._lock:
            if self._transport is None:
                # Reading the CA bundle takes tens of milliseconds, so not on the event loop.
                self._transport = await asyncio.to_thread(_network, self.settings)
            return self._transport


def _headers(settings: UpstreamSettings) -> dict[str, str]:
    headers = {"User-Agent": "aqueduct-jupyter", "Accept": "*/*", "Accept-Encoding": "identity"}
    if settings.api_key:
        key, header = settings.api_key.get_secret_value(), settings.key_header
        headers[header.title()] = f"Bearer {key}" if header == "authorization" else key
    return headers


def _network(settings: UpstreamSettings) -> httpx.AsyncBaseTransport:
    from ..network.transport import network  # needed by the first request, not at startup

    return network(
        settings.base_url,
        settings.ca_bundle,
        max_connections=settings.max_connections,
        is_httpx=settings.http_client == "httpx",
    )


def _is_worth_a_retry(error: BaseException) -> bool:
    return isinstance(error, AqueductError) and error.is_retryable is True


def _is_readable(headers: Mapping[str, str]) -> bool:
    # With an unknown coding, compressed bytes would be passed on as events.
    codings = headers.get("content-encoding", "").lower().split(",")
    return {coding.strip() for coding in codings} <= READABLE_CODINGS
