"""Opens all stores of a data folder; nothing is read or created before the first use."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .administration import AdministrationStore
from .agent_keys import AgentKeyStore
from .blobs import Blobs, FolderBlobs, open_blobs
from .conversation_interfaces import Conversations
from .conversations import ConversationStore
from .database import Database
from .files import FileStore
from .interfaces import Files, Ledger
from .ledger import DatabaseLedger
from .postgresql import PostgreSQLDatabase
from .response_conversations import ResponseConversationStore
from .response_interfaces import ResponseConversations, Responses
from .responses import ResponseStore
from .running_interfaces import RunningStore
from .running_requests import DEAD_SECONDS, DatabaseRunning
from .sqlite import SQLiteDatabase

__all__ = ["FileLimits", "Replica", "Stores", "open_folder", "open_shared", "open_stores"]

DATABASE_NAME = "aqueduct.sqlite"
INCOMING_NAME = "incoming"


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Limits of one owner's files: sizes in bytes, lifetime in seconds; 0 keeps files forever."""

    file_bytes: int = 64 * 2**20
    total_bytes: int = 2**30
    expiry_seconds: int = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Replica:
    """A process of a hub's service: its unique name, and when it counts as dead, in seconds."""

    name: str
    dead_seconds: float = DEAD_SECONDS


@dataclass(frozen=True, slots=True)
class Stores:
    """All stores of a gateway; the last three only where replicas may share budgets."""

    database: Database
    files: Files
    ledger: Ledger
    conversations: Conversations
    responses: Responses
    response_conversations: ResponseConversations
    running: RunningStore | None = None
    administration: AdministrationStore | None = None
    agent_keys: AgentKeyStore | None = None

    async def close(self) -> None:
        """Write pending rows, and close the database."""
        await self.ledger.close()
        await self.database.close()


def open_folder(
    folder: Path,
    limits: FileLimits = FileLimits(),
    *,
    response_expiry_seconds: int = 30 * 86_400,
    notify: Callable[[str], None] | None = None,
    replica: Replica | None = None,
    clock: Callable[[], float] = time.time,
) -> Stores:
    """Open the stores of a data folder: an SQLite file, and a folder of blobs.

    Args:
        folder: the data folder; created at the first use.
        limits: limits of one owner's files.
        response_expiry_seconds: how long a response, or a conversation of the Responses API, is
            kept, in seconds; 0 keeps it forever.
        notify: called with a message if a damaged database was moved aside, or if a later release
            wrote the database.
        replica: this process, if it keeps running requests and budgets there.
        clock: returns seconds since 1970; for tests.
    """
    database = SQLiteDatabase(folder / DATABASE_NAME, notify=notify)
    return open_stores(
        database,
        FolderBlobs(folder),
        folder / INCOMING_NAME,
        limits,
        response_expiry_seconds=response_expiry_seconds,
        replica=replica,
        clock=clock,
    )


def open_shared(
    database_url: str,
    objects_url: str,
    folder: Path,
    limits: FileLimits = FileLimits(),
    *,
    replica: Replica,
    response_expiry_seconds: int = 30 * 86_400,
) -> Stores:
    """Open the stores that several replicas share: a PostgreSQL database and an object store.

    Args:
        database_url: the database, as ``postgresql://user:password@host/name``.
        objects_url: the object store, as ``s3://bucket/folder`` and the like; the path of a folder
            that all replicas share; or "" for ``folder``.
        folder: a local folder, for uploads that are not complete.
        limits: limits of one owner's files.
        replica: this process.
        response_expiry_seconds: how long a response, or a conversation of the Responses API, is
            kept, in seconds; 0 keeps it forever.

    Raises:
        ValueError: an address cannot be used; the message never contains it.
    """
    scheme, separator, rest = database_url.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg") or not separator:
        raise ValueError(
            "database_url must be an address such as postgresql://user:password@host/name."
        )
    if "://" in objects_url:
        blobs = open_blobs(objects_url)
    else:
        # Uploads end with a rename, which works only inside one file system.
        folder = Path(objects_url) if objects_url else folder
        blobs = FolderBlobs(folder)
    database = PostgreSQLDatabase(f"postgresql+psycopg://{rest}")
    return open_stores(
        database,
        blobs,
        folder / INCOMING_NAME,
        limits,
        response_expiry_seconds=response_expiry_seconds,
        replica=replica,
        clock=database.clock,
    )


def open_stores(
    database: Database,
    blobs: Blobs,
    incoming: Path,
    limits: FileLimits = FileLimits(),
    *,
    response_expiry_seconds: int = 30 * 86_400,
    replica: Replica | None = None,
    clock: Callable[[], float] = time.time,
) -> Stores:
    """Open stores in any database and with any blob store.

    Args:
        database: holds the rows.
        blobs: holds the bytes of files.
        incoming: a local folder for uploads that are not complete.
        limits: limits of one owner's files.
        response_expiry_seconds: how long a response, or a conversation of the Responses API, is
            kept, in seconds; 0 keeps it forever.
        replica: this process, if it keeps running requests and budgets there.
        clock: returns seconds since 1970; for tests.
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
    running = settle = administration = agent_keys = None
    if replica is not None:
        running = DatabaseRunning(
            database, replica.name, dead_seconds=replica.dead_seconds, clock=clock
        )
        settle, administration = running.settle, AdministrationStore(database, clock=clock)
        agent_keys = AgentKeyStore(database, clock=clock)
    return Stores(
        database,
        files,
        DatabaseLedger(database, settle=settle, clock=clock),
        ConversationStore(database, replica=replica.name if replica else None, clock=clock),
        ResponseStore(database, expiry_seconds=response_expiry_seconds, clock=clock),
        ResponseConversationStore(database, expiry_seconds=response_expiry_seconds, clock=clock),
        running,
        administration,
        agent_keys,
    )
