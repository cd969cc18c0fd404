"""Rich text: characters of every charset, tables, links, and nothing that is not shown."""

from __future__ import annotations

import pytest

from aqueduct_jupyter.gateway.documents.text import read


def rich(text: bytes, head: bytes = b"") -> str:
    return read("rtf", b"{\\rtf1\\ansi " + head + text + b"}")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\\ansicpg1251 \\'cf\\'f0\\'e8", "\u041f\u0440\u0438"),
        (b"caf\\'e9", "caf\u00e9"),
        (b"\\u1055?\\u8364 ? x", "\u041f\u20ac x"),
        (b"\\uc2\\u233\\'a8\\'a6x{\\uc0\\u234 y}", "\u00e9x\u00eay"),
        (b"\\u-10179?\\u-8704?", "\U0001f600"),
        (
            b"{\\fonttbl{\\f1\\fcharset128 M;}{\\f2\\fcharset204 C;}}"
            b"{\\f1\\'93\\'fa}{\\f2\\'ec}\\'e9",
            "\u65e5\u043c\u00e9",
        ),
        (b"a\\tab b\\line c\\~d\\_e\\-f\\emdash\\{\\\\\\}", "a\tb\nc\u00a0d\u2011ef\u2014{\\}"),
        (b"one\\par two\\\nthree", "one\n\ntwo\n\nthree"),
        (b"{\\*\\unknown gone}{\\pict 00ff}{\\v hidden}{\\info{\\title T}}left", "left"),
        (
            b'{\\field{\\*\\fldinst HYPERLINK "http://x/y"}{\\fldrslt a link}}.',
            "[a link](http://x/y).",
        ),
        (b"word{\\footnote the note} more", "word [Note: the note] more"),
    ],
)
def test_characters(data: bytes, text: str) -> None:
    assert rich(data) == text


def test_tables_keep_their_rows() -> None:
    table = (
        b"before\\par\\trowd\\cellx9\\cellx19\\pard\\intbl a\\par a2\\cell b\\cell\\row "
        b"c\\cell d\\cell\\row\\pard after\\par"
    )
    assert rich(table) == "before\n\n| a<br>a2 | b |\n| --- | --- |\n| c | d |\n\nafter"
