"""Word documents (DOCX): what a reader of the page sees, with notes and comments at their places.

Tracked changes are read as accepted. Numbering is in :mod:`.word_numbering`, runs of text in
:mod:`.word_runs`.

Source: ECMA-376 part 1, 17 (WordprocessingML).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .charts import drawing_text
from .markdown import one_line, table
from .packages import Element, Package, children, first, inside, path
from .word_numbering import Numbering
from .word_runs import Notes, Runs

__all__ = ["read"]

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_WRAPPERS = ("w:ins", "w:moveTo", "w:customXml", "w:smartTag", "w:sdtContent")
_DELETED = ("w:del", "w:moveFrom")
_DEEPEST_HEADING = 6


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a document, as Markdown."""
    package = Package(data)
    main = package.main("word/document.xml")
    return _Document(package, main).text()


class _Styles:
    """The levels of headings, and the numbering, that styles give to their paragraphs."""

    def __init__(self, root: Element | None) -> None:
        self._styles = {style.get("w:styleId", ""): style for style in children(root, "w:style")}

    def heading(self, style_id: str) -> int:
        """Return the level of a heading; 0 if it is none."""
        for style in self._chain(style_id):
            name = path(style, "w:name", attribute="w:val")
            if name.lower() == "title":
                return 1
            if match := _HEADING.fullmatch(name):
                return int(match[1])
            level = path(style, "w:pPr", "w:outlineLvl", attribute="w:val")
            if level.isdecimal() and int(level) < 9:
                return int(level) + 1
        return 0

    def numbering(self, style_id: str) -> Element | None:
        """Return the numbering of a style's paragraphs."""
        found = (first(style, "w:pPr", "w:numPr") for style in self._chain(style_id))
        return next((one for one in found if one is not None), None)

    def _chain(self, style_id: str) -> Iterator[Element]:
        seen = set()
        while style_id in self._styles and style_id not in seen:
            seen.add(style_id)
            style = self._styles[style_id]
            yield style
            style_id = path(style, "w:basedOn", attribute="w:val")


class _Document:
    def __init__(self, package: Package, main: str) -> None:
        self.package = package
        self._main = main
        relations = package.relationships(main).values()
        self._parts = {one.kind: one.target for one in relations if not one.is_external}
        self.styles = _Styles(self._related("styles"))
        self.numbering = Numbering(self._related("numbering"))
        self.notes = Notes(self._related("comments"))

    def text(self) -> str:
        """Return the whole document."""
        root = self.package.xml(self._main)
        body = first(root, "w:body")
        blocks = _Blocks(self, self._main)
        shown = list(blocks.of(body)) if body is not None else []
        notes = [*self._definitions("footnotes"), *self._definitions("endnotes")]
        heads, feet = self._margins("header"), self._margins("footer")
        return "\n\n".join(_joined([*heads, *shown, *feet, *notes]))

    def _related(self, kind: str) -> Element | None:
        return self.package.xml(self._parts[kind]) if kind in self._parts else None

    def _definitions(self, kind: str) -> Iterator[str]:
        """Yield the notes that the text refers to, in the order of their labels."""
        part = self._parts.get(kind, "")
        found = {note.get("w:id"): note for note in inside(self._related(kind))}
        blocks = _Blocks(self, part)
        for id_, label in self.notes.labels(kind):
            note = found.get(id_)
            text = " ".join(blocks.of(note)) if note is not None else ""
            yield f"[^{label}]: {text.strip()}"

    def _margins(self, kind: str) -> list[str]:
        """Return the texts of all headers, or footers, each once."""
        found: dict[str, None] = {}
        for part in self.package.related(self._main, kind):
            root = self.package.xml(part)
            text = one_line(" ".join(_Blocks(self, part).of(root) if root is not None else ()))
            # Page numbers alone say nothing.
            if re.search(r"[^\W\d]", text):
                found[f"[{kind.capitalize()}: {text}]"] = None
        return list(found)


