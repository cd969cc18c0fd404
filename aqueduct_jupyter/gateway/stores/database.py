"""The interface of a database: whole transactions, off the event loop.

The implementations are :mod:`.sqlite` and :mod:`.postgresql`; the tables are in :mod:`.sql`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol, TypeVar

from ...protocol.errors import UnavailableError
from .log import log

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Database", "Work", "age_of", "log_surprise"]

_Result = TypeVar("_Result")
Work = Callable[["Connection"], _Result]
"""A function that runs inside a transaction, on a thread; it may run again after a failure."""


class Database(Protocol):
    """A database that is opened, and upgraded to this release, at its first use.

    Work sees what was submitted before it: a budget counts the requests that have just ended.
    """

    async def run(self, work: Work[_Result]) -> _Result:
        """Do work in one transaction, which is rolled back if the work raises.

        Raises:
            UnavailableError: the database cannot be used.
            Exception: any exception that the work raises.
        """
        ...

    def submit(self, work: Work[object]) -> Future[object]:
        """Do work like :meth:`run`, without waiting; a failure is logged, and in the result."""
        ...

    async def wait_for_notices(self, seconds: float) -> list[str]:
        """Wait until somebody has sent a notice, or for some seconds, and return what was sent.

        The notices are in :mod:`.notices`.
        """
        ...

    def clock(self) -> float:
        """Return the time that all servers of this database share, in seconds since 1970."""
        ...

    def age(self, at: float) -> float:
        """Return how old a sign of life is, in seconds, as far as others could show a younger one.

        Args:
            at: when it was shown, by :meth:`clock`.
        """
        ...

    async def close(self) -> None:
        """Wait for submitted work, then close the database."""
        ...

    @property
    def has_copies_aside(self) -> bool:
        """Whether a damaged predecessor was moved aside, which may name other blobs.

        Raises:
            OSError: the disk cannot be read.
        """
        ...


def age_of(at: float) -> float:
    """Return how long ago a time was, in seconds, by this machine's clock."""
    return time.time() - at


def log_surprise(done: Future[object]) -> None:
    """Log why submitted work failed, unless that has been logged already."""
    error = done.exception()
    if error is not None and not isinstance(error, UnavailableError):
        log.error("A write to the database failed.", exc_info=error)
