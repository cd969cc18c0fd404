"""Workbooks of other formats (XLS, XLSB): the values of each sheet, by python-calamine.

Formulas and comments are not read, which is said.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator, Sequence

from .grids import Cell, grid
from .markdown import one_line
from .number_formats import plain_number

__all__ = ["read"]

_NOTE = "[Formulas and comments of this format are not read; values are.]"


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a workbook, as Markdown."""
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    sheets = []
    for metadata in book.sheets_metadata:
        if metadata.typ is not SheetTypeEnum.WorkSheet:
            continue
        sheet = book.get_sheet_by_name(metadata.name)
        hidden = "" if metadata.visible is SheetVisibleEnum.Visible else " (hidden)"
        shown = grid(_cells(sheet.to_python(skip_empty_area=False)))
        if shown:
            sheets.append(f"## Sheet: {one_line(metadata.name)}{hidden}\n\n{shown}")
    return "\n\n".join([*sheets, _NOTE]) if sheets else ""


def _cells(rows: Sequence[Sequence[object]]) -> Iterator[Cell]:
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if value != "":
                yield Cell(number, column, _shown(value))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return plain_number(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)
