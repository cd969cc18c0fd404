"""Tables of OpenDocument files: the text that cells show, with formulas and comments.

Source: ODF 1.3 part 3, 9 (Tables).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .grids import Cell, grid
from .markdown import one_line, table
from .packages import Element, children, first

__all__ = ["grid_text"]

MOST_REPEATED = 1_000
"""How often a row, or a cell, with content may be repeated; empty ones cost nothing."""

_GROUPS = (
    *("table:table-header-rows", "table:table-rows", "table:table-row-group"),
    *("table:table-header-columns",),
)
_NO_SHEET = re.compile(r"(?:^|(?<=:))\.")
_REFERENCE = re.compile(r"\[\$?([^\[\]]*)\]")


def grid_text(element: Element, read: Callable[[Element], str], *, is_sheet: bool = False) -> str:
    """Return a table as Markdown.

    Args:
        element: the table.
        read: returns the text of a cell's paragraphs.
        is_sheet: whether its cells have names, formulas and comments.
    """
    if is_sheet:
        return grid(_cells(element, read))
    rows = (_row(row, read) for row, _ in _rows(element))
    return table(list(row) for row in rows)


def _row(row: Element, read: Callable[[Element], str]) -> Iterator[str]:
    for cell in children(row, "table:table-cell", "table:covered-table-cell"):
        text = read(cell) if cell.tag == "table:table-cell" else ""
        repeated = _number(cell, "table:number-columns-repeated")
        # Empty cells at the end of a row may be thousands.
        yield from [text] * min(repeated, MOST_REPEATED if text else 64)


def _rows(element: Element) -> Iterator[tuple[Element, int]]:
    for child in element:
        if child.tag == "table:table-row":
            yield child, _number(child, "table:number-rows-repeated")
        elif child.tag in _GROUPS:
            yield from _rows(child)


def _number(element: Element, name: str) -> int:
    text = element.get(name, "1")
    return int(text) if text.isdecimal() and len(text) < 9 else 1


def _cells(element: Element, read: Callable[[Element], str]) -> Iterator[Cell]:
    row_number = 0
    for row, rows_repeated in _rows(element):
        found = list(_row_cells(row, read))
        for number in range(row_number, row_number + min(rows_repeated, MOST_REPEATED)):
            yield from (Cell(number, *rest) for rest in found)
        row_number += rows_repeated


def _row_cells(row: Element, read: Callable[[Element], str]) -> Iterator[tuple[int, str, str, str]]:
    column = 0
    for cell in children(row, "table:table-cell", "table:covered-table-cell"):
        repeated = _number(cell, "table:number-columns-repeated")
        # A comment is shown beside the cell, so it is no part of its text.
        annotation = first(cell, "office:annotation")
        comment = (
            one_line(" ".join("".join(p.itertext()) for p in annotation.iter("text:p")))
            if annotation is not None
            else ""
        )
        text = read(cell)
        formula = cell.get("table:formula", "").partition("=")[2]
        formula = _REFERENCE.sub(lambda match: _NO_SHEET.sub("", match[1]), formula)
        if text or formula or comment:
            for place in range(column, column + min(repeated, MOST_REPEATED)):
                yield place, text, formula, comment
        column += repeated
