"""A PostgreSQL database that several servers share, and its thread pool."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

from ...protocol.errors import UnavailableError
from .database import Work, log_surprise
from .log import log
from .notices import CHANNEL

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Connection
    from sqlalchemy import Connection as SQLConnection
    from sqlalchemy import Engine

__all__ = ["PostgreSQLDatabase"]

CONNECTIONS = 8
"""How many transactions one server has open at a time; others wait."""

CONNECT_SECONDS = 10
"""How long connecting may take, in seconds."""

ATTEMPTS = 4
"""How many times a transaction is tried that surely had no effect."""

ANSWER_SECONDS = 30.0
"""How long the database may take to answer, in seconds; changes of its tables take any time."""

SLOW_SECONDS = 3.0
"""After how many seconds an answer shows that the database could not be used meanwhile."""

COMPARE_SECONDS = 60.0
"""How often the machine's clock is compared with the database's, in seconds."""

KEEPALIVES = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5}
"""When the system finds out that the other side of a connection is gone, in seconds."""

LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")
"""What PostgreSQL calls the limits of a statement, and of the time between two."""

AWAY_SECONDS = 5.0
"""Seconds after which a client may try again while the database is away."""

_Result = TypeVar("_Result")


class PostgreSQLDatabase:
    """A PostgreSQL database, connected at its first use.

    Args:
        url: its URL, such as ``postgresql+psycopg://user:password@host/name``.
        answer_seconds: how long it may take to answer, in seconds.
        clock: returns seconds since 1970 by this machine's clock; for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._own_clock = clock
        self._ahead = 0.0  # how many seconds the database's clock is ahead of it
        self._compared_at = float("-inf")
        self._away_at = monotonic()  # when the database was last not known to answer
        self._answer_seconds = answer_seconds
        self._engine: Engine | None = None
        self._opening = Lock()
        self._threads = ThreadPoolExecutor(CONNECTIONS - 1, thread_name_prefix="aqueduct-database")
        # One thread does submitted work in its order, so the last one is done after all others.
        self._submitting = ThreadPoolExecutor(1, thread_name_prefix="aqueduct-database-later")
        self._last_submitted: Future[object] | None = None
        self._listener: AsyncConnection | None = None
        self._connections: WeakSet[Connection] = WeakSet()

    async def run(self, work: Work[_Result]) -> _Result:
        """Do work in one transaction; see :class:`.database.Database`."""
        try:
            async with asyncio.timeout(self._answer_seconds) as limit:
                await self._submitted_before()
                return await asyncio.wrap_future(self._threads.submit(self._transact, work))
        except TimeoutError as error:
            if not limit.expired():
                raise
            # Whether it does the work in the end, nobody knows.
            self._away_at = monotonic()
            log.error("The database has not answered in %g seconds.", self._answer_seconds)
            raise _unavailable("it does not answer") from error

    def submit(self, work: Work[object]) -> Future[object]:
        """Do work like :meth:`run`, without waiting; a failure is logged, and in the result."""
        self._last_submitted = self._submitting.submit(self._transact, work)
        self._last_submitted.add_done_callback(log_surprise)
        return self._last_submitted

    async def wait_for_notices(self, seconds: float) -> list[str]:
        """Wait until somebody has sent a notice, or for some seconds, and return what was sent."""
        from psycopg import Error

        try:
            if (listener := self._listener) is None:
                async with asyncio.timeout(self._answer_seconds):
                    listener = await self._open_listener()
            found = listener.notifies(timeout=seconds, stop_after=1)
            return [notice.payload async for notice in found]
        except (Error, TimeoutError) as error:
            log.warning("The database sends no notices: %s", error)
            await self._close_listener()
            await asyncio.sleep(seconds)
            return []

    def clock(self) -> float:
        """Return the time by the database's clock, in seconds since 1970."""
        return self._own_clock() + self._ahead

    def age(self, at: float) -> float:
        """Return how old a sign of life is; none could be shown while the database was away."""
        return min(self.clock() - at, monotonic() - self._away_at)

    @property
    def has_copies_aside(self) -> bool:
        """Always False: a PostgreSQL database is never moved aside."""
        return False

    async def close(self) -> None:
        """Wait for submitted work, then close all connections."""
        await self._close_listener()
        try:
            async with asyncio.timeout(self._answer_seconds):
                await asyncio.to_thread(self._end_threads)
        except TimeoutError:
            log.error("The database does not answer, so its connections are cut.")
            self._cut()
            await asyncio.to_thread(self._end_threads)
        if self._engine is not None:
            await asyncio.to_thread(self._engine.dispose)

    def _end_threads(self) -> None:
        self._submitting.shutdown()
        self._threads.shutdown()

    def _cut(self) -> None:
        """Wake the threads that wait for an answer; a process does not end before its threads."""
        for connection in [*self._connections]:
            if not connection.closed:
                with socket.socket(fileno=os.dup(connection.fileno())) as copy, suppress(OSError):
                    copy.shutdown(socket.SHUT_RDWR)

    async def _submitted_before(self) -> None:
        submitted = self._last_submitted
        if submitted is not None and not submitted.done():
            before = asyncio.wrap_future(submitted)
            # It is logged where it fails; asyncio would complain about it again.
            before.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.wait([before])

    async def _open_listener(self) -> AsyncConnection:
        from psycopg import AsyncConnection
        from psycopg.conninfo import make_conninfo
        from psycopg.sql import SQL, Identifier

        address = make_conninfo(self._url.replace("+psycopg", "", 1), **self._connect_options())
        listener = self._listener = await AsyncConnection.connect(address, autocommit=True)
        await listener.execute(SQL("LISTEN {}").format(Identifier(CHANNEL)))
        return listener

    async def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()

    def _transact(self, work: Work[_Result]) -> _Result:
        from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

        began = monotonic()
        try:
            result = self._attempt(work)
            if monotonic() - began > SLOW_SECONDS:
                self._away_at = monotonic()
            return result
        except SQLAlchemyError as error:
            # Data that it refuses, which anybody may send, says nothing of whether it is away.
            if not isinstance(error, DataError | IntegrityError):
                self._away_at = monotonic()
            cause = error.orig if isinstance(error, DBAPIError) else error
            log.error("The database could not be used: %s", cause)
            raise _unavailable(type(cause).__name__) from error

    def _attempt(self, work: Work[_Result]) -> _Result:
        from psycopg.errors import DeadlockDetected
        from sqlalchemy.exc import OperationalError

        attempt = 1
        while True:
            is_committing = False
            try:
                with self._opened().connect() as connection, connection.begin() as transaction:
                    self._compare(connection)
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

    def _compare(self, connection: SQLConnection) -> None:
        """Compare the clocks, from time to time."""
        from .sql.clocks import time_of

        if monotonic() - self._compared_at > COMPARE_SECONDS:
            self._compared_at = monotonic()
            began = self._own_clock()
            there = time_of(connection, self._own_clock)
            self._ahead = there - (began + self._own_clock()) / 2

    def _opened(self) -> Engine:
        from sqlalchemy import create_engine, event

        from .sql.locks import lock_until_commit
        from .sql.upgrade import upgrade

        with self._opening:
            if self._engine is None:
                engine = create_engine(
                    self._url,
                    pool_size=CONNECTIONS,
                    max_overflow=0,
                    connect_args=self._connect_options(),
                )
                event.listen(engine, "connect", self._bound)
                with engine.begin() as connection:
                    for limit in LIMITS:
                        connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
                    # The first server upgrades the database; the others wait until it is done.
                    lock_until_commit(connection, "upgrade")
                    upgrade(connection)
                self._engine = engine
            return self._engine

    def _connect_options(self) -> dict[str, int]:
        from sqlalchemy import make_url

        options = {
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": _milliseconds(self._answer_seconds),
            **KEEPALIVES,
        }
        said = make_url(self._url).query
        return {name: value for name, value in options.items() if name not in said}

    def _bound(self, connection: Connection, record: object) -> None:  # noqa: ARG002
        """Let the database end what takes too long, and what a server holds that has gone."""
        self._connections.add(connection)
        for limit in LIMITS:
            connection.execute(f"SET {limit} = {_milliseconds(self._answer_seconds)}".encode())
        connection.commit()


def _milliseconds(seconds: float) -> int:
    return max(1, round(1000 * seconds))


def _unavailable(why: str) -> UnavailableError:
    return UnavailableError(
        f"The server cannot use its database ({why}). Ask the administrator to check the server's "
        "log.",
        code="storage_unavailable",
        retry_after=AWAY_SECONDS,
    )
