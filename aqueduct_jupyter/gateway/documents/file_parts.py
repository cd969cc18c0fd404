"""A file part of a chat request: its position, its data URI, and its image type.

It is converted in :mod:`.attachments`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...protocol.errors import InvalidRequestError
from ...protocol.files import DocumentMode
from ..encoding import decode_base64
from ..stores.interfaces import StoredFile
from .reader import shown_name

__all__ = [
    "LONGEST_FILENAME",
    "LONGEST_MAGIC",
    "MAX_FILE_BYTES",
    "MAX_REQUEST_BYTES",
    "FilePart",
    "decode",
    "image_type",
    "read_head",
]

MAX_FILE_BYTES = 10 * 2**20
"""Size limit of one file in a chat request, decoded, in bytes."""

MAX_REQUEST_BYTES = 32 * 2**20
"""Size limit of all files in a chat request together, decoded, in bytes."""

LONGEST_HEAD = 1024
"""Maximum characters before the comma of a data URI."""

LONGEST_FILENAME = 1024
"""Maximum characters of a file part's name."""

LONGEST_MAGIC = 16
"""Bytes at the beginning of a file that identify an image format."""

_BLANK = re.compile(r"\s")
_URL_SAFE = re.compile("[-_]")

_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


@dataclass(slots=True)
class FilePart:
    """A file part: its position in the request, and what is known about its file.

    ``place`` are the steps to it from the request's messages or items, ``name`` is its name in
    errors.
    ``uri`` is its data URI, whose base64 begins at ``start``; it may be megabytes, so it is not
    copied before it is needed. ``data`` are the file's bytes, or only the first of them if the URI
    itself is passed on.
    """

    place: tuple[int | str, ...]
    name: str
    filename: str
    size: int
    media_type: str
    declared_type: str = ""
    uri: str = ""
    start: int = 0
    data: bytes = b""
    stored: StoredFile | None = None

    def param(self, field: str = "") -> str:
        """Return the name of the part, or of a field of it, for an error's ``param``."""
        return f"{self.name}{field}"


def read_head(uri: str, param: str) -> tuple[str, int]:
    """Return a data URI's media type, and where its base64 begins. Source: RFC 2397."""
    comma = uri.find(",", 0, LONGEST_HEAD)
    head = uri[: max(comma, 0)]
    if not head.lower().startswith("data:") or not head.lower().endswith(";base64"):
        raise InvalidRequestError(
            f"{param} must be a data URI with base64, such as 'data:application/pdf;base64,JVBE'.",
            param=param,
        )
    return head[len("data:") : -len(";base64")], comma + 1


def decode(file: FilePart, mode: DocumentMode) -> bytes:
    """Decode and check a file's base64; return only the first bytes if its URI is passed on."""
    try:
        data = decode_base64(file.uri, file.start)
    except ValueError:
        param = file.param(".file_data")
        raise InvalidRequestError(
            f"{param} is not valid base64: {_why_not_base64(file)} "
            f"(file '{shown_name(file.filename)}').",
            param=param,
        ) from None
    is_read_here = mode == "text" and not image_type(data)
    return data if is_read_here else data[:LONGEST_MAGIC]


def _why_not_base64(file: FilePart) -> str:
    if _BLANK.search(file.uri, file.start):
        return "it has line breaks or spaces; send it in one line"
    if _URL_SAFE.search(file.uri, file.start):
        return "it is URL-safe base64; send standard base64, with + and /"
    if (len(file.uri) - file.start) % 4 and not file.uri.endswith("="):
        return "its padding (=) is missing, or it is cut off"
    return "it may be cut off or damaged"


def image_type(data: bytes) -> str | None:
    """Return an image's media type, from its first bytes; None if it is not a known image."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _IMAGES.items() if data.startswith(magic)), None)
