"""``make bench``: it runs every measurement and prints what each found.

``python -m tests.bench streams page`` runs these two only. Those of the hub's service run only
if they are named: they need PostgreSQL, and ``hub`` fills a database for minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from .bodies import measure_bodies
from .browser import measure_page
from .describing import measure_describing
from .display import measure_display
from .documents import measure_documents
from .endurance import measure_endurance
from .hub import measure_hub
from .hub_replicas import measure_hub_replicas
from .hub_service import measure_hub_service
from .start import measure_start
from .stores import measure_stores
from .streams import measure_bridges, measure_null_usage, measure_streams
from .transports import measure_transports

__all__: list[str] = []

MEASURES: dict[str, Callable[[], Iterator[str]]] = {
    "streams": measure_streams,
    "null-usage": measure_null_usage,
    "bridges": measure_bridges,
    "transports": measure_transports,
    "bodies": measure_bodies,
    "endurance": measure_endurance,
    "start": measure_start,
    "stores": measure_stores,
    "display": measure_display,
    "describing": measure_describing,
    "documents": measure_documents,
    "page": measure_page,
}
NAMED: dict[str, Callable[[], Iterator[str]]] = {
    "hub": measure_hub,
    "hub-service": measure_hub_service,
    "hub-replicas": measure_hub_replicas,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MEASURES:
        print(f"\n{name}", flush=True)
        for line in {**MEASURES, **NAMED}[name]():
            print(line, flush=True)
