"""What is free goes back to the system, also from between what stays."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest

from aqueduct_jupyter.server import memory

from .conftest import Settings

MIB = 2**20
BLOCK = 4096
BLOCKS = 64 * MIB // BLOCK


@pytest.mark.skipif(sys.platform != "linux", reason="Only there it is needed.")
async def test_holes_between_what_stays_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "RELEASE_INTERVAL", 0.01)
    process = psutil.Process()
    blocks = [bytes([number % 256]) * BLOCK for number in range(BLOCKS)]
    stay = blocks[::64]
    del blocks
    before = process.memory_info().rss
    giving = asyncio.create_task(memory.release_free_memory())
    for _ in range(100):
        await asyncio.sleep(0.05)
        if process.memory_info().rss < before - 32 * MIB:
            break
    giving.cancel()
    assert process.memory_info().rss < before - 32 * MIB
    assert [block[0] for block in stay] == [number % 256 for number in range(0, BLOCKS, 64)]


class _Library:
    """The C library, and how often it was told to give memory back."""

    def __init__(self) -> None:
        self.trims = 0

    def malloc_trim(self, kept: int) -> int:
        self.trims += 1
        return kept


@pytest.mark.parametrize(("platform", "is_trimmed"), [("linux", True), ("darwin", False)])
async def test_only_the_c_library_of_linux_is_told(
    monkeypatch: pytest.MonkeyPatch, platform: str, is_trimmed: bool
) -> None:
    library = _Library()
    monkeypatch.setattr(memory, "RELEASE_INTERVAL", 0.001)
    monkeypatch.setattr(memory.sys, "platform", platform)
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: library)
    with suppress(TimeoutError):
        await asyncio.wait_for(memory.release_free_memory(), 0.5)
    assert (library.trims > 1) is is_trimmed


class TestAService:
    @pytest.fixture(autouse=True)
    def _as_before(self) -> Iterator[None]:
        gc.unfreeze()
        before = gc.get_threshold()
        yield
        gc.set_threshold(*before)
        gc.unfreeze()

    async def test_it_exempts_also_what_it_loads_a_little_later(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "SETTLE_SECONDS", 0.01)
        tuning = asyncio.create_task(memory.tune_memory())
        await asyncio.sleep(0)
        loaded, later = gc.get_freeze_count(), [[number] for number in range(10_000)]
        await asyncio.sleep(0.1)
        tuning.cancel()
        assert 0 < loaded < gc.get_freeze_count() - len(later) // 2

    async def test_it_looks_for_what_is_lost_at_its_own_times_only(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "SETTLE_SECONDS", 0)
        monkeypatch.setattr(memory, "COLLECT_SECONDS", 0.2)
        tuning = asyncio.create_task(memory.tune_memory())
        await asyncio.sleep(0.1)
        passes = gc.get_stats()[2]["collections"]
        # A quarter more than all that is there, at once.
        many = [[number] for number in range(500_000)]
        assert gc.get_stats()[2]["collections"] == passes
        await asyncio.sleep(0.3)
        tuning.cancel()
        assert gc.get_stats()[2]["collections"] > passes
        assert len(many) == 500_000


class TestTheHost:
    @pytest.fixture(params=[False, True])
    def settings(self, request: pytest.FixtureRequest, settings: Settings) -> Settings:
        return {**settings, "tune_memory": request.param}

    async def test_its_memory_is_left_alone_unless_the_operator_says_so(
        self, jp_serverapp: Any, extension: Any, settings: Settings
    ) -> None:
        await extension._start_jupyter_server_extension(jp_serverapp)
        chores = {chore.get_coro().__name__ for chore in extension._chores}
        assert ("release_free_memory" in chores) is settings["tune_memory"]
        assert (gc.get_freeze_count() > 0) is settings["tune_memory"]

    @pytest.fixture(autouse=True)
    def _thawed(self) -> Iterator[None]:
        gc.unfreeze()
        yield
        gc.unfreeze()
