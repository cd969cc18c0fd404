"""The Files API: the file object, the list, the deletion, and an upload's form fields.

Storage is in the gateway's file store.
Source: the Files objects of the OpenAI API.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, Field

from .errors import InvalidRequestError

__all__ = [
    "PURPOSES",
    "DocumentMode",
    "FileDeleted",
    "FileList",
    "FileObject",
    "Purpose",
    "clean_filename",
    "clean_media_type",
    "read_expiry",
    "read_purpose",
]

SHORTEST_EXPIRY = 3_600
LONGEST_EXPIRY = 30 * 86_400
LONGEST_FILENAME = 255

DocumentMode = Literal["text", "inline", "native"]
"""How a document in a message is forwarded: as its text, its bytes, or its id unchanged."""

Purpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
PURPOSES: tuple[Purpose, ...] = (
    "assistants",
    "batch",
    "fine-tune",
    "vision",
    "user_data",
    "evals",
)


class FileObject(BaseModel):
    """A stored file. ``bytes`` is its size; times are in seconds since 1970."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"
    expires_at: int | None = None


class FileList(BaseModel):
    """One page of a user's files; ``has_more`` says whether another page follows ``last_id``."""

    object: Literal["list"] = "list"
    data: list[FileObject] = Field(default_factory=list)
    has_more: bool = False
    first_id: str | None = None
    last_id: str | None = None


class FileDeleted(BaseModel):
    """The response to a deletion."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


MOST_LOOKED_AT = 4096
"""How many characters of a client's filename are read, from its end."""


LONGEST_MEDIA_TYPE = 200
_MEDIA_TYPE = re.compile(
    r"[\w.+-]+/[\w.+-]+(?:\s*;\s*[\w.+-]+\s*=\s*(?:[\w.:+-]+|\"[\w.:+ -]*\"))*", re.A
)


def clean_media_type(media_type: str) -> str:
    """Return a client's media type with its parameters, or "" if it is none or says nothing."""
    cleaned = media_type.strip()
    says_nothing = cleaned.lower() == "application/octet-stream"
    if says_nothing or len(cleaned) > LONGEST_MEDIA_TYPE or not _MEDIA_TYPE.fullmatch(cleaned):
        return ""
    return cleaned


def read_purpose(purpose: str | None) -> Purpose:
    """Check the purpose of a file.

    Raises:
        InvalidRequestError: it is missing, or is not one of :data:`PURPOSES`.
    """
    if not purpose:
        raise InvalidRequestError(
            f"purpose is required: one of {', '.join(PURPOSES)}.", param="purpose"
        )
    if purpose not in PURPOSES:
        raise InvalidRequestError(
            f"purpose must be one of {', '.join(PURPOSES)}, not '{purpose[:40]}'.",
            param="purpose",
        )
    return purpose


def read_expiry(anchor: str | None, seconds: str | None) -> int | None:
    """Read the fields ``expires_after[anchor]`` and ``expires_after[seconds]``.

    Returns:
        Seconds from the upload, or None if the client sent neither.

    Raises:
        InvalidRequestError: one is missing, the anchor is not ``created_at``, or the seconds are
            out of range.
    """
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise InvalidRequestError(
            "expires_after[anchor] must be created_at.", param="expires_after[anchor]"
        )
    is_number = seconds is not None and re.fullmatch(r"[0-9]{1,12}", seconds)
    if not is_number or not SHORTEST_EXPIRY <= int(seconds or 0) <= LONGEST_EXPIRY:
        raise InvalidRequestError(
            "expires_after[seconds] must be a whole number between "
            f"{SHORTEST_EXPIRY} and {LONGEST_EXPIRY}.",
            param="expires_after[seconds]",
        )
    return int(seconds or 0)


def clean_filename(name: str) -> str:
    """Make a client's filename safe to display and send: no folders, no control characters.

    If the name is too long, its extension is kept, because it shows the file's type.
    """
    name = re.split(r"[/\\]", name[-MOST_LOOKED_AT:])[-1]
    name = "".join(letter for letter in name if letter.isprintable()).strip()
    if len(name.encode()) > LONGEST_FILENAME:
        stem, dot, ending = name.rpartition(".")
        tail = (dot + ending).encode()[-32:] if stem else b""
        head = (stem or name).encode()[: LONGEST_FILENAME - len(tail)]
        name = head.decode(errors="ignore") + tail.decode(errors="ignore")
    return "file" if name in ("", ".", "..") else name
