"""The cells of one sheet of a workbook, read one after the other.

Source: ECMA-376 part 1, 18.3.1 (worksheets) and 18.3.1.40 (formulas).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.parsers import expat

from ..unreadable import UnreadableError
from .grids import Cell, cell_name, column_name
from .number_formats import plain_number, shown

__all__ = ["Book", "SheetRows", "place_of"]

LONGEST_MOVED = 500
"""Characters of a formula that is written out for each of the cells that share it."""

_PIECE = 2**16
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_RELATIVE = re.compile(r'("[^"]*"|\'[^\']*\')|(\$?)\b([A-Z]{1,3})(\$?)([0-9]{1,7})\b(?![(!.])')
_MAIN = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
_TEXTS = ("v", "f", "t")


def place_of(name: str) -> tuple[int, int] | None:
    """Return a cell's row and column from 0; None if it is no cell's name."""
    match = _PLACE.fullmatch(name)
    if not match:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2]) - 1, column - 1


class Book:
    """What the sheets of a workbook share.

    Args:
        strings: the shared strings.
        formats: the code of each cell style's number format.
        is_1904: whether dates are counted from 1904.
    """

    def __init__(self, strings: Sequence[str], formats: Sequence[str], *, is_1904: bool) -> None:
        self._strings = strings
        self._formats = formats
        self._is_1904 = is_1904

    def shown(self, kind: str, value: str, style: str) -> str:
        """Return a cell's value as it is shown."""
        if kind == "s":
            place = int(value) if value.isdecimal() else -1
            return self._strings[place] if 0 <= place < len(self._strings) else ""
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind in ("str", "inlineStr", "e", "d") or not value:
            return value
        number = float(value)
        style_number = int(style) if style.isdecimal() else -1
        code = self._formats[style_number] if 0 <= style_number < len(self._formats) else ""
        if not code or code.lower() == "general":
            return plain_number(number)
        return shown(number, code, is_1904=self._is_1904)


class SheetRows:
    """Reads one sheet.

    Args:
        data: the sheet's XML.
        book: what its workbook has for all sheets.

    Attributes:
        merged: ranges of merged cells, once all cells have been read.
        hidden: hidden rows and columns, likewise.
    """

    def __init__(self, data: bytes, book: Book) -> None:
        self.merged: list[str] = []
        self.hidden: list[str] = []
        self._data = data
        self._book = book
        self._shared: dict[str, tuple[str, int, int]] = {}
        self._cells: list[Cell] = []
        self._row = self._column = -1
        self._cell: dict[str, str] = {}
        self._formula: dict[str, str] = {}
        self._parts: dict[str, list[str]] = {}
        self._open = ""
        self._silent = 0

    def cells(self) -> Iterator[Cell]:
        """Yield the cells with content."""
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse
        for start in range(0, len(self._data), _PIECE):
            parser.Parse(self._data[start : start + _PIECE], False)
            yield from self._cells
            self._cells.clear()
        parser.Parse(b"", True)
        yield from self._cells

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        space, _, name = tag.rpartition("}")
        if space not in _MAIN:
            return
        if name == "c":
            place = place_of(attributes.get("r", ""))
            self._row, self._column = place or (self._row, self._column + 1)
            self._cell, self._formula, self._parts = attributes, {}, {}
        elif name == "row":
            number = attributes.get("r", "")
            self._row = int(number) - 1 if number.isdecimal() else self._row + 1
            self._column = -1
            if attributes.get("hidden") in ("1", "true"):
                self.hidden.append(f"row {self._row + 1}")
        elif name in _TEXTS:
            self._open = name
            if name == "f":
                self._formula = attributes
                self._parts.setdefault("f", [])
        elif name == "rPh":
            self._silent += 1
        elif name == "mergeCell":
            self.merged.append(attributes.get("ref", ""))
        elif name == "col" and attributes.get("hidden") in ("1", "true"):
            self.hidden.append(_columns(attributes))

    def _end(self, tag: str) -> None:
        name = tag.rpartition("}")[2]
        if name == "c":
            self._finish()
        elif name == "rPh":
            self._silent -= 1
        elif name in _TEXTS:
            self._open = ""

    def _text(self, text: str) -> None:
        if self._open and not self._silent:
            self._parts.setdefault(self._open, []).append(text)

    def _finish(self) -> None:
        kind = self._cell.get("t", "n")
        value = "".join(self._parts.get("t" if kind == "inlineStr" else "v", ()))
        formula = self._formula_text() if "f" in self._parts else ""
        if value or formula:
            text = self._book.shown(kind, value, self._cell.get("s", "0"))
            self._cells.append(Cell(self._row, self._column, text, formula))
        self._parts = {}

    def _formula_text(self) -> str:
        text = "".join(self._parts["f"])
        if self._formula.get("t") != "shared":
            return text
        id_ = self._formula.get("si", "")
        if text:
            self._shared[id_] = (text, self._row, self._column)
            return text
        if id_ not in self._shared:
            return "a formula that is missing"
        first, row, column = self._shared[id_]
        if len(first) > LONGEST_MOVED:
            return f"like {cell_name(row, column)}"
        return moved(first, self._row - row, self._column - column)


def moved(formula: str, rows: int, columns: int) -> str:
    """Return a formula as it is for another cell: its relative references move with it."""

    def move(match: re.Match[str]) -> str:
        quoted, fixed_column, letters, fixed_row, number = match.groups()
        place = None if quoted else place_of(f"{letters}{number}")
        if place is None:
            return match[0]
        row = place[0] if fixed_row else place[0] + rows
        column = place[1] if fixed_column else place[1] + columns
        return f"{fixed_column}{column_name(max(column, 0))}{fixed_row}{max(row, 0) + 1}"

    return _RELATIVE.sub(move, formula)


def _columns(attributes: dict[str, str]) -> str:
    names = [column_name(int(attributes.get(end, "1")) - 1) for end in ("min", "max")]
    return f"column {names[0]}" if names[0] == names[1] else f"columns {names[0]} to {names[1]}"


def _refuse(*_: object) -> None:
    raise UnreadableError("broken")
