"""Typed answers: found in what models really send, never in a thought, and exact."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from aqueduct_jupyter.kernel.structured import answer_type, frame_of
from aqueduct_jupyter.protocol.errors import AnswerError


class Invoice(BaseModel):
    number: int
    total: decimal.Decimal = decimal.Decimal(0)


@dataclass
class Point:
    x: float
    y: float = 0.0


class Row(TypedDict):
    city: str
    size: int


class Color(enum.Enum):
    RED = "red"


NAMES: dict[str, Any] = {
    "Invoice": Invoice,
    "Point": Point,
    "Row": Row,
    "Color": Color,
    "Literal": Literal,
    "uuid": uuid,
}
TEN = datetime.datetime(2026, 1, 31, 10, tzinfo=datetime.UTC)
ID = uuid.UUID("12345678-1234-5678-1234-567812345678")
SEVEN = Invoice(number=7)


def read(kind: str, text: str) -> Any:
    return answer_type(kind, NAMES).read(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"number": 7}',
        '  \n{"number": 7}\n',
        '<think>Is it {"number": 6}? No.</think>\n{"number": 7}',
        '<think>\nfirst\n</think><think>second {"number": 5}</think>{"number": 7}',
        'thinking without its beginning {"number": 6}</think>{"number": 7}',
        'Sure! {"number": 7}',
        'Here it is:\n\n```json\n{"number": 7}\n```\nAnything else?',
        '```\n{"number": 7}\n```',
        '~~~ json\n{"number": 7}\n~~~',
        '   ```JSON\n   {"number":\n   7}\n   ```',
        '{"number": 7} I hope {this} helps [1].',
        'The form is {"type": "object"}; the answer is {"number": 7}.',
        '{"number": 7}\n{"other": 1}',
        'Unbalanced { and [ before {"number": 7}',
    ],
)
def test_the_object_is_found(text: str) -> None:
    assert read("Invoice", text) == SEVEN


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("list[Invoice]", '[{"number": 7}]', [SEVEN]),
        ("list[Invoice]", '{"value": [{"number": 7}]}', [SEVEN]),
        ("list[Invoice]", '{"value": [{"number": 7}], "note": "x"}', [SEVEN]),
        ("list[Invoice]", 'Both: [{"number": 7}, {"number": 7}]', [SEVEN, SEVEN]),
        ("list[Invoice]", "[]", []),
        ("int", "42", 42),
        ("int", '{"value": 42}', 42),
        ("int", "<think>41?</think>42", 42),
        ("str", '"Rome"', "Rome"),
        ("bool", "true", True),
        ("int | None", "null", None),
        ("dict[str, int]", '{"value": 3}', {"value": 3}),
        ("tuple[int, str]", '[1, "a"]', (1, "a")),
        ("set[int]", "[1, 1]", {1}),
        ("Color", '"red"', Color.RED),
        ("Literal['a', 'b']", '"b"', "b"),
        ("date", '"2026-01-31"', datetime.date(2026, 1, 31)),
        (
            "datetime",
            '"2026-01-31T10:00:00Z"',
            datetime.datetime(2026, 1, 31, 10, tzinfo=datetime.UTC),
        ),
        ("timedelta", '"PT1H"', datetime.timedelta(hours=1)),
        (
            "uuid.UUID",
            '"12345678-1234-5678-1234-567812345678"',
            uuid.UUID(int=0x12345678123456781234567812345678),
        ),
        ("Point", '{"x": 1.5}', Point(1.5)),
        ("Row", '{"city": "Rome", "size": 2}', {"city": "Rome", "size": 2}),
        ("bytes", '"x"', b"x"),
        ("Literal['red', 'blue']", "red", "red"),
        ("Literal['red', 'blue']", "**blue**.", "blue"),
        ("Color", "`red`", Color.RED),
        ("date", "2026-01-31", datetime.date(2026, 1, 31)),
        ("int", "**42**", 42),
        ("str", "Rome", "Rome"),
    ],
)
def test_types_are_as_python_has_them(kind: str, text: str, value: Any) -> None:
    found = read(kind, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", ["12345678901234567.89", '"12345678901234567.89"', "0.1", "1e-30", "100"]
)
def test_a_decimal_is_exact(text: str) -> None:
    expected = decimal.Decimal(text.strip('"'))
    for kind in ("Decimal", "list[Decimal]", "Invoice"):
        if kind == "Invoice":
            found = read(kind, f'{{"number": 1, "total": {text}}}').total
        elif kind == "Decimal":
            found = read(kind, text)
        else:
            (found,) = read(kind, f'{{"value": [{text}]}}')
        assert found == expected
        assert isinstance(found, decimal.Decimal)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("I do not know.", "nor is any part of it"),
        ("seven", "nor is any part of it"),
        ("", "nor is any part of it"),
        ('<think>{"number": 7}', "nor is any part of it"),
        ('<think>{"number": 7}</think>', "nor is any part of it"),
        ('{"number": "x"}', "number: Input should be a valid integer"),
        ('Sure: {"number": "x"} or {"a": 1}', "number: Input should be a valid integer"),
        ("{" * 100_000, "nor is any part of it"),
        ("[" * 100_000, "nor is any part of it"),
        ("```\n" * 20_000, "nor is any part of it"),
    ],
)
def test_what_does_not_fit_is_said(text: str, why: str) -> None:
    with pytest.raises(AnswerError, match=why):
        read("Invoice", text)


@pytest.mark.parametrize("kind", ["list[Row]", "list[Point]", "list[Invoice]"])
def test_an_empty_list_has_its_columns(kind: str) -> None:
    wanted = answer_type(kind, NAMES)
    columns = {"list[Row]": ["city", "size"], "list[Point]": ["x", "y"]}
    expected = columns.get(kind, ["number", "total"])
    assert list(frame_of([], wanted.columns()).columns) == expected


def test_other_types_have_no_columns() -> None:
    for kind in ("int", "Row", "list[int]", "dict[str, int]"):
        assert answer_type(kind, NAMES).columns() == []
