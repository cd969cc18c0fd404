"""What the stores need of a database: work in whole transactions, off the event loop.

Which database it is, is left to :mod:`.sqlite` and :mod:`.postgresql`; what is in its tables, to
:mod:`.sql`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol, TypeVar

from ...protocol.errors import UnavailableError
from .log import log

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Database", "Work", "log_surprise"]

_Result = TypeVar("_Result")
Work = Callable[["Connection"], _Result]
"""What is done inside a transaction, on a thread; it may be done again where it failed."""


class Database(Protocol):
    """A database that is opened, and brought to this release, at its first use."""

    async def run(self, work: Work[_Result]) -> _Result:
        """Do work in one transaction, which is undone where the work raises.

        Raises:
            UnavailableError: the database cannot be used; and whatever the work raises.
        """
        ...

    def submit(self, work: Work[object]) -> None:
        """Do work like :meth:`run`, without waiting; a failure is logged."""
        ...

    async def close(self) -> None:
        """Wait for what was submitted, then close the database."""
        ...

    @property
    def has_copies_aside(self) -> bool:
        """Whether a damaged predecessor was kept, which may name blobs that this one does not.

        Raises:
            OSError: the disk refuses.
        """
        ...


def log_surprise(done: Future[object]) -> None:
    """Log why submitted work failed, unless that was logged already."""
    error = done.exception()
    if error is not None and not isinstance(error, UnavailableError):
        log.error("Something was not written to the database.", exc_info=error)
