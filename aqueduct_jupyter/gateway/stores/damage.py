"""This file is what becomes of a database that is damaged: it is moved aside, and never deleted.

When that is done, and what goes on instead, is left to :mod:`.database`.

* Two servers on one folder may find the damage at the same time. Whoever comes second sees, under
  a lock, that the file at the path is another one by now, and leaves it alone.
* SQLite's own files beside it go first: a log that was left behind would be played into the new
  database.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

__all__ = ["Identity", "has_copies_aside", "identity_of", "is_damage", "kind_of", "set_aside"]

Identity = tuple[int, int]
"""What tells a file from another one at the same path: its device and number."""

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""The bits of SQLite's error codes that hold the kind; the others hold the occasion."""

_ASIDE = ".corrupt-"
_OWN_FILES = ("-wal", "-shm", "")


def kind_of(error: BaseException) -> int:
    """Give the kind of an error of SQLite, such as ``SQLITE_BUSY``; 0 where it has none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & _PRIMARY


def is_damage(error: BaseException) -> bool:
    """Tell whether an error says that the file is damaged, or no database at all."""
    return kind_of(error) in _DAMAGE


def identity_of(path: Path) -> Identity | None:
    """Tell which file lies at a path now; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def set_aside(path: Path, identity: Identity | None) -> Path | None:
    """Move a damaged database aside, under a name that says when.

    Args:
        path: where it lies; no connection of this process may be open to it.
        identity: the file that was found damaged.

    Returns:
        Where it is now; None where somebody else had moved it before.

    Raises:
        OSError: the disk refuses.
    """
    with _locked(path.parent):
        if identity_of(path) != identity:
            return None
        aside = _free_name(path)
        for ending in _OWN_FILES:
            with suppress(FileNotFoundError):
                Path(f"{path}{ending}").rename(f"{aside}{ending}")
        return aside


def has_copies_aside(path: Path) -> bool:
    """Tell whether a damaged predecessor of this database lies beside it."""
    return any(path.parent.glob(f"{path.name}{_ASIDE}*"))


def _free_name(path: Path) -> Path:
    name = f"{path}{_ASIDE}{time.strftime('%Y%m%d-%H%M%S')}"
    names = (Path(name + (f"-{number}" if number else "")) for number in range(1000))
    return next(candidate for candidate in names if not candidate.exists())


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":
        # There a file that somebody has open cannot be moved, so there is nobody to race with.
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
