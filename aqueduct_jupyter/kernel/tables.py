"""A table as text: its columns, statistics and rows, shortened where there is no room.

What a library's tables have is found out in :mod:`.table_describers`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

from .context import Context, Piece, Rank
from .stable_text import fingerprint

__all__ = [
    "MOST_COLUMNS",
    "SHOWN_ROWS",
    "Rows",
    "Table",
    "computed",
    "counted",
    "ends",
    "joined",
    "sampled",
]

SHOWN_ROWS = 5
"""How many rows are shown from the beginning of a table, and how many from its end."""

MOST_COLUMNS = 100
FEWER_COLUMNS = (30, 10)
"""Of how many columns rows are shown; the middle ones are left out first."""

LONGEST_CELL = 500
SHORTER_CELLS = (100, 30)
"""Longest text of a cell, in characters."""

STATISTIC_ROWS = 100_000
"""Rows from which statistics are computed; a larger table is sampled evenly."""

KEY_ROWS = 1000
"""Rows of which a recording's key is made."""

LONGEST_NAME = 60

_GAP = "..."

Rows = Sequence[Sequence[Any]]


@dataclass(slots=True)
class Table:
    """What is known of a table.

    Args:
        title: what it is, in one line.
        rows: how many rows it has; None if nobody knows yet.
        width: how many columns it has.
        columns: a line for each column that is described.
        header: the names over the cells, the index's first.
        first: reads its first rows.
        last: reads its last rows.
        statistics: their title, header and rows, if there are any.
        left_out: what cannot be shown.
        thinned: reads every so many rows, of which a recording's key is made.
    """

    title: str
    rows: int | None
    width: int
    columns: Sequence[str]
    header: Sequence[str] = ()
    first: Callable[[], Rows] | None = None
    last: Callable[[], Rows] | None = None
    statistics: tuple[str, Sequence[str], Rows] | None = None
    left_out: Sequence[str] = ()
    thinned: Callable[[int], Rows] | None = None

    def describe(self, name: str) -> Context:
        """Return what a model sees of it."""
        left_out = list(self.left_out)
        pieces = [Piece(self.title)]
        if self.columns:
            lines = [*self.columns]
            if self.width > len(lines):
                more = f"and {self.width - len(lines)} more columns in the middle"
                lines.insert((len(lines) + 1) // 2, more)
            pieces.append(
                Piece(
                    "columns:\n" + "\n".join(lines),
                    Rank.STRUCTURE,
                    "columns",
                    shorter=[
                        _fewer_lines(self.columns, self.width, most) for most in FEWER_COLUMNS
                    ],
                )
            )
        if self.statistics:
            title, header, rows = self.statistics
            piece = _written(title, header, rows)
            pieces.append(replace(piece, rank=Rank.SUMMARY, what="statistics"))
        samples = computed(self._samples)
        if samples is None:
            left_out.append("rows")
        pieces += samples or ()
        note = f"{' and '.join(left_out)} of this table cannot be shown"
        return Context(name, pieces, cut=[note] if left_out else [], key=self._key())

    def _key(self) -> str:
        """Return what makes this table another one: its values, not how a library prints them."""
        thinned = self.thinned
        if thinned is None or self.rows is None:
            return ""
        step = max(1, -(-self.rows // KEY_ROWS))
        rows = computed(
            lambda: [[shortened(cell, LONGEST_CELL) for cell in row] for row in thinned(step)]
        )
        return "" if rows is None else f"table {fingerprint(self.rows, list(self.header), rows)}"

    def _samples(self) -> list[Piece]:
        if not self.rows or self.first is None:
            return []
        whole = self.rows <= 2 * SHOWN_ROWS
        title = f"all {self.rows} rows" if whole else f"first {SHOWN_ROWS} rows"
        pieces = [_written(title, self.header, self.first())]
        if not whole and self.last is not None:
            pieces.append(_written(f"last {SHOWN_ROWS} rows", self.header, self.last()))
        return pieces


def _written(title: str, header: Sequence[str], rows: Rows) -> Piece:
    def written(columns: int, cell: int) -> str:
        return f"{title} as CSV:\n{_csv(header, rows, columns, cell)}"

    sizes = [(MOST_COLUMNS, cell) for cell in SHORTER_CELLS]
    sizes += [(columns, SHORTER_CELLS[-1]) for columns in FEWER_COLUMNS]
    shorter = [lambda size=size: written(*size) for size in sizes]
    return Piece(written(MOST_COLUMNS, LONGEST_CELL), Rank.SAMPLE, title, shorter=shorter)


def _csv(header: Sequence[str], rows: Rows, most_columns: int, longest_cell: int) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    shown = ends(len(header), most_columns)
    gap = len(shown) // 2 if len(shown) < len(header) else None

    def write(cells: Sequence[Any]) -> None:
        line = [shortened(cells[at], longest_cell) for at in shown]
        if gap is not None:
            line.insert(gap, _GAP)
        writer.writerow(line)

    write(header)
    for row in rows:
        write(row)
    return text.getvalue().rstrip("\n")


def _fewer_lines(lines: Sequence[str], width: int, most: int) -> Callable[[], str]:
    def write() -> str:
        shown = [lines[at] for at in ends(len(lines), most)]
        if width > len(shown):
            more = f"and {width - len(shown)} more columns in the middle"
            shown.insert((len(shown) + 1) // 2, more)
        return "columns:\n" + "\n".join(shown)

    return write


def ends(length: int, most: int) -> list[int]:
    """Return the positions of the first and the last of some things; the middle is left out."""
    if length <= most:
        return list(range(length))
    first = (most + 1) // 2
    return [*range(first), *range(length - (most - first), length)]


def shortened(value: Any, longest: int) -> str:
    """Return a cell as text; a missing value is empty."""
    # pandas' NA is no boolean, so it cannot be compared.
    if value is None or type(value).__name__ == "NAType":
        return ""
    if isinstance(value, float) and isnan(value):
        return ""
    text = str(value)
    if text == "NaT":
        return ""
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"


def sampled(rows: int) -> tuple[int, str]:
    """Return the distance between the rows of a sample, and what is said about it."""
    if rows <= STATISTIC_ROWS:
        return 1, ""
    step = -(-rows // STATISTIC_ROWS)
    return step, f" of a sample of {-(-rows // step)} rows"


def computed(compute: Callable[[], Any]) -> Any:
    """Return what a library computes; None if it cannot."""
    try:
        return compute()
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException:  # a panic in polars is not meant to end the program
        return None


def joined(name: Any) -> str:
    """Return a column's name; the levels of a hierarchical one are joined."""
    text = " / ".join(map(str, name)) if isinstance(name, tuple) else str(name)
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}..."


def counted(rows: int, width: int) -> str:
    """Return a table's size in words."""
    return f"{_plural(rows, 'row')} and {_plural(width, 'column')}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
