"""What goes wrong around the hub's service in a soak, and when it did.

Two kinds go on side by side: replicas that end, and what they need that is away. Each kind deals
its faults like cards, so that a short soak has all of them. The upstream has faults of its own.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import create_engine

from .site import Site

__all__ = ["Faults"]

PAUSES = (1.0, 6.0)
"""The least and the most seconds between two faults of a kind."""

AWAY = (0.5, 7.0)
"""The least and the most seconds for which something is away; a replica counts as dead after 5."""

END_SECONDS = 90.0
"""Seconds in which a replica must end after SIGTERM: it lets what runs come to its end."""

TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""

Fault = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Faults:
    """Makes faults; the times are in seconds since 1970.

    Args:
        site: what they happen to.
        chance: decides which, when and for how long.
        say: is told of each.
    """

    site: Site
    chance: random.Random
    say: Callable[[str], None]
    done: Counter[str] = field(default_factory=Counter)
    kills: list[float] = field(default_factory=list)
    ends: list[tuple[float, float]] = field(default_factory=list)
    """When replicas were asked to end, and when they had."""
    outages: list[tuple[float, float]] = field(default_factory=list)
    """When the database was away, or had its connections ended."""
    wrongs: list[str] = field(default_factory=list)

    async def run(self, until: float) -> None:
        """Make faults until a moment of the loop's clock, and leave everything whole."""
        ending: list[asyncio.Task[None]] = []

        async def terminate() -> None:
            ending.append(await self._terminate())

        surroundings = (self._database, self._connections, self._objects, self._hub)
        await asyncio.gather(
            self._make(until, {"kill -9": self._kill, "SIGTERM": terminate}),
            self._make(
                until,
                dict(
                    zip(
                        ("database away", "database's connections", "object store", "hub"),
                        surroundings,
                        strict=True,
                    )
                ),
            ),
        )
        await asyncio.gather(*ending)

    async def _make(self, until: float, faults: dict[str, Fault]) -> None:
        dealt = self._dealt([*faults])
        while (left := until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left, self.chance.uniform(*PAUSES)))
            if asyncio.get_running_loop().time() < until:
                name = next(dealt)
                self.done[name] += 1
                self.say(f"{time.time():.1f} {name}")
                await faults[name]()

    def _dealt(self, names: list[str]) -> Iterator[str]:
        while True:
            self.chance.shuffle(names)
            yield from names

    async def _kill(self) -> None:
        # The first one is spared: what it holds at the end is compared.
        replica = self.chance.choice(self.site.alive[1:])
        self.site.alive.remove(replica)
        self.kills.append(time.time())
        replica.process.kill()
        self.site.balance()
        await asyncio.to_thread(replica.process.wait)
        await self.site.start()

    async def _terminate(self) -> asyncio.Task[None]:
        """Ask one to end while another starts; give the waiting for its end."""
        replica = self.chance.choice(self.site.alive[1:])
        self.site.alive.remove(replica)
        self.site.balance()
        replica.terminate()
        began = time.time()

        async def end() -> None:
            try:
                code = await asyncio.to_thread(replica.process.wait, END_SECONDS)
            except subprocess.TimeoutExpired as error:
                self.wrongs.append(f"a replica did not end after SIGTERM: {error!r}")
                replica.kill()
            else:
                if code:
                    words = replica.log.read_text(errors="replace")
                    self.wrongs.append(f"a replica ended with {code}: {words[-500:]}")
            self.ends.append((began, time.time()))

        ending = asyncio.create_task(end())
        await self.site.start()
        return ending

    async def _database(self) -> None:
        began = time.time()
        await asyncio.to_thread(self.site.postgresql.stop)
        await asyncio.sleep(self.chance.uniform(*AWAY))
        await asyncio.to_thread(self.site.postgresql.start)
        self.outages.append((began, time.time()))

    async def _connections(self) -> None:
        """End the database's connections, in the middle of whatever they do."""
        began = time.time()
        await asyncio.to_thread(self._end_connections)
        self.outages.append((began, time.time()))

    def _end_connections(self) -> None:
        engine = create_engine(self.site.postgresql.url("postgres"))
        with engine.connect() as connection:
            connection.exec_driver_sql(TERMINATE)
        engine.dispose()

    async def _objects(self) -> None:
        self.site.objects.is_away = True
        await asyncio.sleep(self.chance.uniform(*AWAY))
        self.site.objects.is_away = False

    async def _hub(self) -> None:
        self.site.hub.is_away = True
        await asyncio.sleep(self.chance.uniform(*AWAY))
        self.site.hub.is_away = False
