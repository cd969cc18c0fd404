"""This file is file parts -> what the upstream can read, and the limits on their size.

How a document becomes text is left to :mod:`.reader`, where files lie to the stores.

* It works in two steps: :meth:`Attachments.collect` checks every part of a request, and only when
  all of them hold does :meth:`Attachments.write` read the first.
* A document's words go to the model between two lines that name the file and carry a mark made
  from the file's own hash. No file can hold its own mark, so none can pretend to have ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ...protocol.errors import (
    DocumentError,
    FilesTooLargeError,
    FileTooLargeError,
    InvalidRequestError,
    UnknownFileError,
)
from ...protocol.files import DocumentMode
from ..encoding import decode_base64, encode_base64
from ..offload import off_the_loop
from ..stores.interfaces import Files, StoredFile
from .reader import DocumentReader, shown_name

__all__ = ["MAX_FILE_BYTES", "MAX_REQUEST_BYTES", "Attachments", "Collected"]

MAX_FILE_BYTES = 10 * 2**20
"""Bytes of one file in a chat request, decoded."""

MAX_REQUEST_BYTES = 32 * 2**20
"""Bytes of all files in a chat request together, decoded."""

LONGEST_HEAD = 1024
"""Characters in which the comma of a data URI must come."""

LONGEST_FILENAME = 1024
"""Characters of the name that a file part gives."""

LONGEST_MAGIC = 16
"""Bytes at the beginning of a file that say which image it is."""

MARK_CHARACTERS = 16

_BLANK = re.compile(r"\s")
_URL_SAFE = re.compile("[-_]")

_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}

_Message = dict[str, Any]
_Result = TypeVar("_Result")


@dataclass(slots=True)
class _File:
    """A file part: where it stands in the request, and what is known of its file.

    ``uri`` is the data URI that it came in, whose base64 begins at ``start``: megabytes, which are
    not copied before it is their turn. ``data`` are its bytes, or the first of them where the URI
    itself goes on.
    """

    message: int
    part: int
    filename: str
    size: int
    media_type: str
    uri: str = ""
    start: int = 0
    data: bytes = b""
    stored: StoredFile | None = None

    def param(self, field: str = "") -> str:
        """Name the part, or a field of it, as errors do."""
        return f"messages[{self.message}].content[{self.part}].file{field}"


@dataclass(frozen=True, slots=True)
class Collected:
    """Messages whose file parts have been checked and not yet read."""

    messages: Sequence[_Message]
    files: Sequence[_File]
    mode: DocumentMode

    @property
    def size(self) -> int:
        """Bytes of all the files together."""
        return sum(file.size for file in self.files)


class Attachments:
    """File parts of chat requests.

    Args:
        files: the store that ids are looked up in.
        documents: what reads documents.
    """

    def __init__(self, files: Files, documents: DocumentReader) -> None:
        self._files = files
        self._documents = documents

    async def collect(
        self, messages: Sequence[_Message], mode: DocumentMode, owner: str
    ) -> Collected:
        """Check all file parts of a request: their form, whether they exist, their sizes.

        Args:
            messages: the request's messages; they are not changed.
            mode: ``text``: documents become text. ``inline``: they are sent as base64. ``native``:
                parts are passed on, and ids are the upstream's own.
            owner: whose files ids mean.

        Raises:
            InvalidRequestError: a part is malformed.
            UnknownFileError: there is no file of an id.
            FileTooLargeError, FilesTooLargeError: over a limit; the message names the file.
        """
        files = [
            await self._describe(message, part, fields, mode, owner)
            for message, part, fields in _file_parts(messages)
            if mode != "native" or "file_data" in fields or "file_id" not in fields
        ]
        collected = Collected(messages, files, mode)
        _check_sizes(collected)
        for file in files:
            if file.stored is None:
                file.data = await off_the_loop(file.size, _decode, file, mode)
        return collected

    async def write(self, collected: Collected) -> Sequence[_Message]:
        """Give the messages with each file part as the upstream reads it.

        Args:
            collected: what :meth:`collect` gave.

        Returns:
            New messages; the very same where nothing had to change.

        Raises:
            DocumentError: a document cannot be read; the message names the file.
            UnknownFileError: a file was deleted meanwhile.
            UnavailableError: the disk, or the process that reads documents, fails.
        """
        if collected.mode == "native" or not collected.files:
            return collected.messages
        written = await _all(self._write(file, collected.mode) for file in collected.files)
        messages = list(collected.messages)
        for file, part in zip(collected.files, written, strict=True):
            message = messages[file.message]
            if message is collected.messages[file.message]:
                message = messages[file.message] = {**message, "content": [*message["content"]]}
            message["content"][file.part] = part
        return messages

    async def _describe(
        self, message: int, part: int, fields: dict[str, Any], mode: DocumentMode, owner: str
    ) -> _File:
        file = _File(message, part, "file", 0, "")
        for field in ("file_data", "file_id", "filename"):
            if not isinstance(fields.get(field), str | None):
                raise InvalidRequestError(
                    f"{file.param('.' + field)} must be a string.", param=file.param("." + field)
                )
        file.filename = fields.get("filename") or file.filename
        if len(file.filename) > LONGEST_FILENAME:
            raise InvalidRequestError(
                f"{file.param('.filename')} must have at most {LONGEST_FILENAME} characters.",
                param=file.param(".filename"),
            )
        file_id = fields.get("file_id")
        if uri := fields.get("file_data"):
            if file_id and mode != "native":
                await self._find(_File(message, part, "file", 0, ""), owner, file_id)
            file.uri = uri
            file.media_type, file.start = _read_head(uri, file.param(".file_data"))
            file.size = (len(uri) - file.start) * 3 // 4 - uri.count(
                "=", max(file.start, len(uri) - 2)
            )
        elif file_id:
            await self._find(file, owner, file_id)
        else:
            raise InvalidRequestError(
                f"{file.param()} needs file_data (a data URI with base64) or file_id (of a file "
                "uploaded before).",
                param=file.param(),
            )
        return file

    async def _find(self, file: _File, owner: str, file_id: str) -> None:
        try:
            file.stored = await self._files.find(owner, file_id)
        except UnknownFileError as error:
            error.param = file.param(".file_id")
            raise
        file.filename = file.stored.file.filename
        file.size = file.stored.file.bytes
        file.media_type = file.stored.media_type

    async def _write(self, file: _File, mode: DocumentMode) -> dict[str, Any]:
        data = await self._files.read(file.stored) if file.stored else file.data
        if image := _image_type(data):
            uri = await off_the_loop(file.size, _data_uri, image, file, data)
            return {"type": "image_url", "image_url": {"url": uri}}
        if mode == "inline":
            uri = await off_the_loop(file.size, _data_uri, file.media_type, file, data)
            return {"type": "file", "file": {"filename": file.filename, "file_data": uri}}
        sha256 = file.stored.sha256 if file.stored else await off_the_loop(file.size, _hash, data)
        try:
            text = await self._documents.read(
                data, filename=file.filename, media_type=file.media_type, sha256=sha256
            )
        except DocumentError as error:
            error.param = file.param()
            raise
        return {"type": "text", "text": _enclosed(text, file.filename, sha256)}


def _file_parts(messages: Sequence[_Message]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    for message, words in enumerate(messages):
        content = words.get("content")
        for part, value in enumerate(content if isinstance(content, list) else ()):
            if value.get("type") == "file":
                yield message, part, value["file"]


def _read_head(uri: str, param: str) -> tuple[str, int]:
    """Give the media type of a data URI, and where its base64 begins. Source: RFC 2397."""
    comma = uri.find(",", 0, LONGEST_HEAD)
    head = uri[: max(comma, 0)]
    if not head.lower().startswith("data:") or not head.lower().endswith(";base64"):
        raise InvalidRequestError(
            f"{param} must be a data URI with base64, such as 'data:application/pdf;base64,JVBE'.",
            param=param,
        )
    return head[len("data:") : -len(";base64")], comma + 1


def _decode(file: _File, mode: DocumentMode) -> bytes:
    """Give a file's bytes; only the first where its URI goes on, but all have been checked."""
    try:
        data = decode_base64(file.uri, file.start)
    except ValueError:
        param = file.param(".file_data")
        raise InvalidRequestError(
            f"{param} is not valid base64: {_why_not_base64(file)} "
            f"(file '{shown_name(file.filename)}').",
            param=param,
        ) from None
    is_read_here = mode == "text" and not _image_type(data)
    return data if is_read_here else data[:LONGEST_MAGIC]


