"""A wall clock that jumps: what expires, what is summed, and how long things took stays sane."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.stores.blobs import FolderBlobs
from aqueduct_jupyter.gateway.stores.files import FileStore
from aqueduct_jupyter.gateway.stores.ledger import DatabaseLedger
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase
from aqueduct_jupyter.gateway.upstreams.catalog import Catalog
from aqueduct_jupyter.gateway.upstreams.failures import failure_from_response
from aqueduct_jupyter.gateway.upstreams.secrets import Secrets
from aqueduct_jupyter.gateway.upstreams.settings import UpstreamSettings
from aqueduct_jupyter.gateway.upstreams.upstream import Upstream
from aqueduct_jupyter.protocol.errors import UnknownFileError
from aqueduct_jupyter.protocol.files import FileObject

from ..gateway.stores.owned import OwnedFiles
from ..standin import StandIn

NOON, HOUR, YEAR = 1_800_000_000.0, 3_600.0, 365 * 86_400.0


class Clock:
    now = NOON

    def __call__(self) -> float:
        return self.now


async def upload(store: OwnedFiles, data: bytes, seconds: int | None = None) -> FileObject:
    upload = await store.begin()
    try:
        await upload.write(data)
        return await store.keep(
            upload, filename="a.txt", purpose="evals", expires_after_seconds=seconds
        )
    finally:
        await upload.close()


def owned(folder: Path, database: SQLiteDatabase, clock: Clock) -> OwnedFiles:
    store = FileStore(database, FolderBlobs(folder), folder / "incoming", clock=clock)
    return OwnedFiles(store)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SQLiteDatabase]:
    database = SQLiteDatabase(folder / "a.sqlite")
    try:
        yield database
    finally:
        await database.close()


@pytest.mark.parametrize("jump", [-YEAR, -HOUR, HOUR - 1])
async def test_a_file_survives_every_jump_but_the_one_over_its_end(
    tmp_path: Path, jump: float
) -> None:
    clock = Clock()
    async with opened(tmp_path) as database:
        store = owned(tmp_path, database, clock)
        kept = await upload(store, b"kept", int(HOUR))
        clock.now += jump
        await store.purge()
        assert await store.get(kept.id) == kept
        assert await store.read(kept.id) == b"kept"
        second = await upload(store, b"second", int(HOUR))
        assert second.expires_at == second.created_at + HOUR
        assert [file.id for file in (await store.page()).data] == [second.id, kept.id], (
            "newest first means the order of arrival, whatever the clock says"
        )
        clock.now = NOON + HOUR
        with pytest.raises(UnknownFileError):
            await store.get(kept.id)


async def test_a_jump_there_and_back_loses_only_what_a_purge_saw_expired(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path) as database:
        store = owned(tmp_path, database, clock)
        short, forever = await upload(store, b"short", int(HOUR)), await upload(store, b"x")
        clock.now += 2 * HOUR
        with pytest.raises(UnknownFileError):
            await store.get(short.id)
        clock.now = NOON
        assert await store.get(short.id) == short
        clock.now += 2 * HOUR
        await store.purge()
        clock.now = NOON
        assert [file.id for file in (await store.page()).data] == [forever.id]


@pytest.mark.parametrize("jump", [-YEAR, -HOUR, HOUR, YEAR])
async def test_durations_and_sums_do_not_follow_the_wall_clock(tmp_path: Path, jump: float) -> None:
    async with opened(tmp_path) as database:
        clock = Clock()
        ledger = DatabaseLedger(database, clock=clock)
        before = Entry("req_before", "", None, time=NOON)
        after = Entry("req_after", "", None, time=NOON + jump)
        for entry in (before, after):
            entry.begin_answer()
            entry.finish()
            assert 0 <= (entry.first_token_ms or 0) <= entry.total_ms < 60_000
            ledger.record(entry)
        clock.now = NOON + jump
        sums = await ledger.sums("", days=1)
        # What lies in the future by the new clock is counted, and not lost.
        assert sums["total"]["requests"] == (1 if jump == YEAR else 2)
        clock.now = NOON
        assert (await ledger.sums("", days=3_660))["total"]["requests"] == 2


@pytest.mark.parametrize(
    ("date", "wait"),
    [
        ("Thu, 01 Jan 1970 00:00:00 GMT", lambda seconds: seconds == 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", lambda seconds: seconds > YEAR),
        ("Fri, 31 Feb 2100 99:99:99 GMT", lambda seconds: seconds is None),
        ("-5", lambda seconds: seconds == 0),
        ("nan", lambda seconds: seconds is None),
        ("inf", lambda seconds: seconds is None),
        ("1e400", lambda seconds: seconds is None),
        ("soon", lambda seconds: seconds is None),
    ],
)
def test_a_date_from_another_clock_is_never_a_wait_that_makes_no_sense(
    date: str, wait: Callable[[float | None], bool]
) -> None:
    error = failure_from_response("campus", 429, {"retry-after": date}, b"", Secrets())
    assert wait(error.retry_after), error.retry_after
    assert error.headers().get("Retry-After", "0").isdecimal()


async def test_lists_of_models_are_renewed_by_a_clock_that_only_grows(standin: StandIn) -> None:
    clock = Clock()
    upstream = Upstream("campus", UpstreamSettings(base_url=standin.url))
    catalog = Catalog([upstream], clock=clock)
    await catalog.models()
    await catalog.models()
    assert len(standin.received) == 1
    clock.now += HOUR
    await catalog.models()
    assert len(standin.received) == 2
    await catalog.close()
