"""The cells of a sheet as Markdown, with the names of rows and columns where they are spoken of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..unreadable import UnreadableError
from .markdown import one_line, table

__all__ = ["Cell", "cell_name", "column_name", "grid"]

MOST_CHARACTERS = 2**24
"""Characters of a sheet; a longer text would be refused anyway."""

_EMPTY_SHARE = 20


class Cell(NamedTuple):
    """A cell with content, at its place from 0."""

    row: int
    column: int
    text: str
    formula: str = ""
    comment: str = ""


def column_name(column: int) -> str:
    """Return a column's letters, such as AA."""
    name = ""
    column += 1
    while column:
        column, place = divmod(column - 1, 26)
        name = chr(ord("A") + place) + name
    return name


def cell_name(row: int, column: int) -> str:
    """Return a cell's name, such as B3."""
    return f"{column_name(column)}{row + 1}"


def grid(cells: Iterable[Cell], *, is_named: bool = False) -> str:
    """Return cells as a table; if most of it would be empty, as a list.

    Args:
        cells: the cells with content, row by row.
        is_named: whether rows and columns have names in any case; they have if there is a formula.

    Raises:
        UnreadableError: the text is too long.
    """
    rows: dict[int, dict[int, str]] = {}
    columns: set[int] = set()
    comments: list[str] = []
    count = size = 0
    for cell in cells:
        text = cell.text
        if cell.formula:
            is_named = True
            text = f"{text or '(no stored value)'} (={cell.formula})"
        if cell.comment:
            is_named = True
            comments.append(f"[Comment on {cell_name(cell.row, cell.column)}: {cell.comment}]")
        if not text:
            continue
        count += 1
        size += len(text) + 3
        if size > MOST_CHARACTERS:
            raise UnreadableError("long")
        rows.setdefault(cell.row, {})[cell.column] = text
        columns.add(cell.column)
    # With columns left out, only names tell what stands beside what.
    is_named = is_named or (bool(columns) and max(columns) - min(columns) >= len(columns))
    if len(rows) * len(columns) > _EMPTY_SHARE * count + 1000:
        shown = _listed(rows)
    else:
        shown = _tabulated(rows, sorted(columns), is_named=is_named)
    return "\n\n".join(filter(None, [shown, "\n".join(comments)]))


def _listed(rows: Mapping[int, Mapping[int, str]]) -> str:
    return "\n".join(
        f"{cell_name(row, column)}: {one_line(text)}"
        for row, cells in sorted(rows.items())
        for column, text in sorted(cells.items())
    )


def _tabulated(rows: Mapping[int, Mapping[int, str]], columns: list[int], *, is_named: bool) -> str:
    lines = [[cells.get(column, "") for column in columns] for _, cells in sorted(rows.items())]
    if is_named:
        numbers = (str(row + 1) for row in sorted(rows))
        lines = [[number, *line] for number, line in zip(numbers, lines, strict=True)]
        lines.insert(0, ["", *map(column_name, columns)])
    return table(lines)
