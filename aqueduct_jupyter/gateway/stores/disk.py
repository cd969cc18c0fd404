"""This file is what every store of the data folder does: private folders, and the disk's refusals.

What lies in the folders is left to the stores.
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from ...protocol.errors import UnavailableError

__all__ = ["disk_error", "make_folder"]


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, that only this user can enter.

    Raises:
        OSError: the disk refuses.
    """
    if not folder.parent.exists():
        # With mkdir's own parents=True, those above would be open to all.
        make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def disk_error(error: OSError | sqlite3.Error) -> UnavailableError:
    """Say in words why the data folder could not be used; without its path, which is private."""
    if isinstance(error, OSError):
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = error.strerror
    else:
        is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        reason = getattr(error, "sqlite_errorname", None)
    if is_full:
        return UnavailableError(
            "The server's disk is full: nothing was stored. Delete files that you no longer need, "
            "or ask the administrator for room.",
            code="disk_full",
        )
    return UnavailableError(
        f"The server cannot use its data folder ({reason or type(error).__name__}). Ask the "
        "administrator to look at the server's log.",
        code="storage_unavailable",
    )
