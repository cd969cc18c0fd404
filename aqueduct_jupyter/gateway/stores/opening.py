"""All stores of one data folder, opened together; nothing is read or made before the first use."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .blobs import Blobs, FolderBlobs
from .conversations import ConversationStore
from .database import Database
from .files import FileStore
from .interfaces import Conversations, Files, Ledger
from .ledger import DatabaseLedger
from .sqlite import SQLiteDatabase

__all__ = ["FileLimits", "Stores", "open_folder", "open_stores"]

DATABASE_NAME = "aqueduct.sqlite"
INCOMING_NAME = "incoming"


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much is stored for one owner, in bytes, and for how long, in seconds; 0 is forever."""

    file_bytes: int = 64 * 2**20
    total_bytes: int = 2**30
    expiry_seconds: int = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Stores:
    """What the gateway keeps."""

    database: Database
    files: Files
    ledger: Ledger
    conversations: Conversations

    async def close(self) -> None:
        """Write what is waiting, and close."""
        await self.database.close()


def open_folder(
    folder: Path,
    limits: FileLimits = FileLimits(),
    *,
    notify: Callable[[str], None] | None = None,
    clock: Callable[[], float] = time.time,
) -> Stores:
    """Open the stores of a data folder: an SQLite file, and a folder of blobs.

    Args:
        folder: the data folder; made at the first use.
        limits: how much is stored for one owner.
        notify: is told in a sentence that a damaged database was moved aside, or that a later
            release wrote it.
        clock: seconds since 1970; for tests.
    """
    database = SQLiteDatabase(folder / DATABASE_NAME, notify=notify)
    return open_stores(database, FolderBlobs(folder), folder / INCOMING_NAME, limits, clock=clock)


def open_stores(
    database: Database,
    blobs: Blobs,
    incoming: Path,
    limits: FileLimits = FileLimits(),
    *,
    clock: Callable[[], float] = time.time,
) -> Stores:
    """Open stores in any database and with any blobs.

    Args:
        database: where rows are kept.
        blobs: where the bytes of files are kept.
        incoming: a folder of this machine in which uploads wait until they are complete.
        limits: how much is stored for one owner.
        clock: seconds since 1970; for tests.
    """
    files = FileStore(
        database,
        blobs,
        incoming,
        max_file_bytes=limits.file_bytes,
        max_total_bytes=limits.total_bytes,
        expiry_seconds=limits.expiry_seconds,
        clock=clock,
    )
    return Stores(
        database,
        files,
        DatabaseLedger(database, clock=clock),
        ConversationStore(database, clock=clock),
    )
