"""This file is the addresses ``files``, ``files/{id}`` and ``files/{id}/content``.

Where the bytes lie is left to :mod:`aqueduct_jupyter.gateway.stores.files`.
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
from .base import AqueductHandler
from .body import BodyHandler, after_body
from .multipart import FormReader

__all__ = ["FileContentHandler", "FileHandler", "FilesHandler"]

ROOM_FOR_FIELDS = 2**20
"""Bytes that a form may have beside its file."""


class FilesHandler(BodyHandler):
    """Takes uploads, straight to the disk, and lists files."""

    _form: FormReader
    _upload: Incoming
    _has_begun = False

    async def begin_body(self) -> None:
        """Look at the head, and open a place on the disk.

        Raises:
            BodyTooLargeError: no file of that size is kept.
            MediaTypeError: the body is not multipart/form-data.
            UnavailableError: the disk takes nothing.
        """
        most = self.gateway.files.max_file_bytes
        if self.declared_bytes() > most + ROOM_FOR_FIELDS:
            raise BodyTooLargeError(
                f"The upload is larger than {most} bytes, the most that a file may have on this "
                "server.",
                code="file_too_large",
            )
        self._form = FormReader(self.request.headers.get("Content-Type", ""))
        self._upload = await self.gateway.files.begin()
        self._has_begun = True

    async def receive(self, chunk: bytes) -> None:
        """Pass a piece of the body to the disk.

        Raises:
            BodyTooLargeError: the file is too large.
            InvalidRequestError: the body is not multipart/form-data.
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
    @after_body
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
                await self.gateway.files.keep(
                    self._upload,
                    self.caller.owner,
                    filename=self._form.filename,
                    purpose=fields.get("purpose"),
                    uploader=self.caller.key,
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
        """Delete the file; a second time it is unknown. A kernel deletes what it uploaded."""
        caller = self.caller
        self.answer(await self.gateway.files.delete(caller.owner, file_id, caller.key))


class FileContentHandler(AqueductHandler):
    """Sends a file's bytes, or a range of them.

    The bytes are somebody's upload: they are sent as an attachment, under the policy of
    Jupyter's API that lets nothing in them run.
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
            # A damaged disk: the length that was promised is not met, which the client must see.
            connection.stream.close()
            return
        self.finish()

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
