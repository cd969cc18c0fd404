"""File parts of requests: converted to what the upstream can read, within size limits.

Documents are converted to text in :mod:`.reader`; uploaded files are in the stores.

* There are two steps: :meth:`Attachments.collect` checks every part of a request, and
  :meth:`Attachments.write` reads the files only if all parts are valid.
* A document's text goes to the model between two lines that name the file and contain a mark made
  from the file's hash. A file cannot contain its own mark, so it cannot fake its own end.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...protocol.errors import (
    DocumentError,
    FilesTooLargeError,
    FileTooLargeError,
    InvalidRequestError,
    UnknownFileError,
)
from ...protocol.files import DocumentMode
from ..encoding import encode_base64
from ..offload import off_the_loop
from ..stores.interfaces import ReadableFiles
from .file_forms import CHAT_FILES, FileForm, Found
from .file_parts import (
    LONGEST_FILENAME,
    MAX_FILE_BYTES,
    MAX_REQUEST_BYTES,
    FilePart,
    decode,
    image_type,
    read_head,
)
from .reader import DocumentReader, shown_name
from .unread import notes_on

__all__ = ["MAX_FILE_BYTES", "MAX_REQUEST_BYTES", "Attachments", "Collected"]

MARK_CHARACTERS = 16

_Message = dict[str, Any]
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Collected:
    """Messages, or items, whose file parts have been checked but not yet read."""

    messages: Sequence[_Message]
    files: Sequence[FilePart]
    mode: DocumentMode
    form: FileForm
    notes: list[str] = field(default_factory=list)
    """What a user should know about documents that could only be read in part, once written."""

    @property
    def size(self) -> int:
        """Total size of the files, in bytes."""
        return sum(file.size for file in self.files)


class Attachments:
    """Converts the file parts of chat requests.

    Args:
        files: the uploaded files.
        documents: the document reader.
    """

    def __init__(self, files: ReadableFiles, documents: DocumentReader) -> None:
        self._files = files
        self._documents = documents

    async def collect(
        self,
        messages: Sequence[_Message],
        mode: DocumentMode,
        owner: str,
        form: FileForm = CHAT_FILES,
    ) -> Collected:
        """Check all file parts of a request: their fields, their existence and their sizes.

        Args:
            messages: the request's messages or items; they are not changed.
            mode: ``text``: documents become text. ``inline``: they are sent as base64. ``native``:
                parts are passed on unchanged, and file ids are the upstream's.
            owner: the owner of the uploaded files.
            form: where the request's API has files.

        Raises:
            InvalidRequestError: a part is malformed.
            UnknownFileError: there is no file with an id.
            FileTooLargeError, FilesTooLargeError: over a limit; the message names the file.
        """
        files = [
            await self._describe(found, mode, owner)
            for found in form.find(messages)
            if mode != "native" or "file_data" in found.fields or "file_id" not in found.fields
        ]
        collected = Collected(messages, files, mode, form)
        _check_sizes(collected)
        for file in files:
            if file.stored is None:
                file.data = await off_the_loop(file.size, decode, file, mode)
        return collected

    async def write(self, collected: Collected) -> Sequence[_Message]:
        """Return the messages with each file part in the form that the upstream can read.

        Args:
            collected: the result of :meth:`collect`.

        Returns:
            New messages, or the same ones if nothing had to change.

        Raises:
            DocumentError: a document cannot be read; the message names the file.
            UnknownFileError: a file was deleted in the meantime.
            UnavailableError: the disk, or the process that reads documents, failed.
        """
        if collected.mode == "native" or not collected.files:
            return collected.messages
        written = await _all(self._write(file, collected) for file in collected.files)
        places = [file.place for file in collected.files]
        return _replaced(collected.messages, dict(zip(places, written, strict=True)))

    async def _describe(self, found: Found, mode: DocumentMode, owner: str) -> FilePart:
        fields = found.fields
        file = FilePart(found.place, found.param, "file", 0, "")
        for key in ("file_data", "file_id", "filename"):
            if not isinstance(fields.get(key), str | None):
                raise InvalidRequestError(
                    f"{file.param('.' + key)} must be a string.", param=file.param("." + key)
                )
        file.filename = fields.get("filename") or file.filename
        if len(file.filename) > LONGEST_FILENAME:
            raise InvalidRequestError(
                f"{file.param('.filename')} must not have more than {LONGEST_FILENAME} characters.",
                param=file.param(".filename"),
            )
        file_id = fields.get("file_id")
        if uri := fields.get("file_data"):
            if file_id and mode != "native":
                await self._find(FilePart(found.place, found.param, "file", 0, ""), owner, file_id)
            file.uri = uri
            file.media_type, file.start = read_head(uri, file.param(".file_data"))
            file.size = (len(uri) - file.start) * 3 // 4 - uri.count(
                "=", max(file.start, len(uri) - 2)
            )
        elif file_id:
            await self._find(file, owner, file_id)
        else:
            raise InvalidRequestError(
                f"{file.param()} needs file_data (a data URI with base64) or file_id (the id of an "
                "uploaded file).",
                param=file.param(),
            )
        return file

    async def _find(self, file: FilePart, owner: str, file_id: str) -> None:
        try:
            file.stored = await self._files.find(owner, file_id)
        except UnknownFileError as error:
            error.param = file.param(".file_id")
            raise
        file.filename = file.stored.file.filename
        file.size = file.stored.file.bytes
        file.media_type = file.stored.media_type
        file.declared_type = file.stored.declared_type

    async def _write(self, file: FilePart, collected: Collected) -> dict[str, Any]:
        form = collected.form
        data = await self._files.read(file.stored) if file.stored else file.data
        if image := image_type(data):
            uri = await off_the_loop(file.size, _data_uri, image, file, data)
            return form.image(image, uri)
        if collected.mode == "inline":
            uri = await off_the_loop(file.size, _data_uri, file.media_type, file, data)
            return form.file(file.filename, file.media_type, uri)
        sha256 = file.stored.sha256 if file.stored else await off_the_loop(file.size, _hash, data)
        try:
            text = await self._documents.read(
                data,
                filename=file.filename,
                media_type=file.declared_type or file.media_type,
                sha256=sha256,
            )
        except DocumentError as error:
            error.param = file.param()
            raise
        name = shown_name(file.filename)
        collected.notes.extend(await off_the_loop(len(text), notes_on, name, text))
        return form.text(_enclosed(text, name, sha256))


def _replaced(
    messages: Sequence[_Message], parts: Mapping[tuple[int | str, ...], Any]
) -> Sequence[_Message]:
    """Return the messages with some parts replaced; what is on the way to them is copied once."""
    copies: dict[tuple[int | str, ...], Any] = {(): [*messages]}
    for place, part in parts.items():
        for depth in range(1, len(place)):
            way = place[:depth]
            if way not in copies:
                copies[way] = copy(copies[way[:-1]][way[-1]])
                copies[way[:-1]][way[-1]] = copies[way]
        copies[place[:-1]][place[-1]] = part
    replaced: Sequence[_Message] = copies[()]
    return replaced


def _check_sizes(collected: Collected) -> None:
    files, total = collected.files, collected.size
    for file in files:
        if file.size > MAX_FILE_BYTES:
            raise FileTooLargeError(
                f"{_sized(file)}; the limit for a file in a chat is {_bytes(MAX_FILE_BYTES)}. Send "
                "only the part that matters.",
                param=file.param(),
            )
    if total > MAX_REQUEST_BYTES:
        listed = ", ".join(f"'{shown_name(file.filename)}' {_bytes(file.size)}" for file in files)
        raise FilesTooLargeError(
            f"The files of this request have {_bytes(total)} in total ({listed[:1000]}); the limit "
            f"is {_bytes(MAX_REQUEST_BYTES)}. Send them in several requests.",
            param="messages",
        )


def _sized(file: FilePart) -> str:
    return f"The file '{shown_name(file.filename)}' at {file.param()} has {_bytes(file.size)}"


def _bytes(number: int) -> str:
    return f"{number:,} bytes"


def _data_uri(media_type: str, file: FilePart, data: bytes) -> str:
    # The client's base64 has been validated strictly, so it can be passed on unchanged.
    head = f"data:{media_type};base64,"
    if file.uri[: file.start] == head:
        return file.uri
    return head + (file.uri[file.start :] or encode_base64(data))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _enclosed(text: str, name: str, sha256: str) -> str:
    mark = sha256[:MARK_CHARACTERS]
    return (
        f"[The file '{name}' begins here. Mark: {mark}]\n{text.strip()}\n"
        f"[The file '{name}' ends here. Mark: {mark}]"
    )


async def _all(work: Iterable[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """Run all concurrently; the first failure cancels the others."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
