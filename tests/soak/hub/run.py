"""One soak of the hub's service: its site, its clients, its faults, and what came of it.

As in the soak of one server, it is looked twice at what is held, at rest. Whether all is as it
should be is left to :mod:`.checks`.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import httpx

from aqueduct_jupyter.server.memory import RELEASE_INTERVAL

from ...hub.service import Popen
from ..measures import Held, held_by, log_faults
from .accounts import Accounts, count_unfinished, read_accounts
from .clients import HubClient, HubSeen
from .faults import Faults
from .site import Site, running_site

__all__ = ["HubSoaked", "soak_hub"]

WARM_UP = 0.3
"""The share of the time after which the service has everything that it makes once."""

LOOKS = 6
"""How often it is said meanwhile what is held."""

QUIET_SECONDS = 60.0
"""Seconds in which nothing may be left to do: what a dead replica ran must have been given up."""

AT_ONCE = 8
"""How many files are read again at a time."""

AWAY = "The database could not be used"
"""What a log says of a database that is away, as it should."""


@dataclass(frozen=True, slots=True)
class HubSoaked:
    """What came of a soak: ``warm`` and ``end`` are what a replica held that lived all the time.

    ``tokens`` are what the upstream counted of each request that it was asked.
    """

    seconds: float
    users: int
    seen: HubSeen
    faults: Faults
    upstream_faults: int
    tokens: dict[str, tuple[int, int]]
    accounts: Accounts
    connections: tuple[int, int]
    warm: Held
    end: Held
    files: list[str]
    log: list[str]


async def soak_hub(
    seconds: float,
    users: int,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
    rest: float = RELEASE_INTERVAL + 1,
    popen: Popen = subprocess.Popen,
) -> HubSoaked:
    """Run the service under load, with faults.

    Args:
        seconds: how long, without the start and the rests.
        users: how many ask at once.
        seed: what the load and the faults are made from.
        say: is told what happens.
        rest: seconds after which it is looked what a service at rest holds.
        popen: what starts a replica.
    """
    async with running_site(seconds, users, seed, popen) as site:
        seen = HubSeen()
        faults = Faults(site, random.Random(f"{seed} faults"), say)
        found: list[tuple[Held, int]] = []
        for name, share in (("the warm-up", WARM_UP), ("the soak", 1 - WARM_UP)):
            await _load(site, seen, faults, f"{seed} {name}", seconds * share, say)
            await _until_quiet(site)
            # What is free by now goes back by itself.
            await asyncio.sleep(rest)
            held = _held(site)
            accounts = await read_accounts(site.database_url)
            found.append((held, accounts.connections))
            say(f"after {name}: {held}, {accounts.connections} connections to the database")
        (warm, before), (end, after) = found
        return HubSoaked(
            seconds=seconds,
            users=users,
            seen=seen,
            faults=faults,
            upstream_faults=sum(site.upstream.faults.values()),
            tokens=site.upstream.tokens,
            accounts=accounts,
            connections=(before, after),
            warm=warm,
            end=end,
            files=await _unlike(site, seen),
            log=_log_faults(site),
        )


async def _load(
    site: Site,
    seen: HubSeen,
    faults: Faults,
    seed: str,
    span: float,
    say: Callable[[str], None],
) -> None:
    until = asyncio.get_running_loop().time() + span
    clients = [
        HubClient(name, site.url, site.hub.tokens[name], random.Random(f"{seed} {name}"), seen)
        for name in site.hub.tokens
    ]
    watching = asyncio.create_task(_watch(site, span / LOOKS, say))
    await asyncio.gather(faults.run(until), *(client.run(until) for client in clients))
    watching.cancel()


async def _watch(site: Site, pause: float, say: Callable[[str], None]) -> None:
    """Say what is held meanwhile: where something grows, it is seen how."""
    while True:
        await asyncio.sleep(pause)
        say(f"{site.upstream.answers} answers: {_held(site)}")


def _held(site: Site) -> Held:
    return held_by(site.alive[0].process.pid, site.upstream.port)


async def _until_quiet(site: Site) -> None:
    deadline = asyncio.get_running_loop().time() + QUIET_SECONDS
    while await count_unfinished(site.database_url):
        if asyncio.get_running_loop().time() > deadline:
            return  # the checks tell what is left
        await asyncio.sleep(0.5)


async def _unlike(site: Site, seen: HubSeen) -> list[str]:
    """Read all acknowledged files again; give a sentence for each that is not the same."""
    wrong: list[str] = []
    turns = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=site.url, trust_env=False, timeout=60) as http:

        async def read(number: int) -> None:
            kept = seen.kept[number]
            headers = {"Authorization": f"Bearer {site.hub.tokens[kept.owner]}"}
            async with turns:
                answer = await http.get(f"v1/files/{kept.id}/content", headers=headers)
            if answer.status_code != 200:
                wrong.append(f"{kept} was acknowledged: {answer.status_code} {answer.text[:200]}")
            elif sha256(answer.content).hexdigest() != kept.sha256:
                wrong.append(f"{kept} has other bytes now, {len(answer.content)} of them")

        await asyncio.gather(*(read(number) for number in range(len(seen.kept))))
    return wrong


def _log_faults(site: Site) -> list[str]:
    lines = (
        line
        for replica in site.service.replicas
        for line in replica.log.read_text(errors="replace").splitlines()
    )
    return [line for line in log_faults(lines) if AWAY not in line]
