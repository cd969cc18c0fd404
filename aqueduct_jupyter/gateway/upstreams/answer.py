"""One upstream's answer: its body, read once, with timeouts.

The request is sent in :mod:`.upstream`; the body is interpreted by the requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, cast

import httpx

from ...protocol.errors import UpstreamError
from ..network.decompression import decompressed
from ..network.patience import Patience
from ..offload import off_the_loop
from .failures import failure_from_exception
from .settings import UpstreamSettings

if TYPE_CHECKING:
    from ..network.response import Body  # it loads llhttp, which no start needs

__all__ = ["UpstreamAnswer"]

DRAIN_TIMEOUT = 0.25
"""How long an upstream may take to end the response after its last event, in seconds."""

LARGEST_ANSWER = 64 * 2**20
"""Size limit of a whole answer, in bytes."""


class UpstreamAnswer:
    """An answer whose headers have arrived; its body is read once.

    Args:
        name: the upstream's name, for messages.
        settings: the upstream's settings, with its timeouts.
        response: the response, whose body has not been read.
    """

    def __init__(self, name: str, settings: UpstreamSettings, response: httpx.Response) -> None:
        self._name = name
        self._settings = settings
        self._response = response
        # No compression is requested, but some upstreams compress anyway.
        is_encoded = "content-encoding" in response.headers
        stream = cast(httpx.AsyncByteStream, response.stream)
        self._bytes = aiter(decompressed(stream) if is_encoded else stream)
        # Neither httpx's own streams nor the embedded models support a receiver.
        is_body = not is_encoded and hasattr(stream, "set_receiver")
        self._body = cast("Body", stream) if is_body else None
        self._idle_timeout = settings.idle_timeout or settings.timeout

    @property
    def is_stream(self) -> bool:
        """Whether the answer is a stream of events."""
        return "text/event-stream" in self._response.headers.get("content-type", "").lower()

    @property
    def media_type(self) -> str:
        """The type of the body, without parameters; ``application/octet-stream`` if missing."""
        kind = self._response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind or "application/octet-stream"

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body's bytes as they arrive, one item per read.

        Raises:
            UpstreamTimeoutError: the upstream sent nothing for too long.
            UpstreamError: the connection broke.
        """
        try:
            with Patience(self._settings.timeout, self._taken_at) as patience:
                async for data in self._bytes:
                    # The clock runs only while we wait for the upstream, not for our own client.
                    patience.rest()
                    if data:
                        yield data
                    patience.wait(self._idle_timeout)
        except (httpx.HTTPError, TimeoutError) as error:
            raise failure_from_exception(self._name, error) from error

    def set_receiver(self, receive: Callable[[bytes], bool]) -> None:
        """Pass the body's next bytes to a receiver while :meth:`chunks` waits.

        Args:
            receive: called with the bytes of each read as soon as they are read; returns whether it
                accepted them. :meth:`chunks` yields all others. Not every upstream supports
                this, so it may never be called.
        """
        if self._body:
            self._body.set_receiver(receive)

    async def read(self, most: int = LARGEST_ANSWER, what: str = "answer") -> bytes:
        """Read the whole body.

        Args:
            most: the size limit in bytes, after decompression.
            what: what the body is, for the error message.

        Raises:
            UpstreamError: as for :meth:`chunks`, or the body is too large.
        """
        parts: list[bytes] = []
        size = 0
        async for data in self.chunks():
            size += len(data)
            if size > most:
                raise UpstreamError(
                    f"The {what} of the upstream '{self._name}' is larger than {most // 2**20} MB."
                )
            parts.append(data)
        return await off_the_loop(size, b"".join, parts)

    async def drain(self) -> None:
        """Read the rest briefly, so that the connection can be reused."""
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT):
                async for _ in self._bytes:
                    pass
        except (httpx.HTTPError, TimeoutError):
            return

    def _taken_at(self) -> float:
        return self._body.taken_at if self._body else 0.0
