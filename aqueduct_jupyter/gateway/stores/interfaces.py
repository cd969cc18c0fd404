"""The interfaces of the stores.

The modules beside this one implement them; responses have :mod:`.response_interfaces`, and
conversations :mod:`.conversation_interfaces`. The owner is an argument of each call, never of a
store: one store serves all owners.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from ...protocol.files import FileDeleted, FileList, FileObject
from ..entry import Caller, Entry

__all__ = [
    "MOST_LISTED",
    "Files",
    "Incoming",
    "Ledger",
    "ReadableFiles",
    "StoredFile",
    "Used",
]

MOST_LISTED = 10_000
"""Maximum number of files on one page of a list."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file, with the name of its blob, which is valid until the file is deleted.

    ``media_type`` is what its name says; ``declared_type`` is what the client said, with its
    parameters, such as a charset, or "".
    """

    file: FileObject
    sha256: str
    media_type: str
    blob: str
    declared_type: str = ""


@dataclass(frozen=True, slots=True)
class Used:
    """The usage of finished requests.

    ``first_in_minute`` is in seconds since 1970. ``usd_in_day`` leaves out requests whose cost is
    not known.
    """

    requests_in_minute: int = 0
    tokens_in_minute: int = 0
    tokens_in_day: int = 0
    first_in_minute: float | None = None
    usd_in_day: float = 0.0


class Incoming(Protocol):
    """An upload in progress."""

    size: int
    """Its size so far, in bytes."""

    async def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            BodyTooLargeError: the file is too large.
            UnavailableError: the disk cannot be written.
        """
        ...

    async def close(self) -> None:
        """Discard the upload, unless it was kept."""
        ...


class ReadableFiles(Protocol):
    """Files that requests name."""

    async def find(self, owner: str, file_id: str) -> StoredFile:
        """Describe a file and where its bytes are.

        Raises:
            UnknownFileError: it was never uploaded, was deleted, has expired, or has another owner.
        """
        ...

    async def read(self, stored: StoredFile) -> bytes:
        """Read all bytes of a file.

        Raises:
            UnknownFileError: it was deleted in the meantime.
            UnavailableError: the disk cannot be read.
        """
        ...


class Files(ReadableFiles, Protocol):
    """The files of all owners."""

    max_file_bytes: int

    async def begin(self) -> Incoming:
        """Begin an upload; the caller must close it.

        Raises:
            UnavailableError: the disk or the database cannot be used.
        """
        ...

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
        """Store a complete upload as a file.

        Args:
            upload: the upload.
            owner: the file's owner.
            filename: its name from the client, not yet validated.
            purpose: its purpose from the client.
            expires_after_seconds: its lifetime in seconds; None for the server's default.
            uploader: the key name of the kernel that uploaded it and may delete it; None for the
                owner.
            declared_type: its media type from the client, not yet validated, or "".

        Raises:
            InvalidRequestError: the purpose is unknown, or the content does not fit it.
            BodyTooLargeError: the owner's files would be too large in total.
            UnavailableError: the disk cannot be written.
        """
        ...

    async def get(self, owner: str, file_id: str) -> FileObject:
        """Describe a file.

        Raises:
            UnknownFileError: it was never uploaded, was deleted, has expired, or has another owner.
        """
        ...

    async def open(
        self, stored: StoredFile, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes]:
        """Open a file's bytes, or a range of them; they stay readable if the file is deleted.

        Args:
            stored: the file.
            start: the offset of the first byte.
            end: the offset after the last byte; None for the end of the file.

        Raises:
            UnknownFileError: it was deleted in the meantime.
            UnavailableError: the disk cannot be read; this may happen in the middle.
        """
        ...

    async def page(
        self,
        owner: str,
        *,
        limit: int = MOST_LISTED,
        after: str | None = None,
        order: str = "desc",
        purpose: str | None = None,
    ) -> FileList:
        """List files, newest first unless ``order`` is ``asc``.

        Args:
            owner: the files' owner.
            limit: maximum number of files, 1 to 10,000.
            after: the id of the last file on the previous page.
            order: ``desc`` or ``asc``.
            purpose: list only files of this purpose.

        Raises:
            InvalidRequestError: an argument is out of range or ``after`` is unknown.
        """
        ...

    async def delete(self, owner: str, file_id: str, uploader: str | None = None) -> FileDeleted:
        """Delete a file, and its bytes if no other file has the same.

        Args:
            owner: the file's owner.
            file_id: the file.
            uploader: the key name of the kernel that deletes it, which may delete only its own
                uploads; None for the owner.

        Raises:
            UnknownFileError: as for :meth:`get`.
            PermissionDeniedError: another key uploaded it.
        """
        ...

    async def purge(self) -> None:
        """Remove expired files, blobs without a file, and abandoned uploads.

        Raises:
            UnavailableError: the disk or the database cannot be used.
        """
        ...


class Ledger(Protocol):
    """One row for every finished request, and totals."""

    def record(self, entry: Entry) -> None:
        """Write a finished request's row, without waiting for the disk."""
        ...

    async def written(self) -> None:
        """Wait until no row waits for the database, however long it is away."""
        ...

    async def close(self) -> None:
        """Try once more to write the rows that wait for the database."""
        ...

    async def used(self, caller: Caller, minute: float, day: float) -> Used:
        """Sum the recent usage of an owner, or of one kernel.

        Args:
            caller: the owner, and the kernel if only its requests count.
            minute: start of the last minute, in seconds since 1970.
            day: start of the day, in seconds since 1970.
        """
        ...

    async def sums(self, owner: str, *, days: int = 30) -> dict[str, Any]:
        """Sum an owner's requests, tokens and costs.

        Args:
            owner: the requests' owner.
            days: how many days back, counted from now.

        Returns:
            ``total``, and lists ``by_day`` (in UTC), ``by_model`` and ``by_kernel``; each sum has
            ``requests``, ``failed``, ``cancelled``, ``tokens_in``, ``tokens_out`` and ``usd``: the
            known costs in US dollars, None if none is known.
        """
        ...
