"""One soak: the upstream, a real Jupyter server, its clients, and what came of it.

It looks twice at what the server holds, after a warm-up and at the end; both times it is at rest.
Whether it is as it should be is left to :mod:`.checks`.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from aqueduct_jupyter.command.throwaway import ThrowawayServer, throwaway_server
from aqueduct_jupyter.server.memory import RELEASE_INTERVAL

from .clients import Client, Seen
from .measures import Held, Row, held_by, ledger_rows, log_faults
from .upstream import IDLE_TIMEOUT, SoakUpstream

__all__ = ["Soaked", "soak"]

WARM_UP = 0.3
"""The share of the time after which the server has everything that it makes once."""

LOOKS = 6
"""How often it is said meanwhile what the server holds."""

REST_SECONDS = 15.0
"""Seconds in which a server whose clients have gone must have nothing left to do."""


@dataclass(frozen=True, slots=True)
class Soaked:
    """What came of a soak; ``left`` is what the server still ran or asked when it had to rest."""

    seen: Seen
    answers: int
    faults: Counter[str]
    asked_upstream: set[str]
    rows: dict[str, list[Row]]
    left: list[str]
    warm: Held
    end: Held
    log: list[str]


async def soak(
    seconds: float,
    clients: int,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
    rest: float = RELEASE_INTERVAL + 1,
) -> Soaked:
    """Run a server under load, with faults.

    Args:
        seconds: how long, without the start and the rests.
        clients: how many at once.
        seed: what the load and the faults are made from.
        say: is told what happens.
        rest: seconds after which it is looked what a server at rest holds.
    """
    upstream = SoakUpstream(seed)
    async with upstream.listening():
        with tempfile.TemporaryDirectory() as folder:
            url = f"http://127.0.0.1:{upstream.port}/v1"
            upstreams = {"soak": {"base_url": url, "timeout": IDLE_TIMEOUT, "retry_pause": 0.05}}
            data = Path(folder, "aqueduct")
            starting = throwaway_server(
                Path(folder),
                [
                    f"--AqueductApp.upstreams={upstreams}",
                    f"--AqueductApp.data_folder={data}",
                    "--AqueductApp.tune_memory=True",
                ],
            )
            # The upstream lives on this loop, and the server asks it.
            server = await asyncio.to_thread(starting.__enter__)
            try:
                return await _soak(seconds, clients, seed, say, rest, upstream, server, data)
            finally:
                await asyncio.to_thread(starting.__exit__, None, None, None)


async def _soak(
    seconds: float,
    clients: int,
    seed: int,
    say: Callable[[str], None],
    rest: float,
    upstream: SoakUpstream,
    server: ThrowawayServer,
    data: Path,
) -> Soaked:
    seen, left = Seen(), []

    async def load(name: str, span: float) -> Held:
        until = asyncio.get_running_loop().time() + span
        chances = (random.Random(f"{seed} {name} {number}") for number in range(clients))
        some = [Client(server.url, server.token, chance, seen) for chance in chances]
        watching = asyncio.create_task(_watch(server, upstream, span / LOOKS, say))
        await asyncio.gather(*(client.run(until) for client in some))
        watching.cancel()
        left.extend(await _rest(server, upstream))
        # What is free by now goes back by itself.
        await asyncio.sleep(rest)
        held = held_by(server.process.pid, upstream.port)
        say(f"after {name}: {held}")
        return held

    warm = await load("the warm-up", seconds * WARM_UP)
    end = await load("the soak", seconds * (1 - WARM_UP))
    log = log_faults(server.log.read_text(errors="replace").splitlines())
    return Soaked(
        seen=seen,
        answers=upstream.answers,
        faults=upstream.faults,
        asked_upstream={*upstream.tokens},
        rows=ledger_rows(data),
        left=left,
        warm=warm,
        end=end,
        log=log,
    )


async def _rest(server: ThrowawayServer, upstream: SoakUpstream) -> list[str]:
    """Wait until the server has nothing to do; give what it still has when the time is up."""
    headers = {"Authorization": f"Bearer {server.token}", "Connection": "close"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=REST_SECONDS) as http:

        async def running() -> Any:
            return (await http.get(f"{server.url}/aqueduct/requests")).json()["data"]

        await _until(lambda: _is_empty(running()))
        await _until(lambda: _is_true(upstream.busy == 0))
        # The ledger is written behind the answers; a read of it comes after them.
        await http.get(f"{server.url}/aqueduct/usage")
        still = [f"a request still runs: {words}" for words in await running()]
    # What the look itself had open is closed by now, or a moment later.
    await _until(lambda: _is_true(held_by(server.process.pid, upstream.port).from_clients == 0))
    if upstream.busy:
        still.append(f"{upstream.busy} connections to the upstream are still in use")
    # Idle ones are kept for the next request; one that the upstream has closed is kept by mistake.
    await _until(lambda: _is_true(_lost(server, upstream) <= 0))
    if (lost := _lost(server, upstream)) > 0:
        still.append(f"{lost} connections are open that the upstream has closed")
    return still


def _lost(server: ThrowawayServer, upstream: SoakUpstream) -> int:
    return held_by(server.process.pid, upstream.port).to_upstream - upstream.connections


async def _watch(
    server: ThrowawayServer, upstream: SoakUpstream, pause: float, say: Callable[[str], None]
) -> None:
    """Say what is held meanwhile: where something grows, it is seen how."""
    while True:
        await asyncio.sleep(pause)
        say(f"{upstream.answers} answers: {held_by(server.process.pid, upstream.port)}")


async def _until(is_reached: Callable[[], Awaitable[bool]]) -> None:
    deadline = asyncio.get_running_loop().time() + REST_SECONDS
    # What is waited for is in another process, which rings no bell.
    while not await is_reached() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def _is_empty(asked: Awaitable[Any]) -> bool:
    return not await asked


async def _is_true(value: bool) -> bool:
    return value
