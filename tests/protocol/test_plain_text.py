"""Foreign text is one printable line of bounded length, escaped for its place."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aqueduct_jupyter.protocol.plain_text import (
    as_filename,
    as_html,
    as_markdown,
    in_quotes,
    plain_lines,
    plain_text,
)

ANY = st.text(st.characters(), max_size=60) | st.sampled_from(
    ["<img src=x onerror=alert(1)>", "a\r\nb", "\u202e\ud800\x1b[31m", "*_`$[x](y)!#|~", "../.."]
)


@given(ANY, st.integers(1, 50))
def test_a_text_is_one_printable_line_within_its_bound(text: str, most: int) -> None:
    shown = plain_text(text, most)
    assert shown.isprintable()
    assert len(shown) <= most
    shown.encode()


@pytest.mark.parametrize("value", [None, 5, True, ["x"], {"a": "b"}, b"x"])
def test_what_is_no_text_is_nothing(value: object) -> None:
    assert plain_text(value) == as_html(value) == as_markdown(value) == ""
    assert as_filename(value) == "untitled"


@given(ANY)
def test_markdown_shows_it_letter_for_letter(text: str) -> None:
    shown = MarkdownIt("commonmark", {"html": True}).renderInline(f"x{as_markdown(text)}x")
    assert html.unescape(shown) == f"x{plain_text(text)}x"
    assert not set("\\`*_[]<>$") & set(as_markdown(text))


@given(ANY)
def test_html_shows_it_letter_for_letter(text: str) -> None:
    assert html.unescape(as_html(text)) == plain_text(text)
    assert not set("<>\"'") & set(as_html(text))


@given(ANY)
def test_a_name_of_a_file_is_never_a_path(text: str) -> None:
    name = as_filename(text)
    assert name.isprintable()
    assert not name.startswith(".")
    assert not set('\\/:*?"<>|') & set(name)
    assert 0 < len(as_filename(name * 100).encode()) <= 200


def test_a_cut_is_shown_and_quotes_go() -> None:
    assert plain_text("x" * 300) == "x" * 199 + "\u2026"
    assert plain_text("x" * 200) == "x" * 200
    assert plain_text(" " * 10**6 + "x", 10) == "\u2026"
    assert in_quotes('it\'s "<b>"') == "its b"
    assert plain_lines("a\n\tb\x1b[31m\x9b\x00\u00fc") == "a\n\tb[31m\u00fc"
