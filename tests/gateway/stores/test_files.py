"""The file store: what is kept, seen, listed, forgotten; crashes, and a second server."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.gateway.stores.blobs import FolderBlobs
from aqueduct_jupyter.gateway.stores.database import Database
from aqueduct_jupyter.gateway.stores.files import FileStore
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase
from aqueduct_jupyter.protocol.errors import (
    BodyTooLargeError,
    InvalidRequestError,
    UnavailableError,
    UnknownFileError,
)
from aqueduct_jupyter.protocol.files import FileObject

from .owned import Backend, OwnedFiles


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Stores:
    """Stores on one backend, as several servers would have them."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.folder = backend.folder
        self.clock = Clock()
        self._databases: list[Database] = []

    def open(self, owner: str = "", **more: Any) -> OwnedFiles:
        database = self.backend.open_database()
        self._databases.append(database)
        blobs, incoming = self.backend.blobs, self.folder / "incoming"
        return OwnedFiles(FileStore(database, blobs, incoming, clock=self.clock, **more), owner)

    async def close(self) -> None:
        while self._databases:
            await self._databases.pop().close()

    async def blobs(self) -> list[bytes]:
        """What all blobs hold."""
        names = [name async for batch in self.backend.blobs.older_than(-60) for name in batch]
        return sorted([await self.read(name) for name in names])

    async def read(self, name: str) -> bytes:
        pieces = await self.backend.blobs.open(name, 0, 2**30)
        return b"".join([piece async for piece in pieces])

    @property
    def incoming(self) -> list[Path]:
        return sorted(self.folder.glob("incoming/*"))


@pytest.fixture
def stores(backend: Backend) -> Stores:
    return Stores(backend)


@pytest.fixture
def folder_stores(tmp_path: Path, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Stores]:
    """Stores in a data folder, where a test looks at what lies in it."""
    folder = tmp_path / "data"
    backend = Backend(
        folder, lambda: SQLiteDatabase(folder / "aqueduct.sqlite"), FolderBlobs(folder)
    )
    stores = Stores(backend)
    yield stores
    jp_asyncio_loop.run_until_complete(stores.close())


async def upload(store: OwnedFiles, data: bytes = b"hello", **more: Any) -> FileObject:
    upload = await store.begin()
    try:
        for start in range(0, len(data), 1000):
            await upload.write(data[start : start + 1000])
        given = {"filename": "notes.txt", "purpose": "user_data", **more}
        return await store.keep(upload, **given)
    finally:
        await upload.close()


async def test_what_was_kept_is_described_and_read(stores: Stores) -> None:
    store = stores.open()
    data = os.urandom(3_500_000)
    kept = await upload(store, data, filename="r\u00e9port.pdf")
    assert kept.id.startswith("file-")
    assert len(kept.id) >= len("file-") + 24
    assert (kept.bytes, kept.created_at) == (len(data), 1_000_000)
    assert kept.expires_at == 1_000_000 + 7 * 86_400
    assert await store.get(kept.id) == kept
    stored = await store.find(kept.id)
    assert (stored.file, stored.media_type) == (kept, "application/pdf")
    assert await store.read(kept.id) == data
    assert not stores.incoming


async def test_an_empty_file_is_a_file(stores: Stores) -> None:
    store = stores.open()
    kept = await upload(store, b"")
    assert await store.read(kept.id) == b""


@pytest.mark.parametrize(
    ("filename", "media_type"),
    [
        ("a.csv", "text/csv"),
        ("a.tar.gz", "application/octet-stream"),
        ("noending", "application/octet-stream"),
    ],
)
async def test_the_name_tells_the_media_type(
    stores: Stores, filename: str, media_type: str
) -> None:
    store = stores.open()
    kept = await upload(store, filename=filename)
    assert (await store.find(kept.id)).media_type == media_type


async def test_nobody_else_can_enter_the_folders(folder_stores: Stores) -> None:
    await upload(folder_stores.open())
    for path in folder_stores.folder.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


async def test_identical_bytes_are_stored_once_and_go_with_the_last(stores: Stores) -> None:
    store = stores.open()
    first, second = await upload(store), await upload(store, filename="copy.txt")
    other = await upload(store, b"other")
    assert len(await stores.blobs()) == 2
    await store.delete(first.id)
    assert await store.read(second.id) == b"hello"
    await store.delete(second.id)
    assert await stores.blobs() == [b"other"]
    assert await store.read(other.id) == b"other"


async def test_bytes_that_somebody_took_away_come_back_with_the_next_upload(stores: Stores) -> None:
    store = stores.open()
    first = await upload(store)
    await stores.backend.blobs.delete((await store.find(first.id)).blob)
    with pytest.raises(UnknownFileError):
        await store.read(first.id)
    second = await upload(store)
    assert await store.read(second.id) == b"hello"


