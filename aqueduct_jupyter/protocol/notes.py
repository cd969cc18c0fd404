"""What a response says about its request in headers: the model, and what a model did not get.

The values are JSON in ASCII, because HTTP headers have no other letters: the model's name, and a
list of sentences for the user. Clients that do not know the headers ignore them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from .plain_text import plain_text

__all__ = [
    "MODEL_HEADER",
    "NOTES_HEADER",
    "clean_notes",
    "model_headers",
    "notes_headers",
    "read_model",
    "read_notes",
]

MODEL_HEADER = "x-aqueduct-model"
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


def model_headers(model: str) -> dict[str, str]:
    """Return the header with the name of the model that is asked; none for one that is too long."""
    value = json.dumps(model)
    return {MODEL_HEADER: value} if len(value) <= MOST_BYTES else {}


def read_model(header: str | None) -> str | None:
    """Return the model of a response from anywhere, fit to show; None if it names none."""
    try:
        return plain_text(json.loads(header or "null")) or None
    except (ValueError, RecursionError):
        return None


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
