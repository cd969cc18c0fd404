"""open_documents, by kreuzberg."""

from __future__ import annotations

import re

from .extraction import extract


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a document."""
    return re.sub(
        r"\\([!-/:-@\[-`{}~])",
        r"\1",
        extract(data, "application/vnd.oasis.opendocument.text", "markdown").content,
    )
