"""This file is the addresses ``files``, ``files/{id}`` and ``files/{id}/content``.

Where the bytes lie is left to :mod:`aqueduct_jupyter.gateway.stores.files`.
"""

from __future__ import annotations

import asyncio
import re
from typing import BinaryIO
from urllib.parse import quote

from tornado import web
from tornado.iostream import StreamClosedError

from ...gateway.stores.files import MOST_LISTED, FileStore, StoredFile
from ...gateway.stores.uploads import Upload
from ...protocol.errors import AqueductError, BodyTooLargeError, InvalidRequestError
from ...protocol.files import read_expiry
from .base import AqueductHandler
from .body import BodyHandler
from .multipart import FormReader

__all__ = ["FileContentHandler", "FileHandler", "FilesHandler"]

ROOM_FOR_FIELDS = 2**20
"""Bytes that a form may have beside its file."""

READ_BYTES = 2**20
"""How much of a file is read and sent at a time."""


class FilesHandler(BodyHandler):
    """Takes uploads, straight to the disk, and lists files."""

    files: FileStore
    max_file_bytes: int
    _form: FormReader
    _upload: Upload
    _has_begun = False

    async def begin_body(self) -> None:
        """Look at the head, and open a place on the disk.

        Raises:
            BodyTooLargeError: no file of that size is kept.
            MediaTypeError: the body is no form.
            UnavailableError: the disk takes nothing.
        """
        if self.declared_bytes() > self.max_file_bytes + ROOM_FOR_FIELDS:
            raise BodyTooLargeError(
                f"The upload is larger than {self.max_file_bytes} bytes, the most that a file may "
                "have on this server.",
                code="file_too_large",
            )
        self._form = FormReader(self.request.headers.get("Content-Type", ""))
        self._upload = await self.files.begin()
        self._has_begun = True

    async def take(self, chunk: bytes) -> None:
        """Pass a piece of the body to the disk.

        Raises:
            BodyTooLargeError: the file is too large.
            InvalidRequestError: the form is none.
            UnavailableError: the disk takes no more.
        """
        try:
            for piece in self._form.feed(chunk):
                await self._upload.write(piece)
        except AqueductError:
            await self._upload.close()
            raise

    def on_connection_close(self) -> None:
        """Forget the upload of a client that has left."""
        super().on_connection_close()
        self._aborting = asyncio.ensure_future(self._close_upload())

    @web.authenticated
    async def post(self) -> None:
        """Answer an upload with the file's object."""
        try:
            self._form.finish()
            if self._form.filename is None:
                raise InvalidRequestError(
                    "file is required: the field with the file.", param="file"
                )
            fields = self._form.fields
            self.answer(
                await self.files.keep(
                    self._upload,
                    filename=self._form.filename,
                    purpose=fields.get("purpose"),
                    uploader=self.uploader,
                    expires_after_seconds=read_expiry(
                        fields.get("expires_after[anchor]"), fields.get("expires_after[seconds]")
                    ),
                )
            )
        finally:
            await self._close_upload()

    @web.authenticated
    async def get(self) -> None:
        """Answer with a page of the list."""
        self.answer(
            await self.files.page(
                limit=self.integer_argument("limit", MOST_LISTED),
                after=self.get_query_argument("after", None),
                order=self.get_query_argument("order", "desc"),
                purpose=self.get_query_argument("purpose", None),
            )
        )

    async def _close_upload(self) -> None:
        if self._has_begun:
            await self._upload.close()


class FileHandler(AqueductHandler):
    """Describes or deletes one file."""

    files: FileStore

    @web.authenticated
    async def get(self, file_id: str) -> None:
        """Answer with the file's object."""
        self.answer(await self.files.get(file_id))

    @web.authenticated
    async def delete(self, file_id: str) -> None:
        """Delete the file; a second time it is unknown. A kernel deletes what it uploaded."""
        self.answer(await self.files.delete(file_id, self.uploader))


class FileContentHandler(AqueductHandler):
    """Sends a file's bytes, or a range of them.

    The bytes are somebody's upload: they are sent as an attachment, under the policy of
    Jupyter's API that lets nothing in them run.
    """

    files: FileStore

    @web.authenticated
    async def get(self, file_id: str) -> None:
        """Answer with the bytes."""
        stored = await self.files.find(file_id)
        with await asyncio.to_thread(stored.open) as file:
            await self._answer(stored, file)

    async def _answer(self, stored: StoredFile, file: BinaryIO) -> None:
        size = stored.file.bytes
        start, end = self._range(size)
        self.set_header("Content-Type", stored.media_type)
        self.set_header("Content-Disposition", content_disposition(stored.file.filename))
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Content-Length", str(end - start))
        if (start, end) != (0, size):
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.say_duration()
        try:
            await self._send(file, start, end)
        except StreamClosedError:
            return
        self.finish(set_content_type=stored.media_type)

    async def _send(self, file: BinaryIO, start: int, end: int) -> None:
        file.seek(start)
        while start < end:
            data = await asyncio.to_thread(file.read, min(READ_BYTES, end - start))
            if not data:
                raise StreamClosedError  # A damaged disk: the length that was promised is not met.
            start += len(data)
            self.write(data)
            await self.flush()

    def _range(self, size: int) -> tuple[int, int]:
        """Read the one range asked for; several, or none that makes sense, are the whole.

        Source: RFC 9110, section 14.
        """
        # No file has a size of nineteen digits, and Python refuses numbers of thousands.
        match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", self.request.headers.get("Range", ""))
        if not match or not (match[1] or match[2]):
            return 0, size
        if not match[1]:
            start, end = max(0, size - int(match[2])), size
        else:
            start = int(match[1])
            end = min(size, int(match[2]) + 1) if match[2] else size
        if start >= end:
            raise InvalidRequestError(
                f"The file has {size} bytes; this range is outside.", status=416, param="Range"
            )
        return start, end


def content_disposition(filename: str) -> str:
    """Give the header that has a browser keep a response as a file of this name."""
    # The plain name is for old clients; the encoded one holds every character. RFC 6266.
    plain = re.sub(r"[^ !#-\[\]-~]", "_", filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
