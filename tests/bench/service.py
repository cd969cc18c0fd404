"""The hub's service for the measurements: replicas with a PostgreSQL of their own, and budgets.

The hub itself is a stand-in that is asked once about the one user. Each replica is asked directly,
because the tests' balancer would cost more than what is measured.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..hub.service import running_service
from ..hub.stand_in import stand_in_hub
from ..postgresql import PostgreSQLServer, postgresql_server
from .gateways import Gateway
from .hub import LIMITS, cpu_of
from .load import Target

__all__ = ["BenchService", "Spent", "bench_service"]

USER = "ada"


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of CPU: of the replicas, and of the database."""

    here: float
    database: float

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.here - other.here, self.database - other.database)

    def each(self, count: int) -> Spent:
        """Give the microseconds of one of so many."""
        return Spent(self.here / count * 1e6, self.database / count * 1e6)


@dataclass(frozen=True, slots=True)
class BenchService:
    """A service that runs: each replica as a gateway of its own, and their database."""

    replicas: list[Gateway]
    postgresql: PostgreSQLServer

    def spent(self) -> Spent:
        """Say what all its processes have used since they began."""
        here = sum(replica.cost().cpu for replica in self.replicas)
        return Spent(here, cpu_of(self.postgresql))


@contextmanager
def bench_service(port: int, *, replicas: int = 1) -> Iterator[BenchService]:
    """Start replicas before the upstream with this port."""
    # The bench's upstream answers every address as if it were chat's.
    apis = {"responses": "bridge", "messages": "bridge"}
    upstream = {"base_url": f"http://127.0.0.1:{port}/v1", "apis": apis}
    settings = f"""
c.AqueductHub.upstreams = {{"bench": {upstream!r}}}
c.AqueductHub.identity_seconds = 3600
c.AqueductHub.limits = {LIMITS!r}
"""
    with (
        tempfile.TemporaryDirectory() as folder,
        postgresql_server() as postgresql,
        stand_in_hub({USER: frozenset({"students"})}) as hub,
    ):
        settings += f"c.AqueductHub.objects_url = {str(Path(folder, 'objects'))!r}\n"
        environment = {"AQUEDUCT_DATABASE_URL": postgresql.new_database()}
        with running_service(
            hub, Path(folder), settings, environment, replicas=replicas
        ) as service:
            token = hub.tokens[USER]
            yield BenchService(
                [
                    Gateway(
                        Target(f"{replica.url}v1/chat/completions", token, "bench/"),
                        replica.process.pid,
                    )
                    for replica in service.replicas
                ],
                postgresql,
            )
