"""A database in one SQLite file of the data folder, used by a single thread.

A damaged file is moved aside (see :mod:`.damage`) and a new one is started, with a notice. A new
one is also started if another server or a person has moved the file.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from ...protocol.errors import UnavailableError
from .damage import Identity, has_copies_aside, identity_of, is_damage, kind_of, set_aside
from .database import Work, age_of, log_surprise
from .disk import disk_error, make_folder
from .log import log

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["SQLiteDatabase"]

BUSY_SECONDS = 30.0
"""How long a transaction waits for another server's on the same file, in seconds."""

_Result = TypeVar("_Result")


class SQLiteDatabase:
    """An SQLite file in WAL mode, opened at its first use.

    Args:
        path: the file; its folder is created if it does not exist.
        notify: called with a message, on the database's thread, if a damaged file was moved aside,
            or if a later release wrote the file.
        upgrade: brings any file's tables to this release; by default the stores' tables.
    """

    def __init__(
        self,
        path: Path,
        *,
        notify: Callable[[str], None] | None = None,
        upgrade: Work[None] | None = None,
    ) -> None:
        self._path = path
        self._notify = notify
        self._notices: set[str] = set()
        self._upgrade = upgrade or _upgrade
        self._connection: Connection | None = None
        self._identity: Identity | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aqueduct-database")

    async def run(self, work: Work[_Result]) -> _Result:
        """Do work in one transaction; see :class:`.database.Database`."""
        return await asyncio.wrap_future(self._thread.submit(self._transact, work))

    def submit(self, work: Work[object]) -> Future[object]:
        """Do work like :meth:`run`, without waiting; a failure is logged, and in the result."""
        submitted = self._thread.submit(self._transact, work)
        submitted.add_done_callback(log_surprise)
        return submitted

    async def wait_for_notices(self, seconds: float) -> list[str]:
        """Wait for some seconds; nobody sends notices here."""
        await asyncio.sleep(seconds)
        return []

    def clock(self) -> float:
        """Return this machine's time, in seconds since 1970."""
        return time.time()

    def age(self, at: float) -> float:
        """Return how old a sign of life is, in seconds."""
        return age_of(at)

    @property
    def has_copies_aside(self) -> bool:
        """Whether there is a damaged predecessor beside the file."""
        return has_copies_aside(self._path)

    async def close(self) -> None:
        """Wait for submitted work, then close the file."""
        await asyncio.to_thread(self._thread.submit(self._close).result)
        self._thread.shutdown(wait=False)

    def _transact(self, work: Work[_Result]) -> _Result:
        try:
            try:
                return self._attempt(work)
            except Exception as error:
                cause = _cause_of(error)
                if not is_damage(cause):
                    raise
                self._replace(cause)
                return self._attempt(work)
        except Exception as error:
            cause = _cause_of(error)
            if not isinstance(cause, OSError | sqlite3.Error):
                raise
            log.error("The database %s could not be used: %r", self._path, cause)
            raise disk_error(cause) from error

    def _attempt(self, work: Work[_Result]) -> _Result:
        return _in_transaction(self._opened(), work)

    def _opened(self) -> Connection:
        if self._connection is not None and identity_of(self._path) != self._identity:
            log.warning("The database %s was moved or deleted; a new one is used.", self._path)
            self._close()
        if self._connection is None:
            make_folder(self._path.parent)
            # Created here because SQLite would make it readable to other users.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._identity = identity_of(self._path)
            self._connection = self._connected()
        return self._connection

    def _connected(self) -> Connection:
        from sqlalchemy import create_engine  # takes a quarter of a second, so at the first use
        from sqlalchemy.pool import NullPool

        engine = create_engine(
            "sqlite://", creator=self._connect, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        connection = engine.connect()
        try:
            _in_transaction(connection, self._upgrade)
        except BaseException as error:
            connection.close()
            if isinstance(error, UnavailableError):
                self._say_once(error.message)
            raise
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _switch_to_wal(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _replace(self, error: BaseException) -> None:
        self._close()
        aside = set_aside(self._path, self._identity)
        if aside is None:
            return
        notice = (
            f"The database {self._path.name} was damaged ({error}). It was moved to {aside.name} "
            "in the same folder, and a new one was started. Earlier files, conversations and usage "
            "are no longer listed. The files' bytes are kept as long as the moved database exists."
        )
        self._say_once(notice)

    def _say_once(self, notice: str) -> None:
        if notice not in self._notices:
            self._notices.add(notice)
            log.error("%s", notice)
            if self._notify:
                self._notify(notice)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _upgrade(connection: Connection) -> None:
    from .sql.upgrade import upgrade

    upgrade(connection)


def _in_transaction(connection: Connection, work: Work[_Result]) -> _Result:
    # Take the write lock at once, so that two readers that both want to write cannot deadlock, even
    # in two servers.
    driver = _driver(connection)
    driver.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        driver.execute("COMMIT")
    finally:
        # After some errors, SQLite has already rolled back.
        if driver.in_transaction:
            driver.execute("ROLLBACK")
    return result


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("SQLAlchemy's connection is not an sqlite3.Connection.")
    return driver


def _cause_of(error: BaseException) -> BaseException:
    """Return SQLite's own error if SQLAlchemy has wrapped it."""
    cause = getattr(error, "orig", None)
    return cause if isinstance(cause, BaseException) else error


def _is_busy(error: BaseException) -> bool:
    return kind_of(error) == sqlite3.SQLITE_BUSY


@retry(
    retry=retry_if_exception(_is_busy),
    stop=stop_after_delay(BUSY_SECONDS),
    wait=wait_random(0.01, 0.1),
    reraise=True,
)
def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # SQLite does not wait here if two servers create the file at the same time. Retry only for
    # that; for a full disk, for example, a retry would only delay all other work.
    connection.execute("PRAGMA journal_mode = WAL")
