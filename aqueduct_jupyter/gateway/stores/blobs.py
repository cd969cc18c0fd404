"""The bytes of files, in a folder or an object store, both through obstore.

The file store knows which blob belongs to which file. A blob is written once, under a unique name,
and appears only when it is complete.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .disk import make_folder

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["Blobs", "FolderBlobs", "ObjectStoreBlobs", "open_blobs"]

READ_BYTES = 2**20
"""Bytes of a blob that are read at a time."""

_FOLDER = "blobs"
_ERROR_NUMBER = re.compile(r"\(os error (\d+)\)")


class Blobs(Protocol):
    """Bytes by name; a name begins with ``xx/`` and is never reused for other bytes."""

    async def keep(self, name: str, file: Path) -> None:
        """Store a local file as a blob; the file may be gone afterwards.

        Raises:
            OSError: the blob cannot be written.
        """
        ...

    async def open(self, name: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """Open a range of a blob; an open blob stays readable when it is deleted.

        Returns:
            Its bytes, in pieces.

        Raises:
            FileNotFoundError: there is no such blob.
            OSError: it cannot be read.
        """
        ...

    async def has(self, name: str) -> bool:
        """Return whether a blob exists; raises OSError if that cannot be determined."""
        ...

    async def delete(self, name: str) -> None:
        """Delete a blob, if it exists.

        Raises:
            OSError: it cannot be deleted.
        """
        ...

    def older_than(self, seconds: float) -> AsyncIterator[list[str]]:
        """List the names of blobs older than ``seconds``, in batches.

        Raises:
            OSError: they cannot be listed.
        """
        ...


class ObjectStoreBlobs:
    """Blobs in any store that obstore supports: S3, Google, Azure, memory.

    Args:
        store: obstore's store; the blobs are below ``blobs/``.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._objects = store

    async def _store(self) -> ObjectStore:
        return self._objects

    async def keep(self, name: str, file: Path) -> None:
        """Store a local file as a blob."""
        import obstore

        with _disk_errors():
            await obstore.put_async(await self._store(), _path(name), file)

    async def open(self, name: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """Open a range of a blob."""
        import obstore

        # Stores do not accept an empty range.
        options = {"range": (start, end)} if start < end else {}
        with _disk_errors():
            found = await obstore.get_async(await self._store(), _path(name), options=options)  # type: ignore[arg-type]  # a plain dict
        return _pieces(found) if start < end else _nothing()

    async def has(self, name: str) -> bool:
        """Return whether a blob exists."""
        import obstore

        try:
            with _disk_errors():
                await obstore.head_async(await self._store(), _path(name))
        except FileNotFoundError:
            return False
        return True

    async def delete(self, name: str) -> None:
        """Delete a blob."""
        import obstore

        with suppress(FileNotFoundError), _disk_errors():
            await obstore.delete_async(await self._store(), _path(name))

    async def older_than(self, seconds: float) -> AsyncIterator[list[str]]:
        """List the names of blobs older than ``seconds``."""
        import obstore

        latest = time.time() - seconds
        with _disk_errors():
            async for batch in obstore.list(await self._store(), f"{_FOLDER}/"):
                yield [
                    found["path"].removeprefix(f"{_FOLDER}/")
                    for found in batch
                    if found["last_modified"].timestamp() <= latest
                ]


class FolderBlobs(ObjectStoreBlobs):
    """Blobs in a local folder that only this user can enter.

    Args:
        folder: contains the blobs, below ``blobs/``, and the incomplete uploads.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def _store(self) -> ObjectStore:
        # Created each time, which is cheap, because the folder may have been deleted.
        return await asyncio.to_thread(self._open)

    def _open(self) -> ObjectStore:
        from obstore.store import LocalStore

        make_folder(self._folder)
        return LocalStore(self._folder)

    async def keep(self, name: str, file: Path) -> None:
        """Store a file of the same folder as a blob, by renaming it."""
        import obstore

        await asyncio.to_thread(make_folder, (self._folder / _path(name)).parent)
        source = file.relative_to(self._folder).as_posix()
        with _disk_errors():
            await obstore.rename_async(await self._store(), source, _path(name))


def open_blobs(url: str) -> Blobs:
    """Open an object store; its keys and options come from its service's environment variables.

    Args:
        url: its address: ``s3://bucket/folder``, ``gs://...``, ``az://...`` and the like.

    Raises:
        ValueError: the address cannot be used.
    """
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    try:
        return ObjectStoreBlobs(from_url(url))
    except (BaseError, ValueError) as error:
        raise ValueError(f"objects_url cannot be used: {error}") from error


def _path(name: str) -> str:
    return f"{_FOLDER}/{name}"


async def _pieces(found: object) -> AsyncGenerator[bytes]:
    with _disk_errors():
        async for piece in found.stream(min_chunk_size=READ_BYTES):  # type: ignore[attr-defined]
            yield bytes(piece)


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Raise obstore's exceptions as OSErrors."""
    try:
        yield
    except Exception as error:
        raise _os_error(error) from error


def _os_error(error: Exception) -> OSError:
    """Convert obstore's exception to an OSError; its message may contain the error number."""
    if isinstance(error, OSError):
        return error
    found = _ERROR_NUMBER.search(str(error))
    number = int(found[1]) if found else errno.EIO
    return OSError(number, os.strerror(number))
