"""What the gateway asks of its stores, in its own terms: whose, which, how many.

How they keep it is left to the modules beside this one. An owner is an argument of each call, never
of a store: one store serves all of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from ...protocol.files import FileDeleted, FileList, FileObject
from ...protocol.stored_conversations import (
    ConversationChange,
    ConversationDeleted,
    ConversationList,
    ConversationSummary,
    StoredConversation,
)
from ..entry import Caller, Entry

__all__ = ["MOST_LISTED", "Conversations", "Files", "Incoming", "Ledger", "StoredFile", "Used"]

MOST_LISTED = 10_000
"""How many files one page of a list has at the most."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file, and the name of its bytes as long as nobody deletes it."""

    file: FileObject
    sha256: str
    media_type: str
    blob: str


@dataclass(frozen=True, slots=True)
class Used:
    """What requests that are over have used; ``first_in_minute`` is in seconds since 1970."""

    requests_in_minute: int = 0
    tokens_in_minute: int = 0
    tokens_in_day: int = 0
    first_in_minute: float | None = None


class Incoming(Protocol):
    """A file on its way in."""

    size: int
    """Its bytes so far."""

    async def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            BodyTooLargeError: the file is larger than it may be.
            UnavailableError: the disk refuses.
        """
        ...

    async def close(self) -> None:
        """Forget what has arrived, unless it was kept."""
        ...


class Files(Protocol):
    """The files of all owners."""

    max_file_bytes: int

    async def begin(self) -> Incoming:
        """Begin an upload; whoever begins it closes it.

        Raises:
            UnavailableError: nothing can be stored.
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
    ) -> FileObject:
        """Make a complete upload a file.

        Args:
            upload: what has arrived.
            owner: whose it is.
            filename: the client's name for it, of any form.
            purpose: what it is for.
            expires_after_seconds: how long it is kept; None for the server's own time.
            uploader: the kernel that brought it, which may delete it; None for the owner.

        Raises:
            InvalidRequestError: the purpose is unknown, or the bytes do not fit it.
            BodyTooLargeError: the owner's files together would be too large.
            UnavailableError: the disk refuses.
        """
        ...

    async def get(self, owner: str, file_id: str) -> FileObject:
        """Describe a file.

        Raises:
            UnknownFileError: never uploaded, deleted, expired, or somebody else's.
        """
        ...

    async def find(self, owner: str, file_id: str) -> StoredFile:
        """Describe a file and where its bytes are; raises like :meth:`get`."""
        ...

    async def open(
        self, stored: StoredFile, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes]:
        """Open a file's bytes, or a range of them; once open they stay, also when it is deleted.

        Args:
            stored: the file.
            start: the first byte.
            end: the byte after the last; None for the end.

        Raises:
            UnknownFileError: it was deleted meanwhile.
            UnavailableError: the disk refuses, maybe in the middle.
        """
        ...

    async def read(self, stored: StoredFile) -> bytes:
        """Read all bytes of a file; raises like :meth:`open`."""
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
            owner: whose.
            limit: how many at the most, 1 to 10,000.
            after: the id of the last file of the page before.
            order: ``desc`` or ``asc``.
            purpose: only files of this purpose.

        Raises:
            InvalidRequestError: an argument is out of range or ``after`` is unknown.
        """
        ...

    async def delete(self, owner: str, file_id: str, uploader: str | None = None) -> FileDeleted:
        """Delete a file; its bytes go when no other file has the same.

        Args:
            owner: whose it is.
            file_id: the file.
            uploader: the kernel that deletes it, which may do so with its own; None for the owner.

        Raises:
            UnknownFileError: as for :meth:`get`.
            PermissionDeniedError: somebody else uploaded it.
        """
        ...

    async def purge(self) -> None:
        """Remove what nobody sees any more: expired files, blobs without a file, torn uploads.

        Raises:
            UnavailableError: the disk or the database refuses.
        """
        ...


class Ledger(Protocol):
    """One row for every request, whichever way it ended, and their sums."""

    def record(self, entry: Entry) -> None:
        """Write a finished request's row, without waiting for the disk."""
        ...

    async def used(self, caller: Caller, minute: float, day: float) -> Used:
        """Sum what an owner, or one kernel of it, has used of late.

        Args:
            caller: whose requests; all of an owner's where it names no kernel.
            minute: where the last minute began, in seconds since 1970.
            day: where the day began.
        """
        ...

    async def sums(self, owner: str, *, days: int = 30) -> dict[str, Any]:
        """Sum an owner's requests and tokens.

        Args:
            owner: whose.
            days: how many days back, by UTC.

        Returns:
            ``total``, and lists ``by_day``, ``by_model`` and ``by_kernel``; each sum has
            ``requests``, ``failed``, ``cancelled``, ``tokens_in`` and ``tokens_out``.
        """
        ...


class Conversations(Protocol):
    """The conversations of the browser's chat."""

    async def list(self, owner: str, search: str = "") -> ConversationList:
        """List conversations, the last changed first.

        Args:
            owner: whose.
            search: only those that have these words in their name or in what was said.
        """
        ...

    async def create(self, owner: str, change: ConversationChange) -> StoredConversation:
        """Keep a new conversation.

        Raises:
            BodyTooLargeError: the owner has as many as are kept.
        """
        ...

    async def get(self, owner: str, conversation_id: str) -> StoredConversation:
        """Give a conversation.

        Raises:
            NotFoundError: it was never there, was deleted, or is somebody else's.
        """
        ...

    async def change(
        self, owner: str, conversation_id: str, change: ConversationChange
    ) -> ConversationSummary:
        """Write a conversation's name, its turns, or both.

        Raises:
            NotFoundError: as for :meth:`get`.
            ConflictError: its turns were changed since the revision that the change names.
        """
        ...

    async def delete(self, owner: str, conversation_id: str) -> ConversationDeleted:
        """Delete a conversation.

        Raises:
            NotFoundError: as for :meth:`get`.
        """
        ...
