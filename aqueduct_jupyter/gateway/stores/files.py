"""The file store: rows in a database, bytes in blobs, and the order in which both change.

Uploads are in :mod:`.uploads`; the documents package converts files for models.

* An upload is first a temporary file, then a blob, and then a row names the blob. After a crash in
  between, it is invisible, and the cleaner removes it.
* Identical bytes share a blob. A new row may name a blob only while another row does. So a blob
  whose last row is gone stays unused, and can be deleted after the transaction, without a lock.
"""

from __future__ import annotations

import asyncio
import mimetypes
import secrets
import string
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...protocol.errors import (
    BodyTooLargeError,
    InvalidRequestError,
    PermissionDeniedError,
    UnavailableError,
)
from ...protocol.files import (
    FileDeleted,
    FileList,
    FileObject,
    clean_filename,
    clean_media_type,
    read_purpose,
)
from .batch import check_batch_file
from .blobs import Blobs
from .cleaner import ABANDONED_SECONDS, Cleaner
from .database import Database
from .disk import disk_error
from .file_objects import file_object, unknown_file
from .interfaces import MOST_LISTED, Incoming, StoredFile
from .rows import file_rows
from .uploads import Upload

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["FileStore"]

_ID_CHARACTERS = string.ascii_letters + string.digits
_ID_LENGTH = 24
_BLOB_BYTES = 4


