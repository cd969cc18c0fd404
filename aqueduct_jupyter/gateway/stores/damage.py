"""Damaged SQLite databases: they are moved aside, and never deleted.

:mod:`.sqlite` decides when, and creates the new database.

* Two servers on one folder may find the damage at the same time. The second one sees, under a lock,
  that the file at the path has been replaced, and leaves it alone.
* SQLite's own files beside it are moved first: a log that stayed behind would be replayed into the
  new database.
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
"""A file's device and inode number, which distinguish it from another file at the same path."""

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""The bits of an SQLite error code that hold the primary code; the others give details."""

_ASIDE = ".corrupt-"
_OWN_FILES = ("-wal", "-shm", "")


def kind_of(error: BaseException) -> int:
    """Return the primary code of an SQLite error, such as ``SQLITE_BUSY``, or 0."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & _PRIMARY


def is_damage(error: BaseException) -> bool:
    """Return whether an error means that the file is damaged, or is not a database."""
    return kind_of(error) in _DAMAGE


def identity_of(path: Path) -> Identity | None:
    """Return the identity of the file at a path; None if there is no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def set_aside(path: Path, identity: Identity | None) -> Path | None:
    """Move a damaged database aside, under a name with the time.

    Args:
        path: the database; this process must have no open connection to it.
        identity: the identity of the damaged file.

    Returns:
        Its new path; None if another process has already moved it.

    Raises:
        OSError: it cannot be moved.
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
    """Return whether there is a damaged predecessor beside this database."""
    return any(path.parent.glob(f"{path.name}{_ASIDE}*"))


def _free_name(path: Path) -> Path:
    name = f"{path}{_ASIDE}{time.strftime('%Y%m%d-%H%M%S')}"
    names = (Path(name + (f"-{number}" if number else "")) for number in range(1000))
    return next(candidate for candidate in names if not candidate.exists())


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":
        # On Windows an open file cannot be moved, so there is no race.
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