async def test_a_second_deletion_finds_nothing(stores: Stores) -> None:
    store = stores.open()
    kept = await upload(store)
    assert (await store.delete(kept.id)).model_dump() == {
        "id": kept.id,
        "object": "file",
        "deleted": True,
    }
    for look in (store.delete, store.get, store.find):
        with pytest.raises(UnknownFileError) as caught:
            await look(kept.id)
        assert (caught.value.status, caught.value.code) == (404, "file_not_found")


async def test_a_file_deleted_between_finding_and_opening_is_unknown(stores: Stores) -> None:
    store = stores.open()
    kept = await upload(store)
    stored = await store.find(kept.id)
    await store.delete(kept.id)
    with pytest.raises(UnknownFileError):
        await store.store.open(stored)


async def test_another_owners_file_does_not_exist(stores: Stores) -> None:
    ada, ben = stores.open(owner="ada"), stores.open(owner="ben")
    kept = await upload(ada)
    for look in (ben.get, ben.find, ben.delete):
        with pytest.raises(UnknownFileError):
            await look(kept.id)
    assert (await ben.page()).data == []
    with pytest.raises(InvalidRequestError):
        await ben.page(after=kept.id)
    assert (await ada.get(kept.id)) == kept


class TestExpiry:
    async def test_it_holds_at_every_reading_before_any_purge(self, stores: Stores) -> None:
        store = stores.open()
        kept = await upload(store, expires_after_seconds=3_600)
        assert kept.expires_at == 1_003_600
        stores.clock.now += 3_599
        assert await store.get(kept.id)
        stores.clock.now += 1
        for look in (store.get, store.find, store.delete):
            with pytest.raises(UnknownFileError):
                await look(kept.id)
        assert (await store.page()).data == []
        assert await stores.blobs()

    async def test_zero_is_never(self, stores: Stores) -> None:
        store = stores.open(expiry_seconds=0)
        kept = await upload(store)
        stores.clock.now += 10**9
        assert kept.expires_at is None
        assert await store.get(kept.id) == kept

    async def test_the_purge_takes_what_has_expired_and_nothing_else(self, stores: Stores) -> None:
        store = stores.open()
        await upload(store, b"short", expires_after_seconds=3_600)
        long = await upload(store, b"long")
        shared = await upload(store, b"long", expires_after_seconds=3_600)
        stores.clock.now += 3_600
        await store.purge()
        assert await stores.blobs() == [b"long"]
        assert (await store.page()).data == [long]
        assert shared.id != long.id


