"""The API's object for a stored file, and the error for a file that does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...protocol.errors import UnknownFileError
from ...protocol.files import FileObject

__all__ = ["file_object", "unknown_file"]

_COLUMNS_SHOWN = ("id", "bytes", "created_at", "filename", "purpose", "expires_at")


def file_object(row: Mapping[str, Any]) -> FileObject:
    """Return the object for a row of the files table."""
    return FileObject(**{name: row[name] for name in _COLUMNS_SHOWN})


def unknown_file(file_id: str) -> UnknownFileError:
    """Return the error for a file that was deleted, has expired, or belongs to somebody else."""
    return UnknownFileError(
        f"There is no file '{file_id[:80]}': it was never uploaded here, was deleted, or has "
        "expired. Upload it again, or list your files with GET /files.",
        param="file_id",
    )
