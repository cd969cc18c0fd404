"""Bytes of a known format to text.

The format is determined in :mod:`.kinds`, and read by one of the modules in :mod:`.readers`, which
is imported when it is needed. What needs no library is read in the server; all else is read in the
child process, see :mod:`.worker`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Literal

from .readers import notebooks
from .readers.plain_text import decode_certain
from .unreadable import Reason, UnreadableError

__all__ = ["MAX_TEXT_BYTES", "Kind", "Reason", "UnreadableError", "read", "read_certain"]

MAX_TEXT_BYTES = 16 * 2**20
"""Maximum length of a document's text; every model's context is far smaller."""

Kind = Literal[
    "docx",
    "eml",
    "epub",
    "html",
    "msg",
    "notebook",
    "odf",
    "pdf",
    "pptx",
    "rtf",
    "text",
    "xls",
    "xlsx",
]

_READERS: dict[Kind, str] = {
    "docx": "word_documents",
    "eml": "mails",
    "epub": "books",
    "html": "web_pages",
    "msg": "outlook_mails",
    "notebook": "notebooks",
    "odf": "open_documents",
    "pdf": "pdf_files",
    "pptx": "presentations",
    "rtf": "rich_text",
    "text": "plain_text",
    "xls": "old_workbooks",
    "xlsx": "workbooks",
}


def read(kind: Kind, data: bytes, charset: str | None = None) -> str:
    """Extract the text of a document.

    Args:
        kind: the document's kind.
        data: the whole document.
        charset: the declared encoding of a text, if any.

    Raises:
        UnreadableError: no text can be extracted.
    """
    return _checked(lambda: _reader(kind)(data, charset))


def read_certain(kind: Kind, data: bytes, charset: str | None = None) -> str | None:
    """Extract the text of what the server may read itself: text whose encoding is certain.

    Returns:
        The text, or None if the child process has to read the document.

    Raises:
        UnreadableError: no text can be extracted.
    """
    if kind not in ("text", "notebook"):
        return None
    decoded = decode_certain(data, charset)
    if decoded is None:
        return None
    text, _ = decoded
    return _checked(lambda: text if kind == "text" else notebooks.read_decoded(text))


def _reader(kind: Kind) -> Callable[[bytes, str | None], str]:
    module = import_module(f".readers.{_READERS[kind]}", __package__)
    reader: Callable[[bytes, str | None], str] = module.read
    return reader


def _checked(extract: Callable[[], str]) -> str:
    try:
        text = extract()
    except MemoryError as error:
        raise UnreadableError("memory") from error
    except UnreadableError:
        raise
    except Exception as error:
        # A damaged document can make a parser raise anything.
        raise UnreadableError(_reason(str(error))) from error
    if not text.strip():
        raise UnreadableError("empty")
    if len(text) > MAX_TEXT_BYTES:
        raise UnreadableError("long")
    return text


def _reason(complaint: str) -> Reason:
    if "password" in complaint or "encrypted" in complaint:
        return "encrypted"
    # EAGAIN and ENOMEM: a thread could not be started, or memory could not be allocated.
    is_memory = "(os error 11)" in complaint or "(os error 12)" in complaint
    return "memory" if is_memory else "broken"