class FileStore:
    """The files of all owners; see :class:`.interfaces.Files`.

    Args:
        database: holds the rows.
        blobs: holds the bytes.
        incoming: a local folder for uploads that are not complete.
        max_file_bytes: size limit of a file, in bytes.
        max_total_bytes: limit of the total size of one owner's files, in bytes.
        expiry_seconds: default lifetime in seconds of files uploaded without ``expires_after``; 0
            keeps them forever.
        abandoned_seconds: age in seconds at which unused blobs and uploads are removed; for tests.
        clock: returns seconds since 1970; for tests.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        incoming: Path,
        *,
        max_file_bytes: int = 64 * 2**20,
        max_total_bytes: int = 2**30,
        expiry_seconds: int = 7 * 86_400,
        abandoned_seconds: float = ABANDONED_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_file_bytes = max_file_bytes
        self._database = database
        self._blobs = blobs
        self._incoming = incoming
        self._max_total_bytes = max_total_bytes
        self._expiry_seconds = expiry_seconds
        self._cleaner = Cleaner(database, blobs, incoming, abandoned_seconds)
        self._clock = clock

    async def begin(self) -> Upload:
        """Begin an upload."""
        # Nothing is written if the database cannot be used, or if a later release wrote it.
        await self._database.run(lambda _: None)
        upload = Upload(self._incoming, self.max_file_bytes)
        await upload.open()
        return upload

    async def keep(
        self,
        upload: Incoming,
        owner: str,
        *,
        filename: str,
        purpose: str | None,
        expires_after_seconds: int | None = None,
        uploader: str | None = None,
        declared_type: str = "",
    ) -> FileObject:
        """Store a complete upload as a file."""
        if not isinstance(upload, Upload):
            raise TypeError("The upload was not begun by this store.")
        filename = clean_filename(filename)
        fields = {"filename": filename, "purpose": read_purpose(purpose), "bytes": upload.size}
        sha256 = await upload.seal()
        if purpose == "batch":
            await asyncio.to_thread(check_batch_file, upload.path, filename)
        now = int(self._clock())
        lifetime = expires_after_seconds or self._expiry_seconds
        row: dict[str, Any] = {
            **fields,
            "id": "file-" + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH)),
            "owner": owner,
            "sha256": sha256,
            "created_at": now,
            "expires_at": now + lifetime if lifetime else None,
            "uploader": uploader,
            "declared_type": clean_media_type(declared_type) or None,
        }
        try:
            if await self._add_beside_others(row):
                await upload.close()
            else:
                row["blob"] = f"{sha256[:2]}/{sha256}-{secrets.token_hex(_BLOB_BYTES)}"
                await self._blobs.keep(row["blob"], upload.path)
                await self._database.run(lambda db: self._add(db, row))
        except OSError as error:
            raise disk_error(error) from error
        return file_object(row)

    async def get(self, owner: str, file_id: str) -> FileObject:
        """Describe a file."""
        return file_object(await self._database.run(lambda db: self._row(db, owner, file_id)))

    async def find(self, owner: str, file_id: str) -> StoredFile:
        """Describe a file and where its bytes are."""
        row = await self._database.run(lambda db: self._row(db, owner, file_id))
        media_type, encoding = mimetypes.guess_type(row["filename"])
        if media_type is None or encoding:
            media_type = "application/octet-stream"
        return StoredFile(
            file_object(row), row["sha256"], media_type, row["blob"], row["declared_type"] or ""
        )

    async def open(
        self, stored: StoredFile, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes]:
        """Open a file's bytes, or a range of them."""
        end = stored.file.bytes if end is None else end
        try:
            pieces = await self._blobs.open(stored.blob, start, end)
        except FileNotFoundError:
            raise unknown_file(stored.file.id) from None
        except OSError as error:
            raise disk_error(error) from error
        return _read(pieces)

    async def read(self, stored: StoredFile) -> bytes:
        """Read all bytes of a file."""
        return b"".join([piece async for piece in await self.open(stored)])

    async def page(
        self,
        owner: str,
        *,
        limit: int = MOST_LISTED,
        after: str | None = None,
        order: str = "desc",
        purpose: str | None = None,
    ) -> FileList:
        """List files, newest first unless ``order`` is ``asc``."""
        if not 1 <= limit <= MOST_LISTED:
            raise InvalidRequestError(f"limit must be between 1 and {MOST_LISTED}.", param="limit")
        if order not in ("asc", "desc"):
            raise InvalidRequestError("order must be asc or desc.", param="order")
        direction: Literal["asc", "desc"] = "asc" if order == "asc" else "desc"
        if purpose is not None:
            read_purpose(purpose)

        def select(db: Connection) -> list[FileObject]:
            rows = file_rows(db)
            place = None
            if after is not None:
                place = rows.sequence_of(owner, after)
                if place is None:
                    raise InvalidRequestError("after is not the id of a file.", param="after")
            found = rows.page(
                owner,
                self._clock(),
                limit=limit + 1,
                after=place,
                order=direction,
                purpose=purpose,
            )
            return [file_object(row) for row in found]

        found = await self._database.run(select)
        page = found[:limit]
        return FileList(
            data=page,
            has_more=len(found) > limit,
            first_id=page[0].id if page else None,
            last_id=page[-1].id if page else None,
        )

    async def delete(self, owner: str, file_id: str, uploader: str | None = None) -> FileDeleted:
        """Delete a file, and its bytes if no other file has the same."""

        def unused_without(db: Connection) -> set[str]:
            blob = self._row(db, owner, file_id, uploader)["blob"]
            return {blob} - file_rows(db).used([blob], but=file_id)

        def remove(db: Connection) -> set[str]:
            blob = self._row(db, owner, file_id, uploader)["blob"]
            # First, because it waits for any transaction that is about to name this blob.
            file_rows(db).remove(file_id)
            return {blob} - file_rows(db).used([blob])

        try:
            unused = await self._database.run(remove)
        except UnavailableError as error:
            if error.code != "disk_full":
                raise
            # A deletion also needs disk space; deleting the bytes first makes room for it.
            await self._cleaner.drop(await self._database.run(unused_without))
            unused = await self._database.run(remove)
        await self._cleaner.drop(unused)
        return FileDeleted(id=file_id)

    async def purge(self) -> None:
        """Remove expired files, blobs without a file, and abandoned uploads."""
        await self._cleaner.purge(self._clock())

    async def _add_beside_others(self, row: dict[str, Any]) -> bool:
        """Add a row if its bytes are already stored; return whether they are."""

        def find(db: Connection) -> str | None:
            self._check_total(db, row)
            return file_rows(db).blob_of(row["sha256"])

        def add(db: Connection) -> bool:
            is_still_there = file_rows(db).hold(row["blob"])
            if is_still_there:
                self._add(db, row)
            return is_still_there

        row["blob"] = await self._database.run(find)
        # The blob may have been deleted on the disk; then the new bytes are stored.
        if row["blob"] is None or not await self._blobs.has(row["blob"]):
            return False
        return await self._database.run(add)

    def _add(self, db: Connection, row: Mapping[str, Any]) -> None:
        self._check_total(db, row)
        file_rows(db).add(row)

    def _check_total(self, db: Connection, row: Mapping[str, Any]) -> None:
        used = file_rows(db).total_bytes(row["owner"], self._clock())
        if used + row["bytes"] > self._max_total_bytes:
            raise BodyTooLargeError(
                f"Your files have {used} bytes and this one has {row['bytes']}; the limit for all "
                f"files is {self._max_total_bytes} bytes. Delete files that you no longer need.",
                code="quota_exceeded",
            )

    def _row(
        self, db: Connection, owner: str, file_id: str, uploader: str | None = None
    ) -> Mapping[str, Any]:
        row = file_rows(db).find(owner, file_id, self._clock())
        if row is None:
            raise unknown_file(file_id)
        if uploader is not None and uploader != row["uploader"]:
            raise PermissionDeniedError(
                f"The file '{file_id}' was not uploaded with this key. Delete it with the token "
                "of the Jupyter server.",
                code="not_the_uploader",
            )
        return row


async def _read(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    try:
        async for piece in pieces:
            yield piece
    except OSError as error:
        raise disk_error(error) from error
