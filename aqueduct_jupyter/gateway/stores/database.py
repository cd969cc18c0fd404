"""This file is the one SQLite file of the data folder, and the one thread that touches it.

What is in its tables is left to the file store and the ledger, how a damaged file is moved aside to
:mod:`.damage`. After that the work goes on in a new one, which is said; so it does where another
server, or a person, has moved the file.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from ...protocol.errors import UnavailableError
from .damage import Identity, has_copies_aside, identity_of, is_damage, kind_of, set_aside
from .disk import disk_error, make_folder

__all__ = ["Database", "read_rows"]

BUSY_SECONDS = 30.0
"""How long a transaction waits for another server's on the same file."""

_Result = TypeVar("_Result")
Work = Callable[[sqlite3.Connection], _Result]

_log = logging.getLogger(__name__)


class Database:
    """An SQLite file in WAL mode, opened at its first use.

    Args:
        path: the file; its folder is made if it is not there.
        schemas: statements that make the tables where they are missing.
        notify: is told in a sentence, on the database's thread, that a damaged file was moved
            aside.
    """

    def __init__(
        self, path: Path, *schemas: str, notify: Callable[[str], None] | None = None
    ) -> None:
        self._path = path
        self._schemas = schemas
        self._notify = notify
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aqueduct-database")

    async def run(self, work: Work[_Result]) -> _Result:
        """Do work in one transaction; it is undone where the work raises.

        Args:
            work: gets the connection, on the database's own thread.

        Raises:
            UnavailableError: the file cannot be used; and whatever the work raises.
        """
        return await asyncio.wrap_future(self._thread.submit(self._transact, work))

    def submit(self, work: Work[object]) -> None:
        """Do work like :meth:`run`, without waiting; whatever fails is logged."""
        self._thread.submit(self._transact, work).add_done_callback(_log_surprise)

    @property
    def has_copies_aside(self) -> bool:
        """Whether a damaged predecessor lies beside the file, and may name what this one does not.

        Raises:
            OSError: the disk refuses.
        """
        return has_copies_aside(self._path)

    async def close(self) -> None:
        """Wait for what was submitted, then close the file."""
        await asyncio.to_thread(self._thread.submit(self._close).result)
        self._thread.shutdown(wait=False)

    def _transact(self, work: Work[_Result]) -> _Result:
        try:
            try:
                return self._attempt(work)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self._replace(error)
                return self._attempt(work)
        except (OSError, sqlite3.Error) as error:
            _log.error("%s could not be used: %r", self._path, error)
            raise disk_error(error) from error

    def _attempt(self, work: Work[_Result]) -> _Result:
        connection = self._opened()
        # Taking the write lock at once: two readers that both want to write cannot lock each
        # other out, also not from two servers.
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        finally:
            # SQLite has already rolled back by itself after some errors.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return result

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and identity_of(self._path) != self._identity:
            _log.warning("%s was moved away; a new one is used.", self._path)
            self._close()
        if self._connection is None:
            make_folder(self._path.parent)
            # Made here and not by SQLite, which would leave it readable to others.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._identity = identity_of(self._path)
            self._connection = _connect(self._path, self._schemas)
        return self._connection

    def _replace(self, error: sqlite3.DatabaseError) -> None:
        self._close()
        aside = set_aside(self._path, self._identity)
        if aside is None:
            return
        notice = (
            f"The database {self._path.name} was damaged ({error}). It was moved to {aside.name} "
            "beside it, and a new one was begun: files, conversations and usage from before are "
            "no longer listed. Their bytes stay on the disk as long as that file does."
        )
        _log.error("%s", notice)
        if self._notify:
            self._notify(notice)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _log_surprise(done: Future[object]) -> None:
    error = done.exception()
    # What the disk refuses has been logged already.
    if error is not None and not isinstance(error, UnavailableError):
        _log.error("Something was not written to the database.", exc_info=error)


def _connect(path: Path, schemas: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        for schema in schemas:
            connection.executescript(schema)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_busy(error: BaseException) -> bool:
    return kind_of(error) == sqlite3.SQLITE_BUSY


@retry(
    retry=retry_if_exception(_is_busy),
    stop=stop_after_delay(BUSY_SECONDS),
    wait=wait_random(0.01, 0.1),
    reraise=True,
)
def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # SQLite does not wait by itself here where two servers make the file at the same time. For
    # nothing else is waited: all other work would stand still behind a full disk.
    connection.execute("PRAGMA journal_mode = WAL")


def read_rows(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    """Give the rows of a SELECT as dicts of its columns."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
