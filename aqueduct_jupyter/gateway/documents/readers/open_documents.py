"""OpenDocument files (ODT, ODS, ODP): text, sheets and slides, as they are shown.

Tracked changes are read as accepted, and cells with the text that is shown in them. What stands in
a paragraph is read in :mod:`.open_paragraphs`.

Source: ODF 1.3 part 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..unreadable import UnreadableError
from .markdown import one_line
from .open_paragraphs import Notes, paragraph_text
from .open_tables import grid_text
from .packages import Element, Package, children, first, inside, path

__all__ = ["read"]

_DEEPEST_HEADING = 6
_WRAPPERS = (
    *("text:section", "text:index-body", "text:table-of-content", "text:alphabetical-index"),
    *("text:illustration-index", "text:table-index", "text:bibliography", "text:user-index"),
    *("text:index-title", "text:list-header", "text:numbered-paragraph", "draw:text-box"),
)


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a document, as Markdown.

    Raises:
        UnreadableError: it is encrypted.
    """
    package = Package(data)
    manifest = package.xml("META-INF/manifest.xml")
    if manifest is not None and next(manifest.iter("manifest:encryption-data"), None) is not None:
        raise UnreadableError("encrypted")
    return "\n\n".join(_Document(package).blocks())


class _Document:
    def __init__(self, package: Package) -> None:
        self._package = package
        self._content = package.xml("content.xml")
        styles = [self._content, package.xml("styles.xml")]
        groups = [
            group for root in styles for group in inside(root) if group.tag.endswith("styles")
        ]
        self._masters = [group for group in groups if group.tag == "office:master-styles"]
        every = [style for group in groups for style in group]
        self._styles = {
            style.get("style:name", ""): style for style in every if style.tag == "style:style"
        }
        self._lists = {
            style.get("style:name", ""): style for style in every if style.tag == "text:list-style"
        }
        self._notes = Notes()

    def blocks(self) -> Iterator[str]:
        """Yield everything in the document."""
        body = first(self._content, "office:body")
        for kind in inside(body):
            if kind.tag == "office:text":
                margins = list(self._margins())
                yield from (text for name, text in margins if name == "Header")
                yield from self._of(kind)
                yield from (text for name, text in margins if name == "Footer")
            elif kind.tag == "office:spreadsheet":
                for sheet in children(kind, "table:table"):
                    yield self._sheet(sheet)
            else:
                pages = children(kind, "draw:page")
                for number, page in enumerate(pages, 1):
                    yield from self._page(page, number)
        yield from self._notes.definitions(self._line)

    def _of(self, element: Iterable[Element]) -> Iterator[str]:
        for child in element:
            if child.tag in ("text:p", "text:h"):
                yield from self._paragraph(child)
            elif child.tag == "text:list":
                text = "\n".join(self._items(child, child.get("text:style-name", ""), 0))
                yield from filter(str.strip, [text])
            elif child.tag == "table:table":
                yield from filter(str.strip, [grid_text(child, self._line)])
            elif child.tag in _WRAPPERS:
                yield from self._of(child)
            elif child.tag.startswith("draw:"):
                yield from self._drawn(child)

    def _paragraph(self, element: Element) -> Iterator[str]:
        frames: list[Element] = []
        text = paragraph_text(element, self._notes, frames)
        if text.strip():
            level = element.get("text:outline-level", "1") if element.tag == "text:h" else ""
            depth = min(int(level), _DEEPEST_HEADING) if level.isdecimal() else 0
            yield f"{'#' * depth} {one_line(text)}" if depth else text
        for frame in frames:
            yield from self._drawn(frame)

    def _line(self, element: Iterable[Element]) -> str:
        """Return blocks in one cell or note."""
        return "\n".join(self._of(element))

    def _items(self, element: Element, style: str, level: int) -> Iterator[str]:
        numbers = self._numbering(style, level)
        count = int(path(numbers, attribute="text:start-value") or 1) if numbers is not None else 1
        for item in children(element, "text:list-item", "text:list-header"):
            is_first = True
            for block in item:
                if block.tag == "text:list":
                    yield from self._items(block, block.get("text:style-name") or style, level + 1)
                    continue
                for text in self._of([block]):
                    label = f"{count}." if numbers is not None else "-"
                    is_labelled = is_first and item.tag == "text:list-item"
                    yield "  " * level + (f"{label} {text}" if is_labelled else text)
                    is_first = False
            count += 0 if is_first or item.tag == "text:list-header" else 1

    def _numbering(self, style: str, level: int) -> Element | None:
        levels = children(self._lists.get(style), "text:list-level-style-number")
        found = (one for one in levels if one.get("text:level") == str(level + 1))
        return next((one for one in found if one.get("style:num-format")), None)

    def _drawn(self, frame: Element) -> Iterator[str]:
        """Yield the words in a frame: a box, a picture's description, an embedded object."""
        if frame.tag in ("draw:g", "draw:a"):
            for child in frame:
                yield from self._drawn(child)
            return
        for child in frame:
            if child.tag == "draw:object":
                yield from self._object(child.get("xlink:href", ""))
            elif child.tag == "table:table":
                yield grid_text(child, self._line)
        yield from self._of(child for child in frame if child.tag != "table:table")
        for words in children(frame, "svg:title", "svg:desc"):
            if words.text and words.text.strip():
                yield f"[Picture: {one_line(words.text)}]"

    def _object(self, place: str) -> Iterator[str]:
        """Yield an embedded formula, or the numbers of a chart."""
        root = self._package.xml(f"{place.removeprefix('./')}/content.xml")
        if root is None:
            return
        formula = root if root.tag == "math:math" else next(root.iter("math:math"), None)
        if formula is not None:
            annotation = next(formula.iter("math:annotation"), None)
            text = "".join(formula.itertext()) if annotation is None else annotation.text or ""
            yield f"[Formula: {one_line(text)}]"
        for chart in root.iter("chart:chart"):
            grid = next(chart.iter("table:table"), None)
            title = one_line(
                " ".join("".join(one.itertext()) for one in children(chart, "chart:title"))
            )
            head = f"[Chart: {title}]" if title else "[Chart]"
            yield head if grid is None else f"{head}\n{grid_text(grid, self._line)}"

    def _sheet(self, sheet: Element) -> str:
        properties = first(
            self._styles.get(sheet.get("table:style-name", "")), "style:table-properties"
        )
        is_hidden = properties is not None and properties.get("table:display") == "false"
        name = one_line(sheet.get("table:name", ""))
        head = f"## Sheet: {name}{' (hidden)' if is_hidden else ''}"
        drawn = [text for shape in inside(sheet, "table:shapes") for text in self._drawn(shape)]
        return "\n\n".join(
            filter(None, [head, grid_text(sheet, self._line, is_sheet=True), *drawn])
        )

    def _page(self, page: Element, number: int) -> Iterator[str]:
        properties = first(
            self._styles.get(page.get("draw:style-name", "")), "style:drawing-page-properties"
        )
        is_hidden = properties is not None and properties.get("presentation:visibility") == "hidden"
        title, shown = "", []
        for frame in page:
            if not frame.tag.startswith("draw:"):
                continue
            text = "\n".join(self._drawn(frame))
            if frame.get("presentation:class") == "title" and not title:
                title = one_line(text)
            elif text.strip():
                shown.append(text)
        yield f"## Slide {number}{' (hidden)' if is_hidden else ''}" + (
            f": {title}" if title else ""
        )
        yield from shown
        for notes in children(page, "presentation:notes"):
            texts = [text for frame in children(notes, "draw:frame") for text in self._drawn(frame)]
            if texts:
                yield f"Notes: {chr(10).join(texts)}"

    def _margins(self) -> Iterator[tuple[str, str]]:
        """Yield the texts of headers and footers, each once."""
        seen = set()
        for group in self._masters:
            for page in children(group, "style:master-page"):
                for margin in children(page, "style:header", "style:footer"):
                    name = margin.tag.partition(":")[2].capitalize()
                    text = f"[{name}: {one_line(self._line(margin))}]"
                    if any(map(str.isalpha, text.partition(":")[2])) and text not in seen:
                        seen.add(text)
                        yield name, text
