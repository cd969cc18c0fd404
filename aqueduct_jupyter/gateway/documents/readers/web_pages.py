"""HTML: its title and its words, decoded as the page or its declaration says."""

from __future__ import annotations

import html
import re

from . import plain_text
from .extraction import extract
from .markdown import without_data

__all__ = ["read", "read_decoded"]

_HEAD_BYTES = 4096
_CHARSET = re.compile(rb"<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*[\"']?([\w.:-]+)", re.I)


def read(data: bytes, charset: str | None) -> str:
    """Return the text of a page, as Markdown."""
    declared = _CHARSET.search(data[:_HEAD_BYTES])
    if charset is None and declared:
        charset = declared[1].decode()
        # A page that could be searched for a declaration is not in UTF-16; WHATWG HTML, 13.2.3.2.
        charset = "utf-8" if charset.lower().startswith("utf-16") else charset
    return read_decoded(plain_text.read(data, charset))


def read_decoded(page: str) -> str:
    """Return the text of a page that has been decoded, as Markdown."""
    # kreuzberg decodes every page as UTF-8, and turns the head into broken front matter.
    title = re.search(r"<title[^<>]*>([^<]*)", page, re.IGNORECASE)
    text = extract(_without_head(page).encode(errors="replace"), "text/html", "markdown").content
    text = without_data(text)
    return f"{html.unescape(title[1]).strip()}\n\n{text}" if title and text.strip() else text


def _without_head(page: str) -> str:
    head = re.search(r"<head[\s>]", page, re.IGNORECASE)
    rest = page[head.end() :] if head else ""
    end = re.search(r"</head\s*>|(?=<body[\s>])", rest, re.IGNORECASE)
    return page[: head.start()] + rest[end.end() :] if head and end else page
