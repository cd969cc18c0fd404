"""Blobs: written whole, read in ranges, deleted, listed by age; and a disk that refuses."""

from __future__ import annotations

from pathlib import Path

import obstore
import pytest
from obstore.store import MemoryStore

from aqueduct_jupyter.gateway.stores.blobs import Blobs, FolderBlobs, ObjectStoreBlobs, _os_error

NAME = "ab/abcd"


@pytest.fixture(params=["folder", "object store"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    is_folder = request.param == "folder"
    return FolderBlobs(tmp_path) if is_folder else ObjectStoreBlobs(MemoryStore())


async def keep(blobs: Blobs, folder: Path, data: bytes, name: str = NAME) -> None:
    file = folder / "arriving"
    file.write_bytes(data)
    await blobs.keep(name, file)


async def read(blobs: Blobs, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in await blobs.open(NAME, start, end)])


@pytest.mark.parametrize(("start", "end"), [(0, 3_000_000), (1, 2), (2_999_999, 3_000_000), (7, 7)])
async def test_a_range_is_what_lies_in_it(
    blobs: Blobs, tmp_path: Path, start: int, end: int
) -> None:
    data = bytes(range(250)) * 12_000
    await keep(blobs, tmp_path, data)
    assert await read(blobs, start, end) == data[start:end]


async def test_an_empty_blob_is_empty(blobs: Blobs, tmp_path: Path) -> None:
    await keep(blobs, tmp_path, b"")
    assert await read(blobs, 0, 0) == b""


async def test_what_is_open_stays_and_what_is_deleted_is_gone(blobs: Blobs, tmp_path: Path) -> None:
    data = b"x" * 3_000_000
    await keep(blobs, tmp_path, data)
    pieces = await blobs.open(NAME, 0, len(data))
    await blobs.delete(NAME)
    await blobs.delete(NAME)
    assert b"".join([piece async for piece in pieces]) == data
    for end in (0, 1):
        with pytest.raises(FileNotFoundError):
            await blobs.open(NAME, 0, end)


async def test_only_old_ones_are_listed_as_old(blobs: Blobs, tmp_path: Path) -> None:
    await keep(blobs, tmp_path, b"1")
    await keep(blobs, tmp_path, b"2", "cd/cdef")
    assert [name async for batch in blobs.older_than(60) for name in batch] == []
    listed = [name async for batch in blobs.older_than(-60) for name in batch]
    assert sorted(listed) == [NAME, "cd/cdef"]


async def test_no_folder_has_no_blobs(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "not there yet")
    assert [name async for batch in blobs.older_than(-60) for name in batch] == []


async def test_a_disk_that_refuses_is_told_in_the_systems_words(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("in the way")
    with pytest.raises(OSError, match=r"exists|directory"):
        await keep(FolderBlobs(tmp_path), tmp_path, b"x")
    full = obstore.exceptions.GenericError("Unable to copy: No space left (os error 28)")
    assert _os_error(full).errno == 28
