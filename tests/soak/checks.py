"""What must be true after a soak, each as a sentence that says what is not.

Two kinds: what must be so after any load, and what must not have grown, which takes a load of some
length to tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from .clients import Asked
from .measures import Row
from .report import grown, some
from .run import Soaked

__all__ = ["growth", "wrongs"]

MEMORY = 1.08
"""How much memory may grow, at rest. The server keeps what it has read of documents (64 MB at most,
here 1 KB each), the parser of JSON 16,384 short strings, SQLite 2 MB of its pages: a warm-up of
some minutes has not filled these."""

FILES = 2
"""Descriptors more: SQLite's write-ahead log and its index are closed and opened as it pleases."""

THREADS = 4
"""Threads more: Python's pools start a thread when all others happen to be busy, up to a limit."""

CHILDREN = 2
"""The processes that read documents: never more than these, whatever happens."""


def wrongs(soaked: Soaked) -> Iterator[str]:
    """Give a sentence for everything that must not be so after any load."""
    seen = soaked.seen
    yield from some("a client saw", seen.faults)
    yield from soaked.left
    yield from some("the log says", soaked.log)
    yield from some("the ledger", list(_ledger_wrongs(soaked)))
    for when, held in (("the warm-up", soaked.warm), ("the soak", soaked.end)):
        if held.from_clients:
            yield f"after {when} {held.from_clients} connections of clients that left are open"
        if held.children > CHILDREN:
            yield f"after {when} there are {held.children} child processes"
    if not seen.done["streamed"] or not soaked.faults:
        yield "nothing was soaked: there were no streams, or no faults"


def growth(soaked: Soaked) -> Iterator[str]:
    """Give a sentence for everything that the server holds more of than after the warm-up."""
    yield from grown(soaked.warm, soaked.end, memory=MEMORY, files=FILES, threads=THREADS)


def _ledger_wrongs(soaked: Soaked) -> Iterator[str]:
    rows = dict(soaked.rows)
    unseen = 0
    for asked in soaked.seen.chats:
        if asked.request_id is None:
            unseen += 1
            continue
        found = rows.pop(asked.request_id, [])
        if len(found) != 1:
            yield f"has {len(found)} rows of {asked}"
        elif not _fits(asked, found[0]):
            yield f"has {found[0]} where its client saw {asked}"
    # Those whose clients left before they saw an id: of them the upstream knows.
    if len(rows) > unseen:
        yield f"has {len(rows)} rows more, and {unseen} clients left before they saw an id"
    yield from (f"has {len(found)} rows of {name}" for name, found in rows.items() if found[1:])
    for name in soaked.asked_upstream - soaked.rows.keys():
        yield f"has no row of {name}, which the upstream was asked"


def _fits(asked: Asked, row: Row) -> bool:
    if asked.ending == "left":
        return True
    return row.outcome == asked.ending and (asked.code is None or row.code == asked.code)
