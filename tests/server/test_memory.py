"""What is free goes back to the system, also from between what stays."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator

import psutil
import pytest

from aqueduct_jupyter.server import memory

MIB = 2**20
BLOCK = 4096
BLOCKS = 64 * MIB // BLOCK


@pytest.fixture
def collector() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize(
    ("before", "after"), [(700, memory.COLLECT_AFTER), (50_000, 50_000), (0, 0)]
)
def test_the_collector_looks_at_less_and_less_often(before: int, after: int) -> None:
    stays = [object()]
    gc.set_threshold(before, 10, 10)
    memory.spare_streams_the_collector()
    assert gc.get_threshold()[0] == after
    assert gc.get_freeze_count() > 0
    assert not any(one is stays for one in gc.get_objects())


@pytest.mark.skipif(sys.platform != "linux", reason="Only there it is needed.")
async def test_holes_between_what_stays_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "GIVE_BACK_SECONDS", 0.01)
    process = psutil.Process()
    blocks = [bytes([number % 256]) * BLOCK for number in range(BLOCKS)]
    stay = blocks[::64]
    del blocks
    before = process.memory_info().rss
    giving = asyncio.create_task(memory.give_back_free_memory())
    for _ in range(100):
        await asyncio.sleep(0.05)
        if process.memory_info().rss < before - 32 * MIB:
            break
    giving.cancel()
    assert process.memory_info().rss < before - 32 * MIB
    assert [block[0] for block in stay] == [number % 256 for number in range(0, BLOCKS, 64)]


async def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    await memory.give_back_free_memory()
