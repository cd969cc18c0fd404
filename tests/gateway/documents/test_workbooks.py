"""Workbooks: values as their cells show them, formulas, comments, and what is hidden."""

from __future__ import annotations

import datetime
import io
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment

from aqueduct_jupyter.gateway.documents.readers.number_formats import shown
from aqueduct_jupyter.gateway.documents.readers.sheet_rows import moved
from aqueduct_jupyter.gateway.documents.text import read

from . import samples


def written(book: Any) -> str:
    file = io.BytesIO()
    book.save(file)
    return read("xlsx", file.getvalue())


def test_values_are_as_shown() -> None:
    book = Workbook()
    sheet = book.active
    sheet.title = "Data"
    sheet.append(["day", "time", "duration", "share", "error", "sum", "yes", "R&D|x"])
    sheet.append(
        [
            datetime.date(2024, 2, 29),
            datetime.time(13, 5),
            datetime.timedelta(hours=30, minutes=5),
            0.125,
            "#DIV/0!",
            0.1 + 0.2,
            True,
            "a\nb",
        ]
    )
    sheet["D2"].number_format = "0.0%"
    assert written(book) == (
        "## Sheet: Data\n\n| day | time | duration | share | error | sum | yes | R&D\\|x |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| 2024-02-29 | 13:05:00 | 30:05:00 | 12.5% | #DIV/0! | 0.3 | TRUE | a<br>b |"
    )


def test_formulas_comments_merged_cells_and_hidden_sheets() -> None:
    book = Workbook()
    sheet = book.active
    sheet["A1"], sheet["B1"] = 2, "=A1*2"
    sheet["A1"].comment = Comment("check", "Ada")
    sheet.merge_cells("A3:B3")
    sheet["A3"] = "both"
    sheet.row_dimensions[3].hidden = True
    secret = book.create_sheet("Secret")
    secret.sheet_state = "hidden"
    secret["A1"] = "x"
    assert written(book) == (
        "## Sheet: Sheet\n\n|  | A | B |\n| --- | --- | --- |\n"
        "| 1 | 2 | (no stored value) (=A1*2) |\n"
        "| 3 | both |  |\n\n[Comment on A1: Ada: check]\n\n[Merged cells: A3:B3]\n\n[Hidden: row 3]"
        "\n\n## Sheet: Secret (hidden)\n\n| x |\n| --- |"
    )


def test_a_stored_value_stands_beside_its_formula() -> None:
    book = samples.xlsx(["x"])
    cell = b'<c r="B1" t="n"><f>SUM(A1:A9)</f><v>42</v></c>'
    with_formula = samples.rewritten(
        book, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"</row>", cell + b"</row>", 1)
    )
    assert "42 (=SUM(A1:A9))" in read("xlsx", with_formula)


def test_a_chart_without_numbers_says_so() -> None:
    book = Workbook()
    book.active.append([1, 2])
    chart = BarChart()
    chart.add_data(Reference(book.active, min_col=1, min_row=1, max_row=1))
    book.active.add_chart(chart, "D4")
    assert "[Chart] (its numbers are not stored in it)" in written(book)


def test_a_sheet_that_is_mostly_empty_is_a_list() -> None:
    book = Workbook()
    for place in range(1, 60):
        book.active.cell(place * 17, place * 23, place)
    assert "## Sheet: Sheet\n\nW17: 1\nAT34: 2\n" in written(book)


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (0.125, "0%", "12%"),
        (1234.5, "#,##0.00", "1,234.50"),
        (-1234.5, '#,##0.00 "€";(#,##0.00 "€")', "(1,234.50 €)"),
        (1234.5, "[$€-407] #,##0", "€ 1,234"),
        (5, "00000", "00005"),
        (489290024005183000, "0", "489290024005183000"),
        (2.675, "0.00", "2.68"),
        (0.5, "0.0##", "0.5"),
        (1234567, "0.0,,", "1.2"),
        (12345, "0.00E+00", "1.23E+04"),
        (45351, "dd/mm/yyyy", "29/02/2024"),
        (45351.75, "yyyy-mm-dd hh:mm", "2024-02-29 18:00"),
        (45351.75, "d mmm yy h:mm AM/PM", "29 Feb 24 6:00 PM"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (0.5 / 86400, "mm:ss.0", "00:00.5"),
        (59, "yyyy-mm-dd", "1900-02-28"),
        (0.5, "# ?/?", "0.5"),
        (7, "General", "7"),
        (7, '"[x]"@', "[x]7"),
    ],
)
def test_a_number_is_shown_in_its_format(value: float, code: str, text: str) -> None:
    assert shown(value, code) == text


def test_a_shared_formula_moves_with_its_cell() -> None:
    assert moved('A1+$B$2+C$3&"A1"+LOG10(D4)', 2, 1) == 'B3+$B$2+D$3&"A1"+LOG10(E6)'
