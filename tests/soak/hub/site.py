"""All that a soak of the hub's service needs around its clients, with three replicas of it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ...hub.objects import ObjectStore, object_store
from ...hub.service import PREFIX, Popen, Replica, RunningService, running_service
from ...hub.stand_in import StandInHub, stand_in_hub
from ...postgresql import PostgreSQLServer, postgresql_server
from ..upstream import IDLE_TIMEOUT, MODEL, SoakUpstream
from .accounts import note_admissions
from .people import limits, members

__all__ = ["REPLICAS", "REPLICA_SECONDS", "Site", "running_site"]

REPLICAS = 3

REPLICA_SECONDS = 5.0
"""Seconds without a sign of life after which a replica counts as dead."""


@dataclass(slots=True)
class Site:
    """What runs; ``alive`` are the replicas that are to answer, the one that is spared first."""

    upstream: SoakUpstream
    hub: StandInHub
    objects: ObjectStore
    postgresql: PostgreSQLServer
    database_url: str
    service: RunningService
    alive: list[Replica]

    @property
    def url(self) -> str:
        """The service's address, which the balancer gives to one of the replicas."""
        return f"http://127.0.0.1:{self.hub.service.port}{PREFIX}"

    def balance(self) -> None:
        """Give new connections to those that are to answer; the others keep theirs."""
        self.service.balancer.ports = [replica.port for replica in self.alive]

    async def start(self) -> None:
        """Start one more replica, and wait until it answers."""
        replica = self.service.start()
        await asyncio.to_thread(replica.wait_until_ready)
        self.alive.append(replica)
        self.balance()


@asynccontextmanager
async def running_site(seconds: float, users: int, seed: int, popen: Popen) -> AsyncIterator[Site]:
    """Run all of it until the context ends; the limits are for a soak of so many seconds."""
    upstream = SoakUpstream(seed)
    async with upstream.listening():
        stack = ExitStack()
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            objects = stack.enter_context(object_store())
            hub = stack.enter_context(stand_in_hub(members(users)))
            postgresql = await asyncio.to_thread(stack.enter_context, postgresql_server())
            url = postgresql.new_database()
            service = await asyncio.to_thread(
                stack.enter_context,
                running_service(
                    hub,
                    folder,
                    _settings(upstream.port, seconds, users),
                    {"AQUEDUCT_DATABASE_URL": url, **objects.environment()},
                    replicas=REPLICAS,
                    popen=popen,
                ),
            )
            await note_admissions(url)
            alive = [*service.replicas]
            yield Site(upstream, hub, objects, postgresql, url, service, alive)
        finally:
            await asyncio.to_thread(stack.close)


def _settings(port: int, seconds: float, users: int) -> str:
    upstream = {
        "base_url": f"http://127.0.0.1:{port}/v1",
        "timeout": IDLE_TIMEOUT,
        "retry_pause": 0.05,
        "apis": {"responses": "bridge"},
    }
    return f"""
c.AqueductHub.upstreams = {{"soak": {upstream!r}}}
c.AqueductHub.prices = {{"soak/{MODEL}": {{"input": 1.0, "output": 3.0}}}}
c.AqueductHub.objects_url = "s3://files"
c.AqueductHub.identity_seconds = 2
c.AqueductHub.replica_seconds = {REPLICA_SECONDS}
c.AqueductHub.limits = {limits(seconds, users)!r}
"""
