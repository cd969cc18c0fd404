"""What could not be read is said to the user, by page and by attachment."""

from __future__ import annotations

import pytest

from aqueduct_jupyter.gateway.documents.text import read
from aqueduct_jupyter.gateway.documents.unread import (
    MOST_NOTES,
    attachment_mark,
    notes_on,
    page_mark,
)

from . import samples

DRAWN = b"10 10 90 90 re f"


def test_scanned_pages_among_others_are_named() -> None:
    words = samples._text_stream(["words"])
    text = read("pdf", samples.pages(words, DRAWN, DRAWN, b"", words, DRAWN))
    assert notes_on("a.pdf", text) == ["a.pdf: pages 2-3, 6 have no text because they are pictures"]


@pytest.mark.parametrize(
    ("mark", "note"),
    [
        (page_mark(7), "x: page 7 has no text because it is a picture"),
        (page_mark(7, is_damaged=True), "x: page 7 is damaged"),
        (
            attachment_mark("Attachment plan.dwg (12 bytes)"),
            "x: attachment plan.dwg (12 bytes) was not read",
        ),
    ],
)
def test_every_mark_has_its_note(mark: str, note: str) -> None:
    assert notes_on("x", f"before\n{mark}\nafter") == [note]


def test_words_about_marks_are_no_marks() -> None:
    assert notes_on("x", f"We write {page_mark(1)} in the text.") == []
    assert notes_on("x", "[Page 1]\nwords\n\n[Page 2 is empty]") == []


def test_a_document_full_of_marks_has_few_notes() -> None:
    marks = [attachment_mark(f"Attachment {number}") for number in range(1000)]
    pages = [page_mark(number) for number in range(1, 9999, 2)]
    notes = notes_on("x", "\n".join([*marks, *pages]))
    assert len(notes) == MOST_NOTES
    assert notes[0].endswith("23, and more have no text because they are pictures")
