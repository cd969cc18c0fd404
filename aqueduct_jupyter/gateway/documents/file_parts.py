"""A file part of a chat request: where it is, its data URI, and which image it may be.

What becomes of it is in :mod:`.attachments`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
    "file_parts",
    "image_type",
    "read_head",
]

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

_BLANK = re.compile(r"\s")
_URL_SAFE = re.compile("[-_]")

_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}

_Message = dict[str, Any]


@dataclass(slots=True)
class FilePart:
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


def file_parts(messages: Sequence[_Message]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Give each file part of some messages: the message's place, the part's, and its fields."""
    for message, words in enumerate(messages):
        content = words.get("content")
        for part, value in enumerate(content if isinstance(content, list) else ()):
            if value.get("type") == "file":
                yield message, part, value["file"]


def read_head(uri: str, param: str) -> tuple[str, int]:
    """Give the media type of a data URI, and where its base64 begins. Source: RFC 2397."""
    comma = uri.find(",", 0, LONGEST_HEAD)
    head = uri[: max(comma, 0)]
    if not head.lower().startswith("data:") or not head.lower().endswith(";base64"):
        raise InvalidRequestError(
            f"{param} must be a data URI with base64, such as 'data:application/pdf;base64,JVBE'.",
            param=param,
        )
    return head[len("data:") : -len(";base64")], comma + 1


def decode(file: FilePart, mode: DocumentMode) -> bytes:
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
    is_read_here = mode == "text" and not image_type(data)
    return data if is_read_here else data[:LONGEST_MAGIC]


def _why_not_base64(file: FilePart) -> str:
    if _BLANK.search(file.uri, file.start):
        return "it has line ends or spaces; send it in one line"
    if _URL_SAFE.search(file.uri, file.start):
        return "it is URL-safe base64; send the standard one, with + and /"
    if (len(file.uri) - file.start) % 4 and not file.uri.endswith("="):
        return "its padding (=) is missing, or it is cut off"
    return "it may be cut off or damaged"


def image_type(data: bytes) -> str | None:
    """Give the media type of an image, by its first bytes; None if it is not a known image."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _IMAGES.items() if data.startswith(magic)), None)
