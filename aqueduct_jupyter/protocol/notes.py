"""Notes on a request for its user, in a header of the response: what a model did not get.

The header is a JSON list of sentences in ASCII, because HTTP headers have no other letters. Clients
that do not know it ignore it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from .plain_text import plain_text

__all__ = ["NOTES_HEADER", "clean_notes", "notes_headers", "read_notes"]

NOTES_HEADER = "x-aqueduct-notes"

LONGEST_NOTE = 400
"""Characters of a note."""

MOST_BYTES = 4096
"""Size of the header; servers and proxies accept 8 KB for all headers together."""


def notes_headers(notes: Sequence[str]) -> dict[str, str]:
    """Return the header with as many notes as it can hold; no header if there are none."""
    held: list[str] = []
    for note in notes:
        if len(json.dumps([*held, note])) > MOST_BYTES:
            break
        held.append(note)
    return {NOTES_HEADER: json.dumps(held)} if held else {}


def read_notes(header: str | None) -> list[str]:
    """Return the notes of a response from anywhere; none if its header is not one of ours."""
    try:
        return clean_notes(json.loads(header or "[]"))
    except (ValueError, RecursionError):
        return []


def clean_notes(found: object) -> list[str]:
    """Return a list of notes from anywhere, fit to show; none if it is not one."""
    notes = found if isinstance(found, list) else []
    shown = [plain_text(note, LONGEST_NOTE) for note in notes if isinstance(note, str)]
    return [note for note in shown if note]
