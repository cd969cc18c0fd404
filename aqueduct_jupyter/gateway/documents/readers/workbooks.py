"""Workbooks (XLSX): each sheet with its values as shown, formulas, comments and charts.

Rows are read one after the other, because a sheet may have a million of them. Numbers are written
in :mod:`.number_formats`, tables in :mod:`.grids`.

Source: ECMA-376 part 1, 18 (SpreadsheetML).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .charts import drawing_text
from .grids import Cell, grid
from .markdown import one_line
from .number_formats import BUILT_IN
from .packages import Element, Package, children, first, inside, path, texts
from .sheet_rows import Book, SheetRows, place_of

__all__ = ["read"]

MOST_SHOWN_RANGES = 100


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a workbook, as Markdown."""
    package = Package(data)
    main = package.main("xl/workbook.xml")
    root = package.xml(main)
    relationships = package.relationships(main)
    is_1904 = path(root, "x:workbookPr", attribute="date1904") in ("1", "true")
    book = Book(_strings(package, main), _formats(package, main), is_1904=is_1904)
    sheets = []
    for sheet in inside(root, "x:sheets"):
        relationship = relationships.get(sheet.get("r:id", ""))
        if relationship is None or not package.has(relationship.target):
            continue
        hidden = " (hidden)" if sheet.get("state") in ("hidden", "veryHidden") else ""
        head = f"## Sheet: {one_line(sheet.get('name', ''))}{hidden}"
        parts = [head, *_sheet(package, relationship.target, book)]
        sheets.append("\n\n".join(filter(None, parts)))
    names = _names(root)
    return "\n\n".join([*sheets, *names]) if any("\n" in sheet for sheet in sheets) else ""


def _strings(package: Package, main: str) -> list[str]:
    found: list[str] = []
    for part in package.related(main, "sharedStrings"):
        root = package.xml(part)
        found += [rich_text(item) for item in children(root, "x:si")]
    return found


def rich_text(item: Element) -> str:
    """Return the text of a string, without how it is pronounced."""
    return "".join("".join(texts(child, "x:t")) for child in children(item, "x:t", "x:r"))


def _formats(package: Package, main: str) -> list[str]:
    """Return the code of each cell style's number format; "" for none."""
    for part in package.related(main, "styles"):
        root = package.xml(part)
        codes = {
            one.get("numFmtId", ""): one.get("formatCode", "") for one in inside(root, "x:numFmts")
        }
        ids = [one.get("numFmtId", "0") for one in inside(root, "x:cellXfs")]
        return [codes.get(id_) or _built_in(id_) for id_ in ids]
    return []


def _built_in(id_: str) -> str:
    return BUILT_IN.get(int(id_), "") if id_.isdecimal() else ""


def _names(root: Element | None) -> list[str]:
    names = [
        f"{one.get('name', '')} = {one.text}"
        for one in inside(root, "x:definedNames")
        if one.text and not one.get("name", "").startswith("_xlnm.") and one.get("hidden") != "1"
    ]
    return [f"[Names: {one_line('; '.join(names[:MOST_SHOWN_RANGES]))}]"] if names else []


@dataclass(slots=True)
class _Beside:
    """What is said of a sheet's cells in other parts."""

    comments: dict[tuple[int, int], str] = field(default_factory=dict)
    drawn: list[str] = field(default_factory=list)


def _sheet(package: Package, part: str, book: Book) -> Iterator[str]:
    beside = _beside(package, part)
    rows = SheetRows(package.read(part), book)
    is_named = bool(beside.comments)
    yield grid(_commented(rows.cells(), beside.comments), is_named=is_named)
    if rows.merged:
        yield f"[Merged cells: {_listed(rows.merged)}]"
    if rows.hidden:
        yield f"[Hidden: {_listed(rows.hidden)}]"
    yield from beside.drawn


def _listed(ranges: list[str]) -> str:
    shown = ", ".join(ranges[:MOST_SHOWN_RANGES])
    rest = len(ranges) - MOST_SHOWN_RANGES
    return f"{shown} and {rest} more" if rest > 0 else shown


def _commented(cells: Iterator[Cell], comments: Mapping[tuple[int, int], str]) -> Iterator[Cell]:
    left = dict(comments)
    for cell in cells:
        yield cell._replace(comment=left.pop((cell.row, cell.column), ""))
    for (row, column), comment in left.items():
        yield Cell(row, column, "", comment=comment)


def _beside(package: Package, part: str) -> _Beside:
    beside = _Beside()
    for relationship in package.relationships(part).values():
        if relationship.is_external or not package.has(relationship.target):
            continue
        if relationship.kind == "comments":
            beside.comments |= _comments(package.xml(relationship.target))
        elif relationship.kind == "drawing":
            root = package.xml(relationship.target)
            if root is not None:
                beside.drawn += filter(None, _drawn(package, relationship.target, root))
    return beside


def _comments(root: Element | None) -> dict[tuple[int, int], str]:
    authors = [one_line(author.text or "") for author in inside(root, "x:authors")]
    found = {}
    for comment in inside(root, "x:commentList"):
        place = place_of(comment.get("ref", ""))
        words = first(comment, "x:text")
        text = one_line(rich_text(words)) if words is not None else ""
        id_ = comment.get("authorId", "")
        author = authors[int(id_)] if id_.isdecimal() and int(id_) < len(authors) else ""
        # Excel writes the author into the text, too.
        if author and text.startswith(f"{author}:"):
            text = text.removeprefix(f"{author}:").strip()
        if place is not None:
            found[place] = f"{author}: {text}" if author else text
    return found


def _drawn(package: Package, part: str, root: Element) -> Iterator[str]:
    for anchor in root:
        yield drawing_text(package, part, anchor)
        for shape in anchor.iter("xdr:sp"):
            text = "\n".join("".join(texts(one, "a:t")) for one in shape.iter("a:p")).strip()
            yield f"[Text box: {text}]" if text else ""
        for picture in anchor.iter("xdr:cNvPr"):
            description = one_line(picture.get("descr", ""))
            yield f"[Picture: {description}]" if description else ""
