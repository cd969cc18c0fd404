"""Private folders, and disk errors, for all stores of the data folder."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from ...protocol.errors import UnavailableError

__all__ = ["disk_error", "make_folder"]


def make_folder(folder: Path) -> None:
    """Create a folder, and its parents, that only this user can enter.

    Raises:
        OSError: the folder cannot be created.
    """
    if not folder.parent.exists():
        # With mkdir's own parents=True, the parents would be open to all users.
        make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def disk_error(error: OSError | sqlite3.Error) -> UnavailableError:
    """Convert an error of the data folder; the message omits its path, which is private."""
    if isinstance(error, OSError):
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = error.strerror
    else:
        is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        reason = getattr(error, "sqlite_errorname", None)
    if is_full:
        return UnavailableError(
            "The server's disk is full, so nothing was stored. Delete files that you no longer "
            "need, or ask the administrator for more space.",
            code="disk_full",
        )
    return UnavailableError(
        f"The server cannot use its data folder ({reason or type(error).__name__}). Ask the "
        "administrator to check the server's log.",
        code="storage_unavailable",
    )
