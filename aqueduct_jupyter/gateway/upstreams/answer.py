"""One upstream's answer: its body, read once and with patience.

How the upstream was asked is left to :mod:`.upstream`, what the body means to the requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, cast

import httpx

from ...protocol.errors import UpstreamError
from ..network.decompression import decompressed
from ..network.patience import Patience
from .failures import failure_from_exception
from .settings import UpstreamSettings

if TYPE_CHECKING:
    from ..network.response import Body  # it loads llhttp, which no start needs

__all__ = ["UpstreamAnswer"]

DRAIN_TIMEOUT = 0.25
"""Seconds given to an upstream that has said its last event to end the response as well."""

LARGEST_ANSWER = 64 * 2**20
"""Bytes of a whole answer."""


class UpstreamAnswer:
    """An answer whose headers have arrived; its body is read once.

    Args:
        name: the upstream's name, for messages.
        settings: how long is waited for it.
        response: what has arrived.
    """

    def __init__(self, name: str, settings: UpstreamSettings, response: httpx.Response) -> None:
        self._name = name
        self._settings = settings
        self._response = response
        # Asked for as it is, a body comes as it is; some upstreams compress it all the same.
        is_encoded = "content-encoding" in response.headers
        stream = cast(httpx.AsyncByteStream, response.stream)
        self._bytes = aiter(decompressed(stream) if is_encoded else stream)
        # Neither httpx's own streams nor the models within can offer what they read.
        is_body = not is_encoded and hasattr(stream, "set_receiver")
        self._body = cast("Body", stream) if is_body else None
        self._idle_timeout = settings.idle_timeout or settings.timeout

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
            with Patience(self._settings.timeout, self._taken_at) as patience:
                async for data in self._bytes:
                    # The clock runs only while the upstream is waited for: a slow reader of ours
                    # is not the upstream's fault.
                    patience.rest()
                    if data:
                        yield data
                    patience.wait(self._idle_timeout)
        except (httpx.HTTPError, TimeoutError) as error:
            raise failure_from_exception(self._name, error) from error

    def set_receiver(self, receive: Callable[[bytes], bool]) -> None:
        """Offer the body's next bytes to somebody in the place of :meth:`chunks`, which is waiting.

        Args:
            receive: is called with each read's bytes in the moment of the read, and says whether it
                took them; :meth:`chunks` gives the others. Not every upstream can do this, so it
                may never be called.
        """
        if self._body:
            self._body.set_receiver(receive)

    async def read(self, most: int = LARGEST_ANSWER, what: str = "answer") -> bytes:
        """Give the whole body.

        Args:
            most: the bytes that it may have, a compressed one after it was unpacked.
            what: what it is, for the message.

        Raises:
            UpstreamError: as for :meth:`chunks`, or the body is larger.
        """
        parts: list[bytes] = []
        size = 0
        async for data in self.chunks():
            size += len(data)
            if size > most:
                raise UpstreamError(
                    f"The {what} of the upstream '{self._name}' is too large: it has more than "
                    f"{most // 2**20} MB."
                )
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
