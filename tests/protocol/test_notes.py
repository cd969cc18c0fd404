"""Notes travel in a header of ASCII, and are plain text where they arrive."""

from __future__ import annotations

import pytest

from aqueduct_jupyter.protocol.notes import (
    MODEL_HEADER,
    MOST_BYTES,
    NOTES_HEADER,
    model_headers,
    notes_headers,
    read_model,
    read_notes,
)


def test_notes_arrive_as_they_were_written() -> None:
    notes = ["R\u00f3ma.pdf: page 2 is damaged", "\u4e2d\u6587.eml: nothing"]
    headers = notes_headers(notes)
    assert headers[NOTES_HEADER].isascii()
    assert read_notes(headers[NOTES_HEADER]) == notes


def test_without_notes_there_is_no_header() -> None:
    assert notes_headers([]) == {}
    assert read_notes(None) == []


def test_a_header_holds_what_fits() -> None:
    headers = notes_headers([f"{number} " + "\u4e2d" * 100 for number in range(100)])
    assert len(headers[NOTES_HEADER]) <= MOST_BYTES
    assert len(read_notes(headers[NOTES_HEADER])) > 3


@pytest.mark.parametrize("header", ["", "x", "{}", "[1, null]", "[" * 10_000, '"text"'])
def test_a_header_of_another_server_is_no_note(header: str) -> None:
    assert read_notes(header) == []


def test_notes_are_made_fit_to_show() -> None:
    (note,) = read_notes('["a\\u202eb\\n<c>' + "x" * 1000 + '"]')
    assert "\u202e" not in note
    assert "\n" not in note
    assert len(note) <= 400


@pytest.mark.parametrize("model", ["org/big", "R\u00f3ma", "\u4e2d\u6587"])
def test_a_model_arrives_as_it_is_called(model: str) -> None:
    headers = model_headers(model)
    assert headers[MODEL_HEADER].isascii()
    assert read_model(headers[MODEL_HEADER]) == model


def test_a_name_that_is_too_long_is_not_told() -> None:
    assert model_headers("x" * MOST_BYTES) == {}


@pytest.mark.parametrize("header", [None, "", "x", "{}", "[" * 10_000, '["a"]', "1"])
def test_a_header_of_another_server_is_no_model(header: str | None) -> None:
    assert read_model(header) is None
