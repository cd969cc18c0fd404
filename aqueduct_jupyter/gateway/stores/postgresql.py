"""A PostgreSQL database that several servers share, and its thread pool."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from ...protocol.errors import UnavailableError
from .database import Work, log_surprise
from .log import log

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["PostgreSQLDatabase"]

CONNECTIONS = 8
"""How many transactions one server has open at a time; others wait."""

CONNECT_SECONDS = 10
"""How long connecting may take, in seconds."""

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

    async def run(self, work: Work[_Result]) -> _Result:
        """Do work in one transaction; see :class:`.database.Database`."""
        submitted = self._last_submitted
        if submitted is not None and not submitted.done():
            await asyncio.wait([asyncio.wrap_future(submitted)])
        return await asyncio.wrap_future(self._threads.submit(self._transact, work))

    def submit(self, work: Work[object]) -> None:
        """Do work like :meth:`run`, without waiting; a failure is logged."""
        self._last_submitted = self._submitting.submit(self._transact, work)
        self._last_submitted.add_done_callback(log_surprise)

    @property
    def has_copies_aside(self) -> bool:
        """Always False: a PostgreSQL database is never moved aside."""
        return False

    async def close(self) -> None:
        """Wait for submitted work, then close all connections."""
        await asyncio.to_thread(self._submitting.shutdown)
        await asyncio.to_thread(self._threads.shutdown)
        if self._engine is not None:
            await asyncio.to_thread(self._engine.dispose)

    def _transact(self, work: Work[_Result]) -> _Result:
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            with self._opened().begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            log.error("The database could not be used: %s", cause)
            raise UnavailableError(
                f"The server cannot use its database ({type(cause).__name__}). Ask the "
                "administrator to check the server's log.",
                code="storage_unavailable",
            ) from error

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
                    pool_pre_ping=True,  # the database may have been restarted
                    connect_args={"connect_timeout": CONNECT_SECONDS},
                )
                with engine.begin() as connection:
                    # The first server upgrades the database; the others wait until it is done.
                    lock_until_commit(connection, "upgrade")
                    upgrade(connection)
                self._engine = engine
            return self._engine
