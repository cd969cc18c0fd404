"""What a soak looks at: the server's process, its ledger, and its log.

What of it is right is left to :mod:`.checks`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Held", "Row", "held_by", "ledger_rows", "log_faults"]

# What would tell of a fault that no client saw.
_BAD_SIGNS = ("Traceback (most", "was never retrieved", "was never awaited", "could not be used")


@dataclass(frozen=True, slots=True)
class Held:
    """What the server holds: counts, and bytes of memory.

    ``files`` are descriptors but for TCP connections and what belongs to children; ``threads`` are
    without those that wait for children.
    """

    files: int
    threads: int
    children: int
    memory: int
    from_clients: int
    to_upstream: int

    def __str__(self) -> str:
        return (
            f"{self.memory / 2**20:.1f} MB, {self.files} descriptors, {self.threads} threads, "
            f"{self.children} children, {self.from_clients} connections from clients, "
            f"{self.to_upstream} to the upstream"
        )


@dataclass(frozen=True, slots=True)
class Row:
    """How a request ended, as the ledger has it."""

    outcome: str
    status: int
    code: str | None


def held_by(pid: int, upstream_port: int) -> Held:
    """Say what a server holds now.

    Args:
        pid: the server's process.
        upstream_port: where its upstream listens, on this machine.
    """
    process = psutil.Process(pid)
    tcp = [one for one in process.net_connections("tcp") if one.raddr]
    to_upstream = [one for one in tcp if one.raddr.port == upstream_port]
    children = process.children(recursive=True)
    return Held(
        # A child has three pipes here, and is waited for by a thread (Python 3.11) or by a
        # descriptor (from 3.12 on): counted as both, it is never more than there is.
        files=process.num_fds() - len(tcp) - 3 * len(children),
        threads=process.num_threads() - len(children),
        children=len(children),
        memory=process.memory_info().rss,
        from_clients=len(tcp) - len(to_upstream),
        to_upstream=len(to_upstream),
    )


def ledger_rows(folder: Path) -> dict[str, list[Row]]:
    """Read the ledger of a data folder: the rows of each request's id."""
    rows: dict[str, list[Row]] = {}
    with closing(sqlite3.connect(folder / "aqueduct.sqlite")) as connection:
        read = "SELECT request_id, outcome, status, error_code FROM requests"
        for request_id, *row in connection.execute(read):
            rows.setdefault(request_id, []).append(Row(*row))
    return rows


def log_faults(lines: Iterable[str]) -> list[str]:
    """Give the lines of a log that tell of a fault of the server's own."""
    return [line.strip() for line in lines if any(sign in line for sign in _BAD_SIGNS)]
