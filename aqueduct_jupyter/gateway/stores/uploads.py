"""An upload in progress: written to the disk as it arrives, hashed and measured.

The file store turns it into a file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from ...protocol.errors import BodyTooLargeError
from .disk import disk_error, make_folder

__all__ = ["Upload"]

WRITE_BYTES = 2**20
"""Bytes that are buffered before a write to the disk; no more of a file is held in memory."""


class Upload:
    """A temporary file that grows; created by :meth:`FileStore.begin`.

    Args:
        folder: the folder of incomplete uploads.
        max_bytes: size limit of a file, in bytes.

    Attributes:
        path: the temporary file.
        size: its size so far, in bytes.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.path = folder / secrets.token_hex(16)
        self.size = 0
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self._waiting = bytearray()
        self._descriptor: int | None = None
        # A client may disconnect while a thread writes; the file must not be closed then.
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Create the temporary file.

        Raises:
            UnavailableError: the data folder cannot be written.
        """
        await self._on_disk(self._open)

    async def write(self, data: bytes) -> None:
        """Append bytes; returns once they are buffered, or the buffer has been written.

        Raises:
            BodyTooLargeError: the file is too large.
            UnavailableError: the disk cannot be written.
        """
        self.size += len(data)
        if self.size > self._max_bytes:
            raise BodyTooLargeError(
                f"The file is larger than {self._max_bytes} bytes, the largest file that this "
                "server accepts.",
                code="file_too_large",
            )
        self._waiting += data
        if len(self._waiting) >= WRITE_BYTES:
            await self._on_disk(self._flush)

    async def seal(self) -> str:
        """Write and sync the last bytes, and return the file's SHA-256 in hexadecimal.

        Raises:
            UnavailableError: the disk cannot be written.
        """
        await self._on_disk(self._sync)
        return self._hash.hexdigest()

    async def close(self) -> None:
        """Close the temporary file and remove it if it is still there."""
        await self._on_disk(self._close)

    async def _on_disk(self, work: Callable[[], None]) -> None:
        async with self._lock:
            try:
                await asyncio.to_thread(work)
            except OSError as error:
                raise disk_error(error) from error

    def _open(self) -> None:
        make_folder(self.path.parent)
        self._descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)

    def _flush(self) -> None:
        data, self._waiting = self._waiting, bytearray()
        self._hash.update(data)
        rest = memoryview(data)
        while rest and self._descriptor is not None:
            rest = rest[os.write(self._descriptor, rest) :]

    def _sync(self) -> None:
        self._flush()
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self.path.unlink(missing_ok=True)
