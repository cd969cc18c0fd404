"""``make soak-hub``: it soaks the hub's service, prints what came, and fails where it is wrong."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from collections import Counter
from collections.abc import Iterator

from ..report import MIB, counted, judged, say
from .checks import growth, lost_whole, wrongs
from .run import HubSoaked, soak_hub
from .site import REPLICAS

__all__: list[str] = []


def main() -> int:
    """Soak the service; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.hub", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--users", type=int, default=40)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    asked = parser.parse_args()
    print(
        f"{asked.users} users, {REPLICAS} replicas, for {asked.seconds:g} s, seed {asked.seed}",
        flush=True,
    )
    soaked = asyncio.run(soak_hub(asked.seconds, asked.users, asked.seed, say=say))
    for line in _report(soaked):
        print(line)
    return judged([*wrongs(soaked), *growth(soaked)])


def _report(soaked: HubSoaked) -> Iterator[str]:
    seen, accounts, warm, end = soaked.seen, soaked.accounts, soaked.warm, soaked.end
    yield f"done: {counted(seen.done)}"
    yield f"chats: {counted(Counter(asked.ending for asked in seen.chats))}"
    yield f"faults: {counted(soaked.faults.done)}, {soaked.upstream_faults} of the upstream"
    yield f"errors that clients got: {counted(seen.errors)}; {len(seen.cuts)} connections ended"
    outcomes = Counter(row.code or row.outcome for row in accounts.rows.values())
    yield (
        f"ledger: {len(accounts.rows)} rows ({counted(outcomes)}); {len(accounts.admissions)} "
        f"admissions, {len(soaked.tokens)} asked of the upstream"
    )
    tokens = sum(row.counts("tokens") for row in accounts.rows.values())
    yield (
        f"budgets: {len(accounts.windows)} windows, {tokens:.0f} tokens; {len(lost_whole(soaked))} "
        "whole answers whose replica was killed before it wrote their rows"
    )
    yield f"files: {len(seen.kept)} read again"
    before, after = soaked.connections
    yield (
        f"the replica that lived: descriptors {warm.files} -> {end.files}, threads "
        f"{warm.threads} -> {end.threads}, memory {warm.memory / MIB:.1f} -> "
        f"{end.memory / MIB:.1f} MB ({end.memory / warm.memory:.3f}); all replicas: connections "
        f"to the database {before} -> {after}"
    )


if __name__ == "__main__":
    sys.exit(main())
