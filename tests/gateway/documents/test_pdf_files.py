"""PDF: lines in every script as they are read, fields, comments, and pages that have no text."""

from __future__ import annotations

import random

import pytest

from aqueduct_jupyter.gateway.documents.readers.right_to_left import Glyph, read_line
from aqueduct_jupyter.gateway.documents.text import read
from aqueduct_jupyter.gateway.documents.unreadable import UnreadableError

from . import samples

HEBREW = "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"
ARABIC = "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645"


def line(visual: str, leans_right: bool = True) -> str:
    """What is read of a line that shows these characters from left to right."""
    glyphs = [
        Glyph(character, place * 10, place * 10 + 9, 12) for place, character in enumerate(visual)
    ]
    # Nothing may depend on the order in which a page has them.
    random.Random(1).shuffle(glyphs)
    return read_line(glyphs, leans_right=leans_right)


@pytest.mark.parametrize(
    ("visual", "read_"),
    [
        (HEBREW[::-1], HEBREW),
        (ARABIC[::-1], ARABIC),
        (f".321 {HEBREW[::-1]}"[::1].replace("321", "123"), f"{HEBREW} 123."),
        (f"\u05d0 45.6% {HEBREW[::-1]}", f"{HEBREW} 45.6% \u05d0"),
        (f"\u05d1 English words {HEBREW[::-1]}", f"{HEBREW} English words \u05d1"),
        (f"12 34 {HEBREW[::-1]}", f"{HEBREW} 34 12"),
        (f"1:30 {HEBREW[::-1]}", f"{HEBREW} 1:30"),
        ("(\u05d1\u05d0) \u05d2", "\u05d2 (\u05d0\u05d1)"),
        (")\u05d1\u05d0( \u05d2", "\u05d2 (\u05d0\u05d1)"),
        ("\u05d1\u05d0-45 $", "$ 45-\u05d0\u05d1"),
    ],
)
def test_a_line_is_in_the_order_in_which_it_is_read(visual: str, read_: str) -> None:
    assert line(visual) == read_


def test_words_in_a_line_of_another_script_are_read_by_themselves() -> None:
    visual = f"A text in English with {HEBREW[::-1]} 12 in it"
    assert line(visual, leans_right=False) == f"A text in English with {HEBREW} 12 in it"


def test_marks_stay_with_their_letters_and_forms_are_letters() -> None:
    glyphs = [
        Glyph("\u05d1", 0, 9, 12),
        Glyph("\u05d0", 10, 19, 12),
        Glyph("\u05b8", 13, 16, 12),
        Glyph("\ufefb", 20, 29, 12),
    ]
    assert read_line(glyphs, leans_right=True) == "\u0644\u0627\u05d0\u05b8\u05d1"


def test_gaps_are_spaces() -> None:
    glyphs = [Glyph("\u05d1", 0, 9, 12), Glyph("\u05d0", 15, 24, 12)]
    assert read_line(glyphs, leans_right=True) == "\u05d0 \u05d1"


def with_objects(*more: bytes, page: bytes = b"", catalog: bytes = b"") -> bytes:
    """A PDF of one page with these objects, from number 6 on."""
    objects = samples._pdf_objects(samples._text_stream(["words"]))
    objects[2] = objects[2].replace(b"/Contents", page + b" /Contents")
    objects[0] = objects[0].replace(b"/Pages", catalog + b" /Pages")
    return samples._pdf_file([*objects, *more])


def test_filled_fields_are_read() -> None:
    field = (
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Ada L.) /Rect [0 0 99 20] "
        b"/P 3 0 R /F 4 >>"
    )
    empty = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (other) /Rect [0 30 99 50] /P 3 0 R >>"
    form = b"<< /Fields [6 0 R 7 0 R] >>"
    data = with_objects(
        field, empty, form, page=b"/Annots [6 0 R 7 0 R]", catalog=b"/AcroForm 8 0 R"
    )
    assert read("pdf", data) == "words\n[Field name: Ada L.]"


def test_comments_are_read_and_links_are_not() -> None:
    comment = b"<< /Type /Annot /Subtype /Text /T (Ada) /Contents (Why?) /Rect [0 0 9 9] >>"
    link = b"<< /Type /Annot /Subtype /Link /Contents (no) /Rect [0 0 9 9] >>"
    data = with_objects(comment, link, page=b"/Annots [6 0 R 7 0 R]")
    assert read("pdf", data) == "words\n[Comment by Ada: Why?]"


def test_a_page_without_text_is_said_by_its_number() -> None:
    first, last = samples._text_stream(["first"]), samples._text_stream(["last"])
    data = samples.pages(first, b"10 10 90 90 re f", b"", last)
    assert read("pdf", data) == (
        "[Page 1]\nfirst\n\n[Page 2 has no text: it is a picture]\n\n[Page 3 is empty]\n\n"
        "[Page 4]\nlast"
    )


def test_labels_of_pages_are_kept() -> None:
    text = samples._text_stream(["words"])
    labels = b"/PageLabels << /Nums [0 << /S /r >> 1 << /S /D >>] >>"
    assert read("pdf", samples.pages(text, text, labels=labels)) == (
        "[Page 1, labelled i]\nwords\n\n[Page 2, labelled 1]\nwords"
    )


def test_two_columns_are_read_one_after_the_other() -> None:
    def column(left: int, *lines: str) -> bytes:
        shown = b" ".join(b"(%b) Tj 0 -16 Td" % text.encode() for text in lines)
        return b"BT /F1 12 Tf %d 700 Td %b ET" % (left, shown)

    data = samples.pages(
        column(50, "left one", "left two") + b"\n" + column(350, "right one", "right two")
    )
    assert read("pdf", data).split("\n") == ["left one", "left two", "right one", "right two"]


def with_characters(*lines: str) -> bytes:
    """A PDF that shows these characters from left to right, in a font that says what they are."""
    characters = sorted(set("".join(lines)))
    codes = {character: place for place, character in enumerate(characters, 1)}
    pairs = "".join(f"<{code:02x}> <{ord(character):04x}>\n" for character, code in codes.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
        "1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(codes)} beginbfchar\n{pairs}endbfchar endcmap end end"
    ).encode()
    widths = b" ".join([b"600"] * len(codes))
    shown = " ".join(
        f"<{''.join(f'{codes[character]:02x}' for character in text)}> Tj 0 -20 Td"
        for text in lines
    )
    content = f"BT /F1 12 Tf 72 720 Td {shown} ET".encode()
    objects = samples._pdf_objects(content)
    objects[4] = (
        b"<< /Type /Font /Subtype /TrueType /BaseFont /Courier /FirstChar 1 /LastChar %d "
        b"/Widths [%b] /ToUnicode 6 0 R >>" % (len(codes), widths)
    )
    stream = b"<< /Length %d >>\nstream\n%b\nendstream" % (len(cmap), cmap)
    return samples._pdf_file([*objects, stream])


def test_a_page_in_hebrew_and_arabic_is_read_as_it_is_read() -> None:
    data = with_characters(f".123 {HEBREW[::-1]}", f"456 {ARABIC[::-1]}", "left 7")
    assert read("pdf", data).split("\n") == [f"{HEBREW} 123.", f"{ARABIC} 456", "left 7"]


def test_what_was_wrong_with_an_earlier_document_is_not_said_of_this_one() -> None:
    blank = b"%PDF-1.7" + b"\n" * 99
    for data, reason in ((samples.encrypted_pdf("x"), "encrypted"), (blank, "broken")):
        with pytest.raises(UnreadableError) as caught:
            read("pdf", data)
        assert caught.value.reason == reason
