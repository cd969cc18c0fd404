"""``files``, ``files/{id}`` and ``files/{id}/content``.

Storage is in :mod:`aqueduct_jupyter.gateway.stores.files`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import quote

from tornado import web
from tornado.iostream import StreamClosedError

from ...gateway.stores.interfaces import MOST_LISTED, Incoming, StoredFile
from ...protocol.errors import (
    AqueductError,
    BodyTooLargeError,
    InvalidRequestError,
    UnavailableError,
)
from ...protocol.files import read_expiry
from ...protocol.relay import DECLARED_TYPE_HEADER
from .base import AqueductHandler
from .body import BodyHandler, authenticated_after_body
from .multipart import FormReader

__all__ = ["FileContentHandler", "FileHandler", "FilesHandler"]

ROOM_FOR_FIELDS = 2**20
"""Bytes that a form may have in addition to its file."""


class FilesHandler(BodyHandler):
    """Receives uploads, straight to the disk, and lists files."""

    _form: FormReader
    _upload: Incoming
    _has_begun = False

    async def begin_body(self) -> None:
        """Check the request's headers, and create a temporary file.

        Raises:
            BodyTooLargeError: the file is too large.
            MediaTypeError: the body is not multipart/form-data.
            UnavailableError: the disk cannot be written.
        """
        most = self.gateway.files.max_file_bytes
        if self.declared_bytes() > most + ROOM_FOR_FIELDS:
            raise BodyTooLargeError(
                f"The upload is larger than {most} bytes, the largest file that this server "
                "accepts.",
                code="file_too_large",
            )
        self._form = FormReader(self.request.headers.get("Content-Type", ""))
        self._upload = await self.gateway.files.begin()
        self._has_begun = True

    async def receive(self, chunk: bytes) -> None:
        """Write a chunk of the body to the disk.

        Raises:
            BodyTooLargeError: the file is too large.
            InvalidRequestError: the body is not multipart/form-data.
            UnavailableError: the disk cannot be written.
        """
        try:
            for piece in self._form.feed(chunk):
                await self._upload.write(piece)
        except AqueductError:
            await self._upload.close()
            raise

    def on_connection_close(self) -> None:
        """Discard the upload of a client that has disconnected."""
        super().on_connection_close()
        self._aborting = asyncio.ensure_future(self._close_upload())

    @authenticated_after_body
    async def post(self) -> None:
        """Answer an upload with the file's object."""
        try:
            self._form.finish()
            if self._form.filename is None:
                raise InvalidRequestError(
                    "file is required: add a form field 'file' with the file.", param="file"
                )
            fields = self._form.fields
            self.answer(
                await self.gateway.files.keep(
                    self._upload,
                    self.caller.owner,
                    filename=self._form.filename,
                    purpose=fields.get("purpose"),
                    uploader=self.caller.key,
                    declared_type=self._form.media_type,
                    expires_after_seconds=read_expiry(
                        fields.get("expires_after[anchor]"), fields.get("expires_after[seconds]")
                    ),
                )
            )
        finally:
            await self._close_upload()

    @authenticated_after_body
    async def get(self) -> None:
        """Answer with one page of the list."""
        self.answer(
            await self.gateway.files.page(
                self.caller.owner,
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

    @web.authenticated
    async def get(self, file_id: str) -> None:
        """Answer with the file's object."""
        self.answer(await self.gateway.files.get(self.caller.owner, file_id))

    @web.authenticated
    async def delete(self, file_id: str) -> None:
        """Delete the file; a kernel can delete only its own uploads."""
        caller = self.caller
        self.answer(await self.gateway.files.delete(caller.owner, file_id, caller.key))


class FileContentHandler(AqueductHandler):
    """Sends a file's bytes, or a range of them.

    The bytes are untrusted, so they are sent as an attachment, with the content security policy of
    Jupyter's API, under which no script in them runs.
    """

    @web.authenticated
    async def get(self, file_id: str) -> None:
        """Answer with the bytes."""
        stored = await self.gateway.files.find(self.caller.owner, file_id)
        start, end = self._range(stored.file.bytes)
        pieces = await self.gateway.files.open(stored, start, end)
        self._begin(stored, start, end)
        async with aclosing(pieces):
            await self._send(pieces, end - start)

    def _begin(self, stored: StoredFile, start: int, end: int) -> None:
        size = stored.file.bytes
        self.set_header("Content-Type", stored.media_type)
        self.set_header("Content-Disposition", content_disposition(stored.file.filename))
        if stored.declared_type:
            self.set_header(DECLARED_TYPE_HEADER, stored.declared_type)
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Content-Length", str(end - start))
        if (start, end) != (0, size):
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.say_duration()

    async def _send(self, pieces: AsyncGenerator[bytes], missing: int) -> None:
        try:
            async for piece in pieces:
                missing -= len(piece)
                self.write(piece)
                await self.flush()
        except StreamClosedError:
            return
        except UnavailableError as error:
            self.log_exception(type(error), error, None)
        if missing and (connection := self._connection):
            # The disk failed: a closed connection tells the client that the body is too short.
            connection.stream.close()
            return
        self.finish()

    def _range(self, size: int) -> tuple[int, int]:
        """Read the requested range; several ranges, or an invalid one, mean the whole file.

        Source: RFC 9110, section 14.
        """
        # No file's size has nineteen digits, and Python refuses numbers with thousands.
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
                f"The range is outside the file, which has {size} bytes.",
                status=416,
                param="Range",
            )
        return start, end


def content_disposition(filename: str) -> str:
    """Return the header with which a browser saves a response under this file name."""
    # The plain name is for old clients; the encoded one preserves every character. RFC 6266.
    plain = re.sub(r"[^ !#-\[\]-~]", "_", filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
