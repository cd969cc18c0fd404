"""pdf_files, by kreuzberg."""

from __future__ import annotations

from .extraction import extract


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a document."""
    return extract(data, "application/pdf", "plain").content