class _Blocks:
    """The paragraphs and tables of one part of a document."""

    def __init__(self, document: _Document, part: str) -> None:
        self._document = document
        self._part = part
        self._package = document.package
        relationships = self._package.relationships(part) if part else {}
        self._runs = Runs(relationships, document.notes, self._boxed)
        self._carried = ""
        self._beside: list[str] = []

    def of(self, element: Iterable[Element]) -> Iterator[str]:
        """Yield each block as Markdown."""
        for child in element:
            if child.tag == "w:p":
                yield from filter(str.strip, self._paragraph(child))
            elif child.tag == "w:tbl":
                yield from filter(str.strip, self._table(child))
            elif child.tag == "w:sdt":
                yield from self.of(inside(child, "w:sdtContent"))
            elif child.tag == "mc:AlternateContent":
                yield from self.of(inside(child, "mc:Choice"))
            elif child.tag in _WRAPPERS:
                yield from self.of(child)
        if self._carried.strip() and element is not None:
            carried, self._carried = self._carried, ""
            yield carried

    def _paragraph(self, paragraph: Element) -> Iterator[str]:
        properties = first(paragraph, "w:pPr")
        outer, self._beside = self._beside, []
        text = self._runs.text(paragraph)
        beside, self._beside = self._beside, outer
        mark = first(properties, "w:rPr")
        if any(True for _ in children(mark, *_DELETED)):
            # Its end was deleted, so the next paragraph goes on with it.
            self._carried += text
        else:
            text, self._carried = self._carried + text, ""
            yield self._marked(text, properties)
        yield from beside

    def _marked(self, text: str, properties: Element | None) -> str:
        """Return a paragraph with what makes it a heading or an item of a list."""
        style = path(properties, "w:pStyle", attribute="w:val")
        numbered = first(properties, "w:numPr")
        if numbered is None:
            numbered = self._document.styles.numbering(style)
        label, indent = self._document.numbering.label(numbered, is_shown=bool(text.strip()))
        level = self._document.styles.heading(style)
        outline = path(properties, "w:outlineLvl", attribute="w:val")
        if not level and outline.isdecimal() and int(outline) < 9:
            level = int(outline) + 1
        if not text.strip():
            return ""
        if level:
            marks = "#" * min(level, _DEEPEST_HEADING)
            return f"{marks} {f'{label} ' if label not in ('', '-') else ''}{one_line(text)}"
        return f"{'  ' * indent}{label} {text}" if label else text

    def _table(self, grid: Element) -> Iterator[str]:
        rows = [list(self._cells(row)) for row in self._rows(grid)]
        if len(rows) == 1 and len(rows[0]) == 1:
            # A frame around text, rather than a table.
            yield rows[0][0]
        else:
            yield table(rows)

    def _rows(self, element: Iterable[Element]) -> Iterator[Element]:
        for child in element:
            if child.tag == "w:tr":
                if not any(True for _ in children(first(child, "w:trPr"), *_DELETED)):
                    yield child
            elif child.tag == "w:sdt":
                yield from self._rows(inside(child, "w:sdtContent"))
            elif child.tag in _WRAPPERS:
                yield from self._rows(child)

    def _cells(self, row: Iterable[Element]) -> Iterator[str]:
        for child in row:
            if child.tag == "w:trPr":
                yield from [""] * _span(path(child, "w:gridBefore", attribute="w:val"), 0)
            elif child.tag == "w:tc":
                properties = first(child, "w:tcPr")
                merged = first(properties, "w:vMerge")
                is_covered = merged is not None and merged.get("w:val", "continue") == "continue"
                yield "" if is_covered else "\n".join(self.of(child))
                span = _span(path(properties, "w:gridSpan", attribute="w:val"), 1)
                yield from [""] * (span - 1)
            elif child.tag == "w:sdt":
                yield from self._cells(inside(child, "w:sdtContent"))
            elif child.tag in _WRAPPERS:
                yield from self._cells(child)

    def _boxed(self, drawing: Element) -> None:
        """Keep what a drawing holds, such as boxes of text and charts, for after the paragraph."""
        for box in drawing.iter("w:txbxContent"):
            text = "\n".join(self.of(box))
            if text.strip():
                self._beside.append(f"[Text box: {text}]")
        drawn = drawing_text(self._package, self._part, drawing)
        if drawn:
            self._beside.append(drawn)


def _span(number: str, usual: int) -> int:
    # Word has at most 63 columns.
    return min(int(number), 63) if number.isdecimal() else usual


_ITEM = re.compile(r" *(?:-|[\w.()]+[.)]) ")


def _joined(blocks: Iterable[str]) -> Iterator[str]:
    """Join the items of a list, which need no empty line between them."""
    items: list[str] = []
    for block in blocks:
        if _ITEM.match(block) and "\n" not in block:
            items.append(block)
            continue
        if items:
            yield "\n".join(items)
            items = []
        yield block
    if items:
        yield "\n".join(items)
