"""The file store's cleaner: removes expired files, unused blobs and abandoned uploads.

A blob whose last row is gone is never named again, so it is deleted without a lock. A blob without
a row may be about to get one, so it is deleted only after a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from .blobs import Blobs
from .database import Database
from .disk import disk_error
from .log import log
from .rows import file_rows

__all__ = ["ABANDONED_SECONDS", "Cleaner"]

ABANDONED_SECONDS = 3_600.0
"""Age at which a temporary file, or a blob without a row, counts as abandoned, in seconds."""


class Cleaner:
    """Removes what the file store no longer needs.

    Args:
        database: holds the rows.
        blobs: holds the bytes.
        incoming: the folder of incomplete uploads.
        abandoned_seconds: age in seconds at which unused blobs and uploads are removed.
    """

    def __init__(
        self, database: Database, blobs: Blobs, incoming: Path, abandoned_seconds: float
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._incoming = incoming
        self._abandoned_seconds = abandoned_seconds

    async def purge(self, now: float) -> None:
        """Remove expired files, unused blobs and abandoned uploads.

        Args:
            now: files that expire at or before this time are removed; seconds since 1970.

        Raises:
            UnavailableError: the disk or the database cannot be used.
        """
        await self.drop(await self._database.run(lambda db: file_rows(db).remove_expired(now)))
        try:
            # A damaged database that was moved aside may name other blobs, and may be repaired.
            if not await asyncio.to_thread(lambda: self._database.has_copies_aside):
                await self._sweep()
            await asyncio.to_thread(self._remove_abandoned_uploads)
        except OSError as error:
            raise disk_error(error) from error

    async def drop(self, blobs: Collection[str]) -> None:
        """Delete blobs without a row; if one cannot be deleted, it stays until the next purge."""
        for blob in blobs:
            try:
                await self._blobs.delete(blob)
            except OSError as error:
                log.warning("The blob %s stays until the next purge: %s", blob, error)

    async def _sweep(self) -> None:
        async for batch in self._blobs.older_than(self._abandoned_seconds):
            await self.drop(await self._unused(batch))

    async def _unused(self, blobs: list[str]) -> set[str]:
        return set(blobs) - await self._database.run(lambda db: file_rows(db).used(blobs))

    def _remove_abandoned_uploads(self) -> None:
        oldest = time.time() - self._abandoned_seconds
        for upload in self._incoming.glob("*"):
            # It may become a blob, or be closed, in this very moment.
            with suppress(FileNotFoundError):
                if upload.stat().st_mtime < oldest:
                    upload.unlink()
