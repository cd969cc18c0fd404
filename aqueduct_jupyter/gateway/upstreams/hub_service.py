"""The service of the hub that a user's server belongs to, which answers in this server's place.

The server passes its users' requests on, with the token that the hub gave to it. What they mean is
up to the service; this module only carries them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, MutableMapping

import httpx

from ...protocol.errors import UpstreamAuthError, UpstreamError, UpstreamUnavailableError
from .answer import UpstreamAnswer
from .failures import CONNECTION_FAILURES, failure_from_exception, kind_of_connection
from .settings import UpstreamSettings, read_settings

__all__ = ["HubAnswer", "HubService", "find_hub_service"]

NAME = "hub"
"""The service's name in messages."""

URL_VARIABLE = "AQUEDUCT_HUB_URL"

ATTEMPTS = 3
"""How many times a request is sent, at most, if it did not reach a replica that takes requests."""

ATTEMPT_PAUSE = 0.5
"""Seconds before the second attempt; they double for the third."""

ANSWER_SECONDS = 1200.0
"""How long the service may take to begin an answer, in seconds; it has limits of its own."""

IDLE_SECONDS = 45.0
"""How long an answer may pause, in seconds: three heartbeats of a stream. The hub's proxy does not
pass on that a replica died in the middle of an answer, so only the silence tells."""


class HubAnswer(UpstreamAnswer):
    """An answer of the service, of any status.

    Args:
        settings: the service's address and timeouts.
        response: the response, whose body has not been read.

    Attributes:
        status: its HTTP status.
        headers: its headers.
    """

    def __init__(self, settings: UpstreamSettings, response: httpx.Response) -> None:
        super().__init__(NAME, settings, response)
        self.status = response.status_code
        self.headers = response.headers

    async def close(self) -> None:
        """Close its connection, unless it was read to its end."""
        await self._response.aclose()


class HubService:
    """The hub's service.

    Args:
        settings: its address, the server's token, and timeouts.
        transport: what carries the requests; by default the network.
    """

    def __init__(
        self, settings: UpstreamSettings, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._settings = settings
        self._transports: dict[bool, httpx.AsyncBaseTransport] = {}
        if transport is not None:
            self._transports = {True: transport, False: transport}
        self._lock = asyncio.Lock()

    async def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterator[bytes],
    ) -> HubAnswer:
        """Send a request, and wait for the head of its answer.

        Args:
            method: the HTTP method.
            target: the path below the service's address, and the query.
            headers: the request's headers; the server's token is added, unless there is a key.
            body: the body; in pieces, it is sent only once.

        Raises:
            UpstreamAuthError: the service refuses the server's token.
            UpstreamError: the service cannot be reached, or does not answer, or something else
                answers at its address.
        """
        is_whole = isinstance(body, bytes)
        pause = ATTEMPT_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            is_last = attempt == ATTEMPTS or not is_whole
            try:
                answer = await self._send(method, target, headers, body)
            except httpx.ConnectError as error:
                if is_last:
                    raise _failure(error) from error
            except (httpx.HTTPError, TimeoutError) as error:
                raise _failure(error) from error
            else:
                if is_last or not _may_be_repeated(answer):
                    break
                await answer.close()
            await asyncio.sleep(pause)
            pause *= 2
        if answer.status == 401 and "Authorization" not in headers:
            await answer.close()
            raise UpstreamAuthError(
                "The hub's service does not accept this server's token. Ask the hub's "
                "administrator, and restart your server from the hub's page."
            )
        if _is_of_another(answer):
            await answer.close()
            raise UpstreamError(
                f"What answers at {URL_VARIABLE} is not the hub's service (status "
                f"{answer.status}): the address points to something else. Ask the hub's "
                "administrator to correct it in c.Spawner.environment."
            )
        return answer

    async def close(self) -> None:
        """Close every connection."""
        for transport in self._transports.values():
            await transport.aclose()

    async def _send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | AsyncIterator[bytes],
    ) -> HubAnswer:
        settings = self._settings
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        timeouts = {"connect": settings.connect_timeout, "pool": settings.connect_timeout}
        request = httpx.Request(
            method,
            f"{settings.base_url}/{target}",
            headers={"Authorization": f"Bearer {key}", **headers, "Accept-Encoding": "identity"},
            content=body,
            extensions={"timeout": timeouts},
        )
        transport = await self._connected(is_whole=isinstance(body, bytes))
        async with asyncio.timeout(settings.timeout):
            return HubAnswer(settings, await transport.handle_async_request(request))

    async def _connected(self, *, is_whole: bool) -> httpx.AsyncBaseTransport:
        from ..network.transport import network  # needed by the first request, not at startup

        async with self._lock:
            if is_whole not in self._transports:
                # Our own transport sends only bodies that are in memory.
                self._transports[is_whole] = await asyncio.to_thread(
                    network,
                    self._settings.base_url,
                    self._settings.ca_bundle,
                    max_connections=self._settings.max_connections,
                    is_httpx=not is_whole,
                )
            return self._transports[is_whole]


def find_hub_service(environment: MutableMapping[str, str]) -> HubService | None:
    """Find the service in ``AQUEDUCT_HUB_URL``; its token is the one that the hub gave the server.

    Raises:
        ValueError: the address cannot be used, or there is no token.
    """
    url = environment.get(URL_VARIABLE, "").strip()
    if not url:
        return None
    token = environment.get("JUPYTERHUB_API_TOKEN", "")
    if not token:
        raise ValueError(
            f"{URL_VARIABLE} is set, but JUPYTERHUB_API_TOKEN is not: only a JupyterHub's server "
            "can use a hub's service."
        )
    configured = {
        "base_url": url,
        "api_key": token,
        "timeout": ANSWER_SECONDS,
        "idle_timeout": IDLE_SECONDS,
    }
    try:
        settings = read_settings(NAME, configured, environment)
    except ValueError as error:
        reason = str(error).removeprefix(f"Upstream '{NAME}': ").removeprefix("base_url: ")
        raise ValueError(f"{URL_VARIABLE} cannot be used: {reason}") from None
    return HubService(settings)


def _failure(error: Exception) -> UpstreamError:
    """Return what the client of the network raised as an error that says whom to ask."""
    if not isinstance(error, CONNECTION_FAILURES):
        return failure_from_exception(NAME, error)
    return UpstreamUnavailableError(
        f"The hub's service ({URL_VARIABLE}) cannot be reached: {kind_of_connection(error)}. Try "
        "again in some seconds, or ask the hub's administrator whether it runs.",
        is_retryable=True,
    )


def _is_of_another(answer: HubAnswer) -> bool:
    """Return whether an answer is of the hub itself, its proxy or a stranger.

    The service sends no redirects, and each of its answers has a request's id.
    """
    is_suspect = 300 <= answer.status < 400 or answer.status in (404, 405)
    return is_suspect and "x-request-id" not in answer.headers


def _may_be_repeated(answer: HubAnswer) -> bool:
    """Return whether a replica refused a request because it is about to end."""
    return answer.status == 503 and answer.headers.get("x-should-retry") == "true"