class TestPages:
    async def test_newest_first_and_in_pages(self, stores: Stores) -> None:
        store = stores.open()
        kept = [await upload(store, bytes([i])) for i in range(5)]
        kept.reverse()
        first = await store.page(limit=2)
        assert first.data == kept[:2]
        assert (first.has_more, first.first_id, first.last_id) == (True, kept[0].id, kept[1].id)
        second = await store.page(limit=2, after=first.last_id)
        third = await store.page(limit=2, after=second.last_id)
        assert second.data + third.data == kept[2:]
        assert (second.has_more, third.has_more) == (True, False)
        assert (await store.page(limit=5)).has_more is False

    async def test_oldest_first_where_asked(self, stores: Stores) -> None:
        store = stores.open()
        kept = [await upload(store, bytes([i])) for i in range(3)]
        assert (await store.page(order="asc")).data == kept
        assert (await store.page(order="asc", after=kept[0].id)).data == kept[1:]

    async def test_only_one_purpose_where_asked(self, stores: Stores) -> None:
        store = stores.open()
        vision = await upload(store, purpose="vision")
        await upload(store, purpose="evals")
        assert (await store.page(purpose="vision")).data == [vision]

    async def test_an_empty_list_has_no_ids(self, stores: Stores) -> None:
        page = await stores.open().page()
        assert page.model_dump() == {
            "object": "list",
            "data": [],
            "has_more": False,
            "first_id": None,
            "last_id": None,
        }

    @pytest.mark.parametrize(
        "asked",
        [
            {"limit": 0},
            {"limit": 10_001},
            {"order": "up"},
            {"purpose": "fun"},
            {"after": "file-x"},
        ],
    )
    async def test_a_wrong_question_is_named(self, stores: Stores, asked: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            await stores.open().page(**asked)
        assert caught.value.param == next(iter(asked))


class TestLimits:
    async def test_the_largest_file_passes_and_one_byte_more_does_not(self, stores: Stores) -> None:
        store = stores.open(max_file_bytes=2_000)
        assert (await upload(store, b"x" * 2_000)).bytes == 2_000
        with pytest.raises(BodyTooLargeError) as caught:
            await upload(store, b"x" * 2_001)
        assert (caught.value.status, caught.value.code) == (413, "file_too_large")
        assert len(await stores.blobs()) == 1
        assert not stores.incoming

    async def test_the_quota_is_each_owners_and_deletion_makes_room(self, stores: Stores) -> None:
        ada = stores.open(owner="ada", max_total_bytes=10)
        ben = stores.open(owner="ben", max_total_bytes=10)
        first = await upload(ada, b"12345")
        await upload(ada, b"12345")
        with pytest.raises(BodyTooLargeError) as caught:
            await upload(ada, b"1")
        assert (caught.value.status, caught.value.code) == (413, "quota_exceeded")
        assert len(await stores.blobs()) == 1
        await upload(ben, b"1234567890")
        await ada.delete(first.id)
        await upload(ada, b"54321")

    async def test_what_expired_does_not_count(self, stores: Stores) -> None:
        store = stores.open(max_total_bytes=5)
        await upload(store, b"12345", expires_after_seconds=3_600)
        stores.clock.now += 3_600
        await upload(store, b"54321")


class TestRefusals:
    async def test_a_wrong_purpose_leaves_nothing(self, stores: Stores) -> None:
        store = stores.open()
        with pytest.raises(InvalidRequestError):
            await upload(store, purpose="fun")
        assert not await stores.blobs()
        assert not stores.incoming

    async def test_a_wrong_batch_file_leaves_nothing(self, stores: Stores) -> None:
        store = stores.open()
        with pytest.raises(InvalidRequestError, match="Line 1"):
            await upload(store, b"{}", filename="a.jsonl", purpose="batch")
        assert not await stores.blobs()
        assert (await store.page()).data == []

    async def test_a_folder_that_cannot_be_written_is_unavailable(self, stores: Stores) -> None:
        stores.folder.parent.mkdir(exist_ok=True)
        stores.folder.write_text("in the way")
        with pytest.raises(UnavailableError):
            await stores.open().begin()


class TestCrashes:
    async def test_an_upload_that_was_torn_is_not_seen_and_is_swept_up(
        self, stores: Stores
    ) -> None:
        store = stores.open()
        torn = await store.begin()
        await torn.write(b"x" * 3_000_000)
        assert (await store.page()).data == []
        assert not await stores.blobs()
        await store.purge()
        assert stores.incoming, "another server may still be receiving it"
        long_ago = time.time() - 7_200
        os.utime(torn.path, (long_ago, long_ago))
        await store.purge()
        assert not stores.incoming
        await torn.close()

    async def test_a_blob_without_a_row_is_swept_up(self, stores: Stores) -> None:
        store = stores.open()
        await upload(store, b"somebody's")
        lost = await store.begin()
        await lost.write(b"nobody's")
        await lost.seal()
        await stores.backend.blobs.keep("ab/abcd", lost.path)
        await store.purge()
        assert len(await stores.blobs()) == 2, "another server may be about to name it"
        await stores.open(abandoned_seconds=-60).purge()
        assert await stores.blobs() == [b"somebody's"]
        await lost.close()

    async def test_the_blobs_of_a_damaged_database_stay_as_long_as_it_does(
        self, folder_stores: Stores
    ) -> None:
        stores = folder_stores
        await upload(stores.open(), b"named in the damaged one only")
        await stores.close()
        (stores.folder / "aqueduct.sqlite").write_bytes(b"no database" * 1000)
        store = stores.open(abandoned_seconds=-60)
        await store.purge()
        assert (await store.page()).data == []
        assert len(await stores.blobs()) == 1
        (copy,) = stores.folder.glob("*.corrupt-*")
        copy.unlink()
        await store.purge()
        assert not await stores.blobs()

    async def test_a_row_that_was_not_written_leaves_no_file(self, folder_stores: Stores) -> None:
        stores = folder_stores
        store = stores.open(abandoned_seconds=-60)
        await upload(store, b"first")
        await store.store._database.run(
            lambda db: db.exec_driver_sql(
                "CREATE TRIGGER refuse BEFORE INSERT ON files BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        )
        with pytest.raises(UnavailableError):
            await upload(store, b"second")
        assert [file.bytes for file in (await store.page()).data] == [5]
        await store.purge()
        assert await stores.blobs() == [b"first"]


async def test_two_servers_do_not_pull_blobs_from_each_other(
    stores: Stores,
) -> None:
    servers = [stores.open(), stores.open()]

    async def work(store: OwnedFiles, rounds: int) -> None:
        for number in range(rounds):
            kept = await upload(store, bytes([number % 3]) * 100)
            assert await store.read(kept.id) == bytes([number % 3]) * 100
            await store.purge()
            if number % 2:
                await store.delete(kept.id)

    await asyncio.gather(*(work(server, 20) for server in servers for _ in range(2)))
    listed = (await servers[0].page()).data
    assert listed == (await servers[1].page()).data
    assert len(listed) == 40
    for file in listed:
        assert len(await servers[0].read(file.id)) == 100
