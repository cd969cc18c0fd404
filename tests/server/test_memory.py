"""What is free goes back to the system, also from between what stays."""

from __future__ import annotations

import asyncio
import sys

import psutil
import pytest

from aqueduct_jupyter.server import memory

MIB = 2**20
BLOCK = 4096
BLOCKS = 64 * MIB // BLOCK


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
