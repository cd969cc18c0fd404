"""PDF: each page's text in reading order, its form fields and its comments.

Characters come from pdfium, which knows columns; lines in right-to-left scripts are put in order
in :mod:`.right_to_left`. Pages without text are named, because nobody else would notice.

Source: ISO 32000-1, 12.5 (annotations), 12.7 (forms), 12.4.2 (page labels).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..unread import page_mark
from ..unreadable import UnreadableError
from .markdown import one_line
from .right_to_left import Glyph, is_right_to_left, leans_right, read_line

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

__all__ = ["read"]

MOST_ANNOTATIONS = 10_000
"""Annotations that are looked at on each page."""

LONGEST_LINE = 2_000
"""Characters of a line that is put in order; putting a longer one in order might take long."""

LONGEST_VALUE = 2**20
"""Bytes of a comment, or of a field's value."""

# Soft hyphens at line ends come from pdfium as U+0002 or U+FFFE.
_CHARACTERS = str.maketrans({"\r": None, "\x02": "-", "\ufffe": "-", "\0": None, "\f": "\n"})


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a PDF.

    Raises:
        UnreadableError: it is damaged.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        # pdfium may name the error of an earlier document, such as a password that was missing.
        if b"/Encrypt" not in data:
            raise UnreadableError("broken") from error
        raise
    try:
        return _Pdf(document).text()
    finally:
        document.close()


class _Pdf:
    def __init__(self, document: PdfDocument) -> None:
        self._document = document
        if document.get_formtype():
            document.init_forms()
        self._has_text = False

    def text(self) -> str:
        """Return all pages."""
        count = len(self._document)
        pages = [self._page(number) for number in range(count)]
        if not self._has_text:
            return ""
        if count == 1:
            return pages[0]
        return "\n\n".join(self._headed(number, text) for number, text in enumerate(pages) if text)

    def _headed(self, number: int, text: str) -> str:
        if text.startswith(f"[Page {number + 1} "):
            return text
        label = one_line(self._document.get_page_label(number))
        shown = f", labelled {label}" if label and label != str(number + 1) else ""
        return f"[Page {number + 1}{shown}]\n{text}"

    def _page(self, number: int) -> str:
        try:
            page = self._document[number]
        except Exception as error:
            if "password" in str(error):
                raise
            return page_mark(number + 1, is_damaged=True)
        try:
            text = _words(page.get_textpage()).translate(_CHARACTERS).strip()
            more = [*self._annotations(page)]
            self._has_text = self._has_text or bool(text or more)
            if not text:
                is_drawn = next(iter(page.get_objects(max_depth=1)), None) is not None
                text = page_mark(number + 1) if is_drawn else f"[Page {number + 1} is empty]"
            return "\n".join([text, *more])
        finally:
            page.close()

    def _annotations(self, page: PdfPage) -> Iterator[str]:
        """Yield the page's filled fields and its comments."""
        import pypdfium2.raw as pdfium

        count = pdfium.FPDFPage_GetAnnotCount(page)
        for place in range(min(count, MOST_ANNOTATIONS)):
            annotation = pdfium.FPDFPage_GetAnnot(page, place)
            if not annotation:
                continue
            try:
                kind = pdfium.FPDFAnnot_GetSubtype(annotation)
                if kind == pdfium.FPDF_ANNOT_WIDGET:
                    yield from filter(None, [self._field(annotation)])
                elif kind not in (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP):
                    yield from filter(None, [_comment(annotation)])
            finally:
                pdfium.FPDFPage_CloseAnnot(annotation)

    def _field(self, annotation: Any) -> str:
        import pypdfium2.raw as pdfium

        if self._document.formenv is None:
            return ""
        form = self._document.formenv.raw
        name = _string(pdfium.FPDFAnnot_GetFormFieldName, form, annotation)
        kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
        if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
            value = "yes" if pdfium.FPDFAnnot_IsChecked(form, annotation) else ""
            if kind == pdfium.FPDF_FORMFIELD_RADIOBUTTON and value:
                value = _string(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation) or value
        elif kind == pdfium.FPDF_FORMFIELD_PUSHBUTTON:
            return ""
        else:
            value = _string(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
        return f"[Field {one_line(name)}: {value.strip()}]" if value.strip() else ""


def _comment(annotation: Any) -> str:
    import pypdfium2.raw as pdfium

    text = one_line(_string(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents"))
    author = one_line(_string(pdfium.FPDFAnnot_GetStringValue, annotation, b"T"))
    return f"[Comment{f' by {author}' if author else ''}: {text}]" if text else ""


def _string(get: Any, *about: Any) -> str:
    """Call a function of pdfium that writes UTF-16 into a buffer."""
    size = get(*about, None, 0)
    if not 2 < size <= LONGEST_VALUE:
        return ""
    buffer = ctypes.create_string_buffer(size)
    import pypdfium2.raw as pdfium

    get(*about, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", errors="replace").replace("\r", "\n")


def _words(page: PdfTextPage) -> str:
    text: str = page.get_text_range(errors="replace")
    if not is_right_to_left(text):
        return text
    leans = leans_right(text)
    lines: list[str] = []
    line: list[tuple[int, str]] = []
    for place, character in _characters(page):
        if character in "\r\n":
            lines.append(_line(page, line, leans))
            line = []
            lines.append("\n" if character == "\n" else "")
        else:
            line.append((place, character))
    lines.append(_line(page, line, leans))
    return "".join(lines)


def _characters(page: PdfTextPage) -> Iterator[tuple[int, str]]:
    import pypdfium2.raw as pdfium

    for place in range(page.count_chars()):
        number = pdfium.FPDFText_GetUnicode(page, place)
        yield place, chr(number) if 0 < number < 0xD800 or 0xDFFF < number < 0x110000 else "\ufffd"


def _line(page: PdfTextPage, characters: list[tuple[int, str]], leans: bool) -> str:
    import pypdfium2.raw as pdfium

    text = "".join(character for _, character in characters)
    if not is_right_to_left(text) or len(text) > LONGEST_LINE:
        return text
    glyphs = []
    for place, character in characters:
        if pdfium.FPDFText_IsGenerated(page, place) == 1:
            continue
        left, bottom, right, top = page.get_charbox(place, loose=True)
        # Some fonts' spaces have neither width nor place; the gap tells.
        if character.isspace() and right <= left:
            continue
        size = pdfium.FPDFText_GetFontSize(page, place)
        glyphs.append(Glyph(character, left, right, max(size, top - bottom)))
    return read_line(glyphs, leans_right=leans)
