"""A PostgreSQL database that several servers share, and its thread pool."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from ...protocol.errors import UnavailableError
from .database import Work, log_surprise
from .log import log
from .notices import CHANNEL

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from sqlalchemy import Engine

__all__ = ["PostgreSQLDatabase"]

CONNECTIONS = 8
"""How many transactions one server has open at a time; others wait."""

CONNECT_SECONDS = 10
"""How long connecting may take, in seconds."""

ATTEMPTS = 4
"""How many times a transaction is tried that surely had no effect."""

AWAY_SECONDS = 5.0
"""Seconds after which a client may try again while the database is away."""

_Result = TypeVar("_Result")


class PostgreSQLDatabase:
    """A PostgreSQL database, connected at its first use.

    Args:
        url: its URL, such as ``postgresql+psycopg://user:password@host/name``.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._opening = Lock()
        self._threads = ThreadPoolExecutor(CONNECTIONS - 1, thread_name_prefix="aqueduct-database")
        # One thread does submitted work in its order, so the last one is done after all others.
        self._submitting = ThreadPoolExecutor(1, thread_name_prefix="aqueduct-database-later")
        self._last_submitted: Future[object] | None = None
        self._listener: AsyncConnection | None = None

    async def run(self, work: Work[_Result]) -> _Result:
        """Do work in one transaction; see :class:`.database.Database`."""
        submitted = self._last_submitted
        if submitted is not None and not submitted.done():
            before = asyncio.wrap_future(submitted)
            await asyncio.wait([before])
            before.exception()  # it has been logged; asyncio would complain about it again
        return await asyncio.wrap_future(self._threads.submit(self._transact, work))

    def submit(self, work: Work[object]) -> Future[object]:
        """Do work like :meth:`run`, without waiting; a failure is logged, and in the result."""
        self._last_submitted = self._submitting.submit(self._transact, work)
        self._last_submitted.add_done_callback(log_surprise)
        return self._last_submitted

    async def wait_for_notices(self, seconds: float) -> list[str]:
        """Wait until somebody has sent a notice, or for some seconds, and return what was sent."""
        from psycopg import AsyncConnection, Error
        from psycopg.sql import SQL, Identifier

        try:
            if self._listener is None:
                address = self._url.replace("+psycopg", "", 1)
                self._listener = await AsyncConnection.connect(
                    address, autocommit=True, connect_timeout=CONNECT_SECONDS
                )
                await self._listener.execute(SQL("LISTEN {}").format(Identifier(CHANNEL)))
            found = self._listener.notifies(timeout=seconds, stop_after=1)
            return [notice.payload async for notice in found]
        except Error as error:
            log.warning("The database sends no notices: %s", error)
            await self._close_listener()
            await asyncio.sleep(seconds)
            return []

    @property
    def has_copies_aside(self) -> bool:
        """Always False: a PostgreSQL database is never moved aside."""
        return False

    async def close(self) -> None:
        """Wait for submitted work, then close all connections."""
        await self._close_listener()
        await asyncio.to_thread(self._submitting.shutdown)
        await asyncio.to_thread(self._threads.shutdown)
        if self._engine is not None:
            await asyncio.to_thread(self._engine.dispose)

    async def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()

    def _transact(self, work: Work[_Result]) -> _Result:
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            return self._attempt(work)
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            log.error("The database could not be used: %s", cause)
            raise UnavailableError(
                f"The server cannot use its database ({type(cause).__name__}). Ask the "
                "administrator to check the server's log.",
                code="storage_unavailable",
                retry_after=AWAY_SECONDS,
            ) from error

    def _attempt(self, work: Work[_Result]) -> _Result:
        from psycopg.errors import DeadlockDetected
        from sqlalchemy.exc import OperationalError

        attempt = 1
        while True:
            is_committing = False
            try:
                with self._opened().connect() as connection, connection.begin() as transaction:
                    result = work(connection)
                    is_committing = True
                    transaction.commit()
                    return result
            except OperationalError as error:
                # The database was restarted since the connection was last used, or has undone one
                # of two transactions that waited for each other.
                is_lost = error.connection_invalidated and not is_committing
                is_undone = isinstance(error.orig, DeadlockDetected)
                if attempt == ATTEMPTS or not (is_lost or is_undone):
                    raise
            attempt += 1

    def _opened(self) -> Engine:
        from sqlalchemy import create_engine

        from .sql.locks import lock_until_commit
        from .sql.upgrade import upgrade

        with self._opening:
            if self._engine is None:
                engine = create_engine(
                    self._url,
                    pool_size=CONNECTIONS,
                    max_overflow=0,
                    connect_args={"connect_timeout": CONNECT_SECONDS},
                )
                with engine.begin() as connection:
                    # The first server upgrades the database; the others wait until it is done.
                    lock_until_commit(connection, "upgrade")
                    upgrade(connection)
                self._engine = engine
            return self._engine
