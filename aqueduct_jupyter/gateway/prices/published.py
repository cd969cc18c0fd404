"""Published prices by upstream and model: looked up once in a child process, then remembered.

:mod:`.published_process` runs in the child, which ends when no price has been asked for in a while.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from cachetools import LRUCache

from ...protocol.plain_text import plain_text
from ..children.child import Child
from ..children.commands import module_command
from .price import Price, Rates

__all__ = ["PublishedPrices", "is_local"]

CHILD = module_command("aqueduct_jupyter.gateway.prices.published_process")

TIMEOUT = 20.0
"""How long a lookup may take, in seconds; the first needs half a second, more on a cold disk."""

IDLE_SECONDS = 60.0
"""Seconds without a lookup after which the child ends."""

LIFETIME = 3600.0
"""Seconds after which a price is looked up again: some depend on the date or the time of day."""

MAX_REMEMBERED = 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    price: Price | None
    at: float


class PublishedPrices:
    """The published prices of models.

    Args:
        command: the child's command; for tests.
        clock: a monotonic clock in seconds; for tests.
    """

    def __init__(
        self, command: Sequence[str] = CHILD, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._command = command
        self._clock = clock
        self._found: LRUCache[tuple[str, str], _Found] = LRUCache(MAX_REMEMBERED)
        self._asking: dict[tuple[str, str], asyncio.Task[Price | None]] = {}
        self._lock = asyncio.Lock()
        self._child: Child | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    def get(self, base_url: str, model: str, give: Callable[[Price | None], None]) -> None:
        """Give a model's price to a function: at once, or as soon as it has been looked up.

        Args:
            base_url: the upstream's address.
            model: its name for the model.
            give: called with the price; None if it is not known.
        """
        asked = (base_url, model)
        found = self._found.get(asked)
        if found:
            give(found.price)
        if found and self._clock() - found.at < LIFETIME:
            return
        if asked not in self._asking:
            self._asking[asked] = asyncio.create_task(self._look_up(asked))
        if not found:
            self._asking[asked].add_done_callback(
                lambda task: None if task.cancelled() else give(task.result())
            )

    async def known(self, base_url: str, model: str) -> None:
        """Wait until the first lookup of a model, if there is one, is over."""
        asked = (base_url, model)
        if asked in self._asking and asked not in self._found:
            # Lookups are shared, so whoever waits must not cancel them.
            await asyncio.wait([self._asking[asked]])

    async def close(self) -> None:
        """End the child."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        self._stop()
        if self._ending:
            await self._ending

    async def _look_up(self, asked: tuple[str, str]) -> Price | None:
        try:
            async with self._lock:
                price = await self._ask(*asked)
            self._found[asked] = _Found(price, self._clock())
            return price
        finally:
            del self._asking[asked]

    async def _ask(self, base_url: str, model: str) -> Price | None:
        try:
            async with asyncio.timeout(TIMEOUT):
                child = await self._started()
                asked = {"base_url": base_url, "model": model}
                await child.write(json.dumps(asked).encode(), b"\n")
                rates = json.loads(await child.read_line())
                return Price(tuple(Rates(**one) for one in rates)) if rates else None
        # Some event loops do not support child processes.
        except (OSError, NotImplementedError, ValueError, TypeError) as error:
            output = self._child and await self._killed(self._child)
            _log.warning(
                "The price of '%s' cannot be looked up: %s",
                plain_text(model),
                output or repr(error),
            )
            return None
        except BaseException:
            if self._child:
                self._child.kill()
            raise

    async def _started(self) -> Child:
        if self._idle:
            self._idle.cancel()
        if self._child is None or not self._child.is_alive:
            self._child = await Child.start(self._command, "prices")
        self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._stop)
        return self._child

    async def _killed(self, child: Child) -> str:
        child.kill()
        return (await child.last_output()).line

    def _stop(self) -> None:
        if self._idle:
            self._idle.cancel()
        if self._child:
            self._ending = asyncio.create_task(self._child.end())
        self._idle = self._child = None


def is_local(base_url: str) -> bool:
    """Whether an upstream is on this machine or network, where nobody charges for tokens."""
    host = urlsplit(base_url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        # Names without a dot, such as localhost or a container's, exist only on local networks.
        return "." not in host or host.endswith((".local", ".localhost", ".internal", ".invalid"))
