"""The format of a file, from its bytes, its media type and its name.

Bytes tell more than names, but for text: what is named as text and is text may begin like any
other format. What is declared as a document of another format, and is none, is refused.

Documents are read in :mod:`.text`, and archives' directories in :mod:`.archives`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from .archives import ArchiveError, ArchiveTooLargeError, first_bytes, parts_of
from .readers.plain_text import decode_certain
from .text import Kind
from .unreadable import Reason, UnreadableError

__all__ = ["Format", "format_of"]


@dataclass(frozen=True, slots=True)
class Format:
    """A document's kind, and the declared encoding of its text, if any."""

    kind: Kind
    charset: str | None = None


_HEAD_BYTES = 1024
_RICH_TEXT = b"{\\rtf"
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Names in a compound file's directory. The first that is there tells; a mail may hold the others.
_COMPOUNDS: dict[str, Kind | Reason] = {
    "EncryptedPackage": "encrypted",
    "__properties_version1.0": "msg",
    "WordDocument": "old_office",
    "PowerPoint Document": "old_office",
    "Workbook": "xls",
    "Book": "xls",
}
_ARCHIVE = b"PK\x03\x04"
_ARCHIVED: dict[bytes, Kind] = {
    b"word/": "docx",
    b"ppt/": "pptx",
    b"xl/workbook.bin": "xls",
    b"xl/": "xlsx",
}
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."
_OPEN_DOCUMENTS = frozenset(
    _OPEN_DOCUMENT + kind + template
    for kind in (b"text", b"spreadsheet", b"presentation", b"graphics")
    for template in (b"", b"-template")
)
_BOOK = b"application/epub+zip"
_LONGEST_TYPE = 64
_HTML_STARTS = (b"<!doctype html", b"<html")

_MEDIA_TYPES: dict[str, Kind] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/x-ipynb+json": "notebook",
    "message/rfc822": "eml",
}
_SUFFIXES: dict[str, Kind] = {
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".ipynb": "notebook",
    ".eml": "eml",
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


# Declared as one of these, a file that begins as none of them is damaged, or is something else.
_DOCUMENT_SUFFIXES = frozenset(
    ".docm .docx .epub .msg .odp .ods .odt .pdf .pptm .pptx .rtf .xlsb .xlsm .xlsx".split()  # noqa: SIM905
)
_DOCUMENT_TYPES = (
    "application/pdf",
    "application/epub+zip",
    "application/rtf",
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-officedocument.",
    "text/rtf",
    "text/richtext",
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
    suffix = PurePath(filename).suffix.lower()
    name = media_type.partition(";")[0].strip().lower()
    declared = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", media_type, re.IGNORECASE)
    charset = declared[1].lower() if declared else None
    head = stream.read(_HEAD_BYTES)
    if _is_named_text(suffix, name) and _is_text(head + stream.read(), charset):
        return Format(_text_kind(head, suffix, name), charset)
    stream.seek(0)
    if b"%PDF-" in head:
        return Format("pdf")
    if head.startswith(_RICH_TEXT):
        return Format("rtf")
    if head.startswith(_ARCHIVE):
        return Format(_archived_kind(stream))
    if head.startswith(_COMPOUND_FILE):
        return Format(_compound_kind(stream.read()))
    is_vague = name in _VAGUE
    is_document = name.startswith(_DOCUMENT_TYPES) or (is_vague and suffix in _DOCUMENT_SUFFIXES)
    if head and is_document:
        raise UnreadableError("not_as_declared")
    return Format(_text_kind(head, suffix, name), charset)


def _is_named_text(suffix: str, name: str) -> bool:
    if suffix in _TEXT_SUFFIXES or suffix in _SUFFIXES:
        return not name.startswith(_DOCUMENT_TYPES)
    is_document = suffix in _DOCUMENT_SUFFIXES or name.startswith(_DOCUMENT_TYPES)
    return _is_text_type(name) and not is_document


def _is_text(data: bytes, charset: str | None) -> bool:
    return decode_certain(data, charset) is not None


def _compound_kind(data: bytes) -> Kind:
    for name, kind in _COMPOUNDS.items():
        if name.encode("utf-16-le") in data:
            if kind in ("msg", "xls"):
                return kind
            raise UnreadableError("encrypted" if kind == "encrypted" else "old_office")
    raise UnreadableError("old_office")


def _archived_kind(stream: BinaryIO) -> Kind:
    try:
        parts = parts_of(stream)
        mimetype = parts.get(b"mimetype")
        media_type = first_bytes(stream, mimetype, _LONGEST_TYPE).strip() if mimetype else b""
    except ArchiveError as error:
        raise UnreadableError("broken") from error
    except ArchiveTooLargeError as error:
        raise UnreadableError("unsupported") from error
    if media_type in _OPEN_DOCUMENTS:
        return "odf"
    if media_type == _BOOK:
        return "epub"
    if b"[Content_Types].xml" in parts:
        for folder, kind in _ARCHIVED.items():
            if any(name.startswith(folder) for name in parts):
                return kind
    raise UnreadableError("unsupported")


def _text_kind(head: bytes, suffix: str, name: str) -> Kind:
    kind = _MEDIA_TYPES.get(name)
    if kind is None and name in _VAGUE:
        kind = _SUFFIXES.get(suffix)
        is_named_text = _is_text_type(name) or suffix in _TEXT_SUFFIXES
        if not is_named_text and head.lstrip()[:20].lower().startswith(_HTML_STARTS):
            kind = "html"
    return kind or "text"


def _is_text_type(name: str) -> bool:
    subtype = name.partition("/")[2].removeprefix("x-")
    is_structured = subtype.endswith(("+json", "+xml"))
    return name.startswith("text/") or subtype in _TEXT_SUBTYPES or is_structured
