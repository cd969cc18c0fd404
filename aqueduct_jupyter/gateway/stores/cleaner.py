"""The cleaner of the file store: expired files, blobs that no row names, abandoned uploads.

A blob whose last row is gone is never named again, so it is deleted without a lock. One that has no
row yet may get it in a moment, so it is deleted only after a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .blobs import Blobs
from .database import Database
from .disk import disk_error
from .log import log

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["ABANDONED_SECONDS", "Cleaner"]

ABANDONED_SECONDS = 3_600.0
"""Age from which a temporary file, or a blob that no row names, counts as abandoned, in seconds."""


class Cleaner:
    """Removes what the file store no longer needs.

    Args:
        database: where the rows are.
        blobs: where the bytes are.
        incoming: the folder in which uploads wait.
        abandoned_seconds: age from which what no row names is removed.
    """

    def __init__(
        self, database: Database, blobs: Blobs, incoming: Path, abandoned_seconds: float
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._incoming = incoming
        self._abandoned_seconds = abandoned_seconds

    async def purge(self, now: float) -> None:
        """Remove what nobody can see any more.

        Args:
            now: files that expire at this time or before are removed; seconds since 1970.

        Raises:
            UnavailableError: the disk or the database refuses.
        """
        await self.drop(await self._database.run(partial(_remove_expired, now=now)))
        try:
            # A damaged database may name blobs that this one does not know, and may be repaired.
            if not self._database.has_copies_aside:
                await self._sweep()
            await asyncio.to_thread(self._remove_abandoned_uploads)
        except OSError as error:
            raise disk_error(error) from error

    async def drop(self, blobs: Collection[str]) -> None:
        """Delete blobs that no row names; one that cannot be deleted stays until a purge."""
        for blob in blobs:
            try:
                await self._blobs.delete(blob)
            except OSError as error:
                log.warning("The blob %s stays until the next purge: %s", blob, error)

    async def _sweep(self) -> None:
        async for batch in self._blobs.older_than(self._abandoned_seconds):
            await self.drop(set(batch) - await self._database.run(partial(_used, blobs=batch)))

    def _remove_abandoned_uploads(self) -> None:
        oldest = time.time() - self._abandoned_seconds
        for upload in self._incoming.glob("*"):
            if upload.stat().st_mtime < oldest:
                upload.unlink(missing_ok=True)


def _remove_expired(db: Connection, now: float) -> set[str]:
    from .sql.file_rows import FileRows  # with SQLAlchemy, which the first use loads

    return FileRows(db).remove_expired(now)


def _used(db: Connection, blobs: Collection[str]) -> set[str]:
    from .sql.file_rows import FileRows

    return FileRows(db).used(blobs)
