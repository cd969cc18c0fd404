"""This file is the file store: blobs by content hash on the disk, what they are in SQLite.

How a file arrives is left to :mod:`.uploads`, what a model gets to read of it to
:mod:`aqueduct_jupyter.gateway.documents.attachments`.

* An upload goes to a temporary file, then to its blob, then its row is written. A crash in
  between leaves nothing that anybody sees, and the purge sweeps it up.
* Blobs appear and vanish inside the database's write lock, together with the rows that name them.
  So identical bytes are stored once, and two servers on one folder cannot pull a blob from under
  each other's rows.
"""

from __future__ import annotations

import asyncio
import mimetypes
import secrets
import sqlite3
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ...protocol.errors import (
    BodyTooLargeError,
    InvalidRequestError,
    PermissionDeniedError,
    UnknownFileError,
)
from ...protocol.files import FileDeleted, FileList, FileObject, clean_filename, read_purpose
from .batch import check_batch_file
from .database import Database, read_rows
from .disk import disk_error, make_folder
from .uploads import Upload

__all__ = ["FILES_SCHEMA", "MOST_LISTED", "FileStore", "StoredFile"]

MOST_LISTED = 10_000
ABANDONED_SECONDS = 3_600.0
"""Age from which a temporary file is nobody's any more."""

_ID_CHARACTERS = string.ascii_letters + string.digits
_ID_LENGTH = 24

FILES_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    filename TEXT NOT NULL,
    purpose TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
);
CREATE INDEX IF NOT EXISTS files_by_owner ON files (owner, sequence);
CREATE INDEX IF NOT EXISTS files_by_blob ON files (sha256);
CREATE TABLE IF NOT EXISTS uploaders (
    file TEXT PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
    uploader TEXT NOT NULL
);
"""

_COLUMNS_SHOWN = ("id", "bytes", "created_at", "filename", "purpose", "expires_at")
_ALIVE = "owner = :owner AND (expires_at IS NULL OR expires_at > :now)"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file, and where its bytes lie as long as nobody deletes it."""

    file: FileObject
    path: Path
    sha256: str
    media_type: str

    def open(self) -> BinaryIO:
        """Open the bytes for reading; once open they stay, also when the file is deleted.

        Raises:
            UnknownFileError: it was deleted meanwhile.
            UnavailableError: the disk refuses.
        """
        try:
            return self.path.open("rb")
        except FileNotFoundError:
            raise _unknown(self.file.id) from None
        except OSError as error:
            raise disk_error(error) from error

    def read(self) -> bytes:
        """Read all the bytes, as :meth:`open` raising the same."""
        with self.open() as stream:
            return stream.read()


