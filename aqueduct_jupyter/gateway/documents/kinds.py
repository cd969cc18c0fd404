"""The format of a file, from its bytes, its media type and its name.

Documents are read in :mod:`.text`, and archives' directories in :mod:`.archives`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from .archives import ArchiveError, ArchiveTooLargeError, Part, first_bytes, parts_of
from .text import Kind, UnreadableError

__all__ = ["Format", "format_of"]


@dataclass(frozen=True, slots=True)
class Format:
    """A document's kind, and the encoding of its text if that is not UTF-8."""

    kind: Kind
    charset: str | None = None


_HEAD_BYTES = 1024
_RICH_TEXT = b"{\\rtf"
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ARCHIVE = b"PK\x03\x04"
_ARCHIVED: dict[bytes, Kind] = {b"word/": "docx", b"ppt/": "pptx", b"xl/": "xlsx"}
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.text"
_HTML_STARTS = (b"<!doctype html", b"<html")

_MEDIA_TYPES: dict[str, Kind] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/x-ipynb+json": "notebook",
}
_SUFFIXES: dict[str, Kind] = {
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".ipynb": "notebook",
}
# Browsers and operating systems use these for any file, so its name decides.
_VAGUE = ("", "application/octet-stream", "text/plain", "application/json")
# Split from text: as literals these would be sixty lines.
_TEXT_SUBTYPES = frozenset(
    "csv ecmascript javascript json python sh sql tex toml xml yaml".split()  # noqa: SIM905
)
_TEXT_SUFFIXES = frozenset(
    ".bib .c .cfg .conf .cpp .cs .css .csv .dat .do .f90 .go .h .hpp .ini .java .jl .js .json "  # noqa: SIM905
    ".jsonl .kt .log .lua .m .markdown .md .php .pl .ps1 .py .qmd .r .rb .rmd .rs .rst .scala "
    ".sh .sql .srt .sty .svg .swift .tex .toml .ts .tsv .txt .vtt .xml .yaml .yml".split()
)


def format_of(stream: BinaryIO, filename: str, media_type: str) -> Format:
    """Determine a file's format: from its bytes or, if they do not tell, its type and name.

    Args:
        stream: the file's bytes, from the beginning.
        filename: its name.
        media_type: its media type with parameters, or "".

    Raises:
        UnreadableError: the format is not supported.
    """
    head = stream.read(_HEAD_BYTES)
    if b"%PDF-" in head:
        return Format("pdf")
    if head.startswith(_RICH_TEXT):
        return Format("rtf")
    if head.startswith(_ARCHIVE):
        return Format(_archived_kind(stream))
    if head.startswith(_COMPOUND_FILE):
        is_encrypted = "EncryptedPackage".encode("utf-16-le") in head + stream.read()
        raise UnreadableError("encrypted" if is_encrypted else "old_office")
    return _text_format(head, PurePath(filename).suffix.lower(), media_type)


def _archived_kind(stream: BinaryIO) -> Kind:
    try:
        parts = parts_of(stream)
        mimetype = parts.get(b"mimetype")
        is_open = mimetype is not None and _is_open_document(stream, mimetype)
    except ArchiveError as error:
        raise UnreadableError("broken") from error
    except ArchiveTooLargeError as error:
        raise UnreadableError("unsupported") from error
    if is_open:
        return "odt"
    if b"[Content_Types].xml" in parts:
        for folder, kind in _ARCHIVED.items():
            if any(name.startswith(folder) for name in parts):
                return kind
    raise UnreadableError("unsupported")


def _is_open_document(stream: BinaryIO, mimetype: Part) -> bool:
    # One more byte, because other media types begin with the same text.
    return first_bytes(stream, mimetype, len(_OPEN_DOCUMENT) + 1).strip() == _OPEN_DOCUMENT


def _text_format(head: bytes, suffix: str, media_type: str) -> Format:
    name = media_type.partition(";")[0].strip().lower()
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", media_type, re.IGNORECASE)
    kind = _MEDIA_TYPES.get(name)
    is_named_text = _is_text_type(name) or suffix in _TEXT_SUFFIXES
    if kind is None and name in _VAGUE:
        kind = _SUFFIXES.get(suffix)
        if not is_named_text and head.lstrip()[:20].lower().startswith(_HTML_STARTS):
            kind = "html"
    fallback = "cp1252" if is_named_text and kind is None else None
    return Format(kind or "text", charset[1].lower() if charset else fallback)


def _is_text_type(name: str) -> bool:
    subtype = name.partition("/")[2].removeprefix("x-")
    is_structured = subtype.endswith(("+json", "+xml"))
    return name.startswith("text/") or subtype in _TEXT_SUBTYPES or is_structured