def _why_not_base64(file: _File) -> str:
    if _BLANK.search(file.uri, file.start):
        return "it has line ends or spaces; send it in one line"
    if _URL_SAFE.search(file.uri, file.start):
        return "it is URL-safe base64; send the standard one, with + and /"
    if (len(file.uri) - file.start) % 4 and not file.uri.endswith("="):
        return "its padding (=) is missing, or it is cut off"
    return "it may be cut off or damaged"


def _check_sizes(collected: Collected) -> None:
    files, total = collected.files, collected.size
    for file in files:
        if file.size > MAX_FILE_BYTES:
            raise FileTooLargeError(
                f"{_sized(file)}; a file in a chat may have at most {_bytes(MAX_FILE_BYTES)}. Send "
                "the part that matters.",
                param=file.param(),
            )
    if total > MAX_REQUEST_BYTES:
        listed = ", ".join(f"'{shown_name(file.filename)}' {_bytes(file.size)}" for file in files)
        raise FilesTooLargeError(
            f"The files of this request have together {_bytes(total)} ({listed[:1000]}); at most "
            f"{_bytes(MAX_REQUEST_BYTES)} are allowed. Send them in several requests.",
            param="messages",
        )


def _sized(file: _File) -> str:
    return f"The file '{shown_name(file.filename)}' at {file.param()} has {_bytes(file.size)}"


def _bytes(number: int) -> str:
    return f"{number:,} bytes"


def _image_type(data: bytes) -> str | None:
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _IMAGES.items() if data.startswith(magic)), None)


def _data_uri(media_type: str, file: _File, data: bytes) -> str:
    # What came in base64 has been decoded strictly, so it can go as it came.
    head = f"data:{media_type};base64,"
    if file.uri[: file.start] == head:
        return file.uri
    return head + (file.uri[file.start :] or encode_base64(data))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _enclosed(text: str, filename: str, sha256: str) -> str:
    name, mark = shown_name(filename), sha256[:MARK_CHARACTERS]
    return (
        f"[The file '{name}' begins here. Mark: {mark}]\n{text.strip()}\n"
        f"[The file '{name}' ends here. Mark: {mark}]"
    )


async def _all(work: Iterable[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """Wait for all, side by side; the first that fails stops the others."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