class FileStore:
    """The files of one owner in a data folder that may have several.

    Args:
        folder: the data folder.
        database: its database, made with :data:`FILES_SCHEMA`.
        owner: whose files are seen.
        max_file_bytes: the largest file.
        max_total_bytes: the largest sum of the owner's files.
        expiry_seconds: how long a file is kept that names no time itself; 0 is for ever.
        clock: seconds since 1970; for tests.
    """

    def __init__(
        self,
        folder: Path,
        database: Database,
        *,
        owner: str = "",
        max_file_bytes: int = 64 * 2**20,
        max_total_bytes: int = 2**30,
        expiry_seconds: int = 7 * 86_400,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_file_bytes = max_file_bytes
        self._blobs = folder / "blobs"
        self._incoming = folder / "incoming"
        self._database = database
        self._owner = owner
        self._max_total_bytes = max_total_bytes
        self._expiry_seconds = expiry_seconds
        self._clock = clock

    async def begin(self) -> Upload:
        """Begin an upload; whoever begins it closes it.

        Raises:
            UnavailableError: the data folder cannot be written.
        """
        upload = Upload(self._incoming, self.max_file_bytes)
        await upload.open()
        return upload

    async def get(self, file_id: str) -> FileObject:
        """Describe a file.

        Raises:
            UnknownFileError: never uploaded, deleted, expired, or somebody else's.
        """
        return _file_object(await self._database.run(lambda db: self._row(db, file_id)))

    async def find(self, file_id: str) -> StoredFile:
        """Describe a file and tell where its bytes lie.

        Raises:
            UnknownFileError: as for :meth:`get`.
        """
        row = await self._database.run(lambda db: self._row(db, file_id))
        media_type, encoding = mimetypes.guess_type(row["filename"])
        if media_type is None or encoding:
            media_type = "application/octet-stream"
        path = self._blob(row["sha256"])
        return StoredFile(_file_object(row), path, row["sha256"], media_type)

    async def page(
        self,
        *,
        limit: int = MOST_LISTED,
        after: str | None = None,
        order: str = "desc",
        purpose: str | None = None,
    ) -> FileList:
        """List files, newest first unless ``order`` is ``asc``.

        Args:
            limit: how many at the most, 1 to 10,000.
            after: the id of the last file of the page before.
            order: ``desc`` or ``asc``.
            purpose: only files of this purpose.

        Raises:
            InvalidRequestError: an argument is out of range or ``after`` is unknown.
        """
        if not 1 <= limit <= MOST_LISTED:
            raise InvalidRequestError(f"limit must be between 1 and {MOST_LISTED}.", param="limit")
        if order not in ("asc", "desc"):
            raise InvalidRequestError("order must be asc or desc.", param="order")
        if purpose is not None:
            read_purpose(purpose)
        rows = await self._database.run(
            lambda db: self._select(db, limit + 1, after, order, purpose)
        )
        page = [_file_object(row) for row in rows[:limit]]
        return FileList(
            data=page,
            has_more=len(rows) > limit,
            first_id=page[0].id if page else None,
            last_id=page[-1].id if page else None,
        )

    async def delete(self, file_id: str, uploader: str | None = None) -> FileDeleted:
        """Delete a file; its bytes go when no other file has the same.

        Args:
            file_id: the file.
            uploader: the kernel that deletes it, which may do so with its own; None for the owner.

        Raises:
            UnknownFileError: as for :meth:`get`.
            PermissionDeniedError: somebody else uploaded it.
        """

        def remove(db: sqlite3.Connection) -> None:
            row = self._row(db, file_id)
            if uploader is not None and uploader != _uploader(db, file_id):
                raise PermissionDeniedError(
                    f"The file '{file_id}' was not uploaded with this key. Delete it with the "
                    "token of the Jupyter server.",
                    code="not_the_uploader",
                )
            db.execute("DELETE FROM files WHERE id = ?", (file_id,))
            self._drop_blob_if_unused(db, row["sha256"])

        await self._database.run(remove)
        return FileDeleted(id=file_id)

    async def purge(self) -> None:
        """Remove what nobody sees any more: expired files, blobs without a file, torn uploads."""
        await self._database.run(self._purge)

    async def keep(
        self,
        upload: Upload,
        *,
        filename: str,
        purpose: str | None,
        expires_after_seconds: int | None = None,
        uploader: str | None = None,
    ) -> FileObject:
        """Make a complete upload a file.

        Args:
            upload: what has arrived.
            filename: the client's name for it, of any form.
            purpose: what it is for.
            expires_after_seconds: how long it is kept; None for the server's own time.
            uploader: the kernel that brought it, which may delete it; None for the owner.

        Raises:
            InvalidRequestError: the purpose is none, or the bytes do not fit it.
            BodyTooLargeError: the owner's files together would be too large.
            UnavailableError: the disk refuses.
        """
        filename = clean_filename(filename)
        words = {"filename": filename, "purpose": read_purpose(purpose), "bytes": upload.size}
        sha256 = await upload.seal()
        if purpose == "batch":
            await asyncio.to_thread(check_batch_file, upload.path, filename)
        now = int(self._clock())
        lifetime = expires_after_seconds or self._expiry_seconds
        row = {
            **words,
            "id": "file-" + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH)),
            "owner": self._owner,
            "sha256": sha256,
            "created_at": now,
            "expires_at": now + lifetime if lifetime else None,
        }

        def insert(db: sqlite3.Connection) -> None:
            self._check_total(db, upload.size)
            blob = self._blob(sha256)
            make_folder(blob.parent)
            db.execute(
                "INSERT INTO files (id, owner, sha256, filename, purpose, bytes, created_at, "
                "expires_at) VALUES (:id, :owner, :sha256, :filename, :purpose, :bytes, "
                ":created_at, :expires_at)",
                row,
            )
            if uploader is not None:
                db.execute("INSERT INTO uploaders VALUES (?, ?)", (row["id"], uploader))
            # Last, because it cannot be done twice: all this is done again in a new database
            # where the old one turns out to be damaged.
            upload.path.replace(blob)

        await self._database.run(insert)
        return _file_object(row)

    def _blob(self, sha256: str) -> Path:
        return self._blobs / sha256[:2] / sha256

    def _row(self, db: sqlite3.Connection, file_id: str) -> dict[str, Any]:
        asked = {"owner": self._owner, "now": self._clock(), "id": file_id}
        # The condition is a constant of this file.
        cursor = db.execute(f"SELECT * FROM files WHERE id = :id AND {_ALIVE}", asked)  # noqa: S608
        rows = read_rows(cursor)
        if not rows:
            raise _unknown(file_id)
        return rows[0]

    def _select(
        self, db: sqlite3.Connection, limit: int, after: str | None, order: str, purpose: str | None
    ) -> list[dict[str, Any]]:
        asked: dict[str, Any] = {"owner": self._owner, "now": self._clock(), "limit": limit}
        condition = _ALIVE
        if after is not None:
            known = db.execute(
                "SELECT sequence FROM files WHERE id = ? AND owner = ?", (after, self._owner)
            ).fetchone()
            if known is None:
                raise InvalidRequestError("after is not the id of a file.", param="after")
            asked["after"] = known[0]
            condition += f" AND sequence {'<' if order == 'desc' else '>'} :after"
        if purpose is not None:
            asked["purpose"] = purpose
            condition += " AND purpose = :purpose"
        # Only constants of this file and a checked order are put together here.
        select = f"SELECT * FROM files WHERE {condition} ORDER BY sequence {order} LIMIT :limit"  # noqa: S608
        return read_rows(db.execute(select, asked))

    def _check_total(self, db: sqlite3.Connection, size: int) -> None:
        asked = {"owner": self._owner, "now": self._clock()}
        total = f"SELECT coalesce(sum(bytes), 0) FROM files WHERE {_ALIVE}"  # noqa: S608  # constant
        used = db.execute(total, asked).fetchone()[0]
        if used + size > self._max_total_bytes:
            raise BodyTooLargeError(
                f"Your files have {used} bytes and this one {size}; together at most "
                f"{self._max_total_bytes} are kept. Delete files that you no longer need.",
                code="quota_exceeded",
            )

    def _drop_blob_if_unused(self, db: sqlite3.Connection, sha256: str) -> None:
        used = db.execute("SELECT 1 FROM files WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone()
        if used is None:
            self._blob(sha256).unlink(missing_ok=True)

    def _purge(self, db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM files WHERE expires_at <= ?", (self._clock(),))
        # A damaged database may name blobs that this one does not know; whoever mends it wants
        # them.
        if not self._database.has_copies_aside:
            for blob in self._blobs.glob("??/*"):
                self._drop_blob_if_unused(db, blob.name)
        oldest = time.time() - ABANDONED_SECONDS
        for torn in self._incoming.glob("*"):
            if torn.stat().st_mtime < oldest:
                torn.unlink(missing_ok=True)


def _uploader(db: sqlite3.Connection, file_id: str) -> str | None:
    select = "SELECT uploader FROM uploaders WHERE file = ?"
    row: tuple[str] | None = db.execute(select, (file_id,)).fetchone()
    return row[0] if row else None


def _file_object(row: dict[str, Any]) -> FileObject:
    return FileObject.model_validate({name: row[name] for name in _COLUMNS_SHOWN})


def _unknown(file_id: str) -> UnknownFileError:
    return UnknownFileError(
        f"There is no file '{file_id[:80]}': it was never uploaded here, was deleted, or has "
        "expired. Upload it again, or list what there is with GET /files.",
        param="file_id",
    )
