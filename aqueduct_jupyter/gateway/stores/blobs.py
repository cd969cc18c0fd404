"""Where the bytes of files lie: a folder or an object store, both reached through obstore.

Which blob belongs to which file is left to the file store. A blob is written once, under a name of
its own, and is whole from the moment in which it is there.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .disk import make_folder

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["Blobs", "FolderBlobs", "ObjectStoreBlobs"]

READ_BYTES = 2**20
"""How much of a blob is read at a time."""

_FOLDER = "blobs"
_ERROR_NUMBER = re.compile(r"\(os error (\d+)\)")


class Blobs(Protocol):
    """Bytes by name; a name is ``xx/`` and what follows it, and never used for other bytes."""

    async def keep(self, name: str, file: Path) -> None:
        """Make a file of this machine a blob; the file may be gone afterwards.

        Raises:
            OSError: it cannot be written.
        """
        ...

    async def open(self, name: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """Open a blob from one byte up to another; once open it stays, also when it is deleted.

        Returns:
            Its bytes, in pieces.

        Raises:
            FileNotFoundError: there is no such blob.
            OSError: it cannot be read.
        """
        ...

    async def has(self, name: str) -> bool:
        """Tell whether there is such a blob; raises OSError where that cannot be told."""
        ...

    async def delete(self, name: str) -> None:
        """Delete a blob, if it is there.

        Raises:
            OSError: it cannot be deleted.
        """
        ...

    def older_than(self, seconds: float) -> AsyncIterator[list[str]]:
        """List the names of blobs that were written some time ago, in batches.

        Raises:
            OSError: they cannot be listed.
        """
        ...


class ObjectStoreBlobs:
    """Blobs in whatever obstore reaches: S3, Google's and Azure's stores, memory.

    Args:
        store: obstore's; blobs are below ``blobs/``.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._objects = store

    def _store(self) -> ObjectStore:
        return self._objects

    async def keep(self, name: str, file: Path) -> None:
        """Make a file of this machine a blob."""
        import obstore

        try:
            await obstore.put_async(self._store(), _path(name), file)
        except Exception as error:
            raise _os_error(error) from error

    async def open(self, name: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """Open a blob from one byte up to another."""
        import obstore

        try:
            # No store gives a range of nothing.
            options = {"range": (start, end)} if start < end else {}
            found = await obstore.get_async(self._store(), _path(name), options=options)  # type: ignore[arg-type]  # a plain dict
        except Exception as error:
            raise _os_error(error) from error
        return _pieces(found) if start < end else _nothing()

    async def has(self, name: str) -> bool:
        """Tell whether there is such a blob."""
        import obstore

        try:
            await obstore.head_async(self._store(), _path(name))
        except FileNotFoundError:
            return False
        except Exception as error:
            raise _os_error(error) from error
        return True

    async def delete(self, name: str) -> None:
        """Delete a blob."""
        import obstore

        try:
            await obstore.delete_async(self._store(), _path(name))
        except FileNotFoundError:
            return
        except Exception as error:
            raise _os_error(error) from error

    async def older_than(self, seconds: float) -> AsyncIterator[list[str]]:
        """List the names of blobs that were written some time ago."""
        import obstore

        latest = time.time() - seconds
        try:
            async for batch in obstore.list(self._store(), f"{_FOLDER}/"):
                yield [
                    found["path"].removeprefix(f"{_FOLDER}/")
                    for found in batch
                    if found["last_modified"].timestamp() <= latest
                ]
        except Exception as error:
            raise _os_error(error) from error


class FolderBlobs(ObjectStoreBlobs):
    """Blobs in a folder of this machine that only this user can enter.

    Args:
        folder: blobs are below ``blobs/`` in it, and uploads wait in it to become blobs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _store(self) -> ObjectStore:
        from obstore.store import LocalStore

        # Made anew each time, at no cost: the folder may have been deleted meanwhile.
        make_folder(self._folder)
        return LocalStore(self._folder)

    async def keep(self, name: str, file: Path) -> None:
        """Make a file of the same folder a blob; it is renamed."""
        import obstore

        await asyncio.to_thread(make_folder, (self._folder / _path(name)).parent)
        source = file.relative_to(self._folder).as_posix()
        try:
            await obstore.rename_async(self._store(), source, _path(name))
        except Exception as error:
            raise _os_error(error) from error


def _path(name: str) -> str:
    return f"{_FOLDER}/{name}"


async def _pieces(found: object) -> AsyncGenerator[bytes]:
    try:
        async for piece in found.stream(min_chunk_size=READ_BYTES):  # type: ignore[attr-defined]
            yield bytes(piece)
    except Exception as error:
        raise _os_error(error) from error


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield b""


def _os_error(error: Exception) -> OSError:
    """Give what obstore raises as what the disk said, where it says so in words only."""
    if isinstance(error, OSError):
        return error
    found = _ERROR_NUMBER.search(str(error))
    number = int(found[1]) if found else errno.EIO
    return OSError(number, os.strerror(number))
