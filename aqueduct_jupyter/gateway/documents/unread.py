"""What of a document could not be read: marks in its text for the model, notes for the user.

Readers write the marks; a mark that somebody else wrote into a document makes a wrong note, and
nothing worse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["attachment_mark", "notes_on", "page_mark"]

MOST_NOTES = 5
"""Notes on one document."""

MOST_RANGES = 12
"""Ranges of pages that a note names."""

_PICTURE, _DAMAGED = "has no text: it is a picture", "cannot be read: it is damaged"
_NOTE_ON = {
    _PICTURE: ("has no text because it is a picture", "have no text because they are pictures"),
    _DAMAGED: ("is damaged", "are damaged"),
}

_MARK = re.compile(
    rf"^\[(?:Page (\d{{1,7}}) ({_PICTURE}|{_DAMAGED})|(Attachment [^\n\]]{{1,300}}), not read)\]$",
    re.MULTILINE,
)


def page_mark(number: int, *, is_damaged: bool = False) -> str:
    """Return what stands in place of a page, counted from 1."""
    return f"[Page {number} {_DAMAGED if is_damaged else _PICTURE}]"


def attachment_mark(described: str) -> str:
    """Return what stands in place of an attachment; its description is one line."""
    return f"[{described}, not read]"


def notes_on(name: str, text: str) -> list[str]:
    """Return what a user should know about a document: what of it the model did not get.

    Args:
        name: the document's name, fit to show.
        text: its text, with the marks.
    """
    pages: dict[str, list[int]] = {_PICTURE: [], _DAMAGED: []}
    notes = []
    for mark in _MARK.finditer(text):
        number, why, attachment = mark.groups()
        if attachment:
            notes.append(f"{name}: {attachment[:1].lower()}{attachment[1:]} was not read")
        else:
            pages[why].append(int(number))
    on_pages = [_on_pages(name, numbers, why) for why, numbers in pages.items() if numbers]
    return [*on_pages, *notes][:MOST_NOTES]


def _on_pages(name: str, numbers: list[int], why: str) -> str:
    is_one = len(numbers) == 1
    one, several = _NOTE_ON[why]
    return f"{name}: page{'' if is_one else 's'} {_ranges(numbers)} {one if is_one else several}"


def _ranges(numbers: Iterable[int]) -> str:
    """Write numbers in order as ranges, such as 1, 3-5."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = [f"{one}" if one == last else f"{one}-{last}" for one, last in ranges[:MOST_RANGES]]
    return ", ".join([*shown, "and more"] if len(ranges) > MOST_RANGES else shown)
