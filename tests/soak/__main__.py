"""``make soak``: it soaks a server, prints what came, and fails where it is wrong."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from collections import Counter
from collections.abc import Iterator

from .checks import growth, wrongs
from .report import MIB, counted, judged, say
from .run import Soaked, soak

__all__: list[str] = []


def main() -> int:
    """Soak a server; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    asked = parser.parse_args()
    print(f"{asked.clients} clients for {asked.seconds:g} s, seed {asked.seed}", flush=True)
    soaked = asyncio.run(soak(asked.seconds, asked.clients, asked.seed, say=say))
    for line in _report(soaked):
        print(line)
    return judged([*wrongs(soaked), *growth(soaked)])


def _report(soaked: Soaked) -> Iterator[str]:
    seen, warm, end = soaked.seen, soaked.warm, soaked.end
    yield f"done: {counted(seen.done)}"
    yield f"chats: {counted(Counter(asked.ending for asked in seen.chats))}"
    yield f"faults in {soaked.answers} answers of the upstream: {counted(soaked.faults)}"
    yield f"errors that clients got, all of them ours: {counted(seen.errors)}"
    outcomes = Counter(row.outcome for rows in soaked.rows.values() for row in rows)
    unseen = sum(asked.request_id is None for asked in seen.chats)
    yield (
        f"ledger: {sum(outcomes.values())} rows ({counted(outcomes)}) for {len(seen.chats)} "
        f"chats; {unseen} clients left before they saw an id"
    )
    yield (
        f"at rest: {end.from_clients} connections from clients, {end.to_upstream} to the upstream, "
        "none of them in use"
    )
    yield (
        f"descriptors {warm.files} -> {end.files}, threads {warm.threads} -> {end.threads}, "
        f"children {warm.children} -> {end.children}, memory {warm.memory / MIB:.1f} -> "
        f"{end.memory / MIB:.1f} MB ({end.memory / warm.memory:.3f})"
    )


if __name__ == "__main__":
    sys.exit(main())
