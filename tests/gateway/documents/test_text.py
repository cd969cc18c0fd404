"""What is read of each format: the words a person would see, all of them, in their order."""

from __future__ import annotations

import json

import pytest

from aqueduct_jupyter.gateway.documents.readers.notebooks import MAX_OUTPUT_CHARACTERS
from aqueduct_jupyter.gateway.documents.text import (
    MAX_TEXT_BYTES,
    Kind,
    UnreadableError,
    read,
)

from . import samples

HARD = "R&D <5 > 3> \"q\" 'a' caf\u00e9 \u4e2d\u6587 * _ # `x` \\ 100 %"


def test_a_pdf_is_its_words() -> None:
    assert read("pdf", samples.pdf("Total: 42 EUR (net)", "a < b > c")).splitlines() == [
        "Total: 42 EUR (net)",
        "a < b > c",
    ]


def test_a_word_document_keeps_every_character() -> None:
    text = read("docx", samples.docx("First", HARD, "Last"))
    assert text.strip().split("\n\n") == ["First", HARD, "Last"]


def test_slides_and_sheets_keep_their_words() -> None:
    assert "Ready & set" in read("pptx", samples.pptx("Title", "Ready & set"))
    sheet = read("xlsx", samples.xlsx(["name", "sum"], ["R&D", "42"]))
    assert "Results" in sheet
    assert "| R&D | 42" in sheet


def test_a_page_is_its_title_and_its_words_without_scripts() -> None:
    page = (
        b"<html><head><title>News &amp; more</title><style>p {}</style></head>"
        b"<body><h1>Big</h1><script>alert(1)</script><p>Caf\xc3\xa9 &lt;b&gt;</p></body></html>"
    )
    text = read("html", page)
    assert text.startswith("News & more\n\n")
    assert "# Big" in text
    assert "Caf\u00e9 <b>" in text
    assert "alert" not in text
    assert "{}" not in text


def test_a_notebook_is_its_cells_and_outputs_without_pictures() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        {
            "cell_type": "code",
            "source": "print(1)",
            "outputs": [
                {"output_type": "stream", "text": ["1\n"]},
                {"output_type": "error", "ename": "ValueError", "evalue": "\x1b[31mbad\x1b[0m"},
                {"output_type": "display_data", "data": {"image/png": "iVBOR"}},
                {
                    "output_type": "execute_result",
                    "data": {"text/html": "<b>2</b>", "text/plain": ["2"]},
                },
                {"output_type": "stream", "text": "x" * (MAX_OUTPUT_CHARACTERS + 5)},
            ],
        },
        {"cell_type": "code", "source": "", "outputs": []},
        {"cell_type": "markdown", "source": "![p](data:image/png;base64,iVBORw0KGgo=)"},
    ]
    text = read("notebook", samples.notebook(cells))
    long = "x" * MAX_OUTPUT_CHARACTERS
    assert text == (
        "# Title\nwords\n\n```python\nprint(1)\n```\nOutput:\n```\n1\n```\n"
        "Output:\n```\nValueError: bad\n```\nOutput:\n[Picture: image/png]\n"
        "Output:\n```\n2\n```\n"
        f"Output:\n```\n{long}\n[5 more characters]\n```\n\n![p](data:)"
    )


def test_a_fence_in_a_cell_cannot_end_its_own() -> None:
    cells = [{"cell_type": "code", "source": 'x = "```"', "outputs": []}]
    assert read("notebook", samples.notebook(cells)) == '````python\nx = "```"\n````'


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        ("caf\u00e9".encode(), None, "caf\u00e9"),
        ("\ufeffcaf\u00e9".encode(), None, "caf\u00e9"),
        ("caf\u00e9".encode("utf-16"), None, "caf\u00e9"),
        ("caf\u00e9".encode("utf-32"), None, "caf\u00e9"),
        (b"caf\xe9", "cp1252", "caf\u00e9"),
        ("\u043c\u0438\u0440".encode("koi8-r"), "koi8-r", "\u043c\u0438\u0440"),
        (b"caf\xe9", "rot13", "caf\u00e9"),
        (b"caf\xe9", "no-such", "caf\u00e9"),
        (b"caf\xe9 \x81 \xff", "windows-1252", "caf\u00e9 \ufffd \u00ff"),
        (b"caf\xe9", None, "caf\u00e9"),
        ("\u4e2d\u6587".encode("gb18030"), "gb2312", "\u4e2d\u6587"),
        ("caf\u00e9".encode("utf-16-le"), "utf-16le", "caf\u00e9"),
        ("caf\u00e9 and more".encode("utf-16-be"), None, "caf\u00e9 and more"),
        ("\u65e5\u672c".encode("shift_jis"), "Shift_JIS", "\u65e5\u672c"),
        ("\u65e5\u672c".encode("euc-jp"), "euc-jp", "\u65e5\u672c"),
        ("\u65e5\u672c".encode("iso-2022-jp"), "iso-2022-jp", "\u65e5\u672c"),
        ("\u2460".encode("cp932"), "shift_jis", "\u2460"),
        (b"\x93words\x94", "iso-8859-1", "\u201cwords\u201d"),
        ("caf\u00e9 \u4e2d".encode(), "us-ascii", "caf\u00e9 \u4e2d"),
        (("\u4e2d" * 20).encode()[:-1], None, "\u4e2d" * 19 + "\ufffd"),
        (
            "\u4e2d\u6587\u6587\u672c\u6d4b\u8bd5".encode("gb18030"),
            None,
            "\u4e2d\u6587\u6587\u672c\u6d4b\u8bd5",
        ),
    ],
)
def test_text_is_decoded(data: bytes, charset: str | None, text: str) -> None:
    assert read("text", data, charset) == text


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("text", b"", "empty"),
        ("text", b" \n\t", "empty"),
        ("text", b"\xff\xfe\x00\xd8", "unsupported"),
        ("text", b"\x7fELF\x00\x01", "unsupported"),
        ("text", b"\xd6\xd0", "charset"),
        ("text", b"5 \xb5m \xd7 3", "charset"),
        ("text", b"x" * (MAX_TEXT_BYTES + 1), "long"),
        ("notebook", b"{}", "broken"),
        ("notebook", b"not json", "broken"),
        ("notebook", b"[" * 100_000, "broken"),
        ("notebook", json.dumps({"cells": 3}).encode(), "broken"),
        ("pdf", samples.scanned_pdf(), "empty"),
        ("pdf", samples.pdf(), "empty"),
        ("pdf", samples.encrypted_pdf("x"), "encrypted"),
        ("pdf", samples.truncated_pdf(), "broken"),
        ("pdf", b"%PDF-1.7 and nothing else", "broken"),
        ("docx", samples.archive({"word/document.xml": b"<w:"}), "broken"),
        ("xlsx", b"PK\x03\x04", "broken"),
        ("html", b"<html><head><title>Only a title</title></head></html>", "empty"),
    ],
)
def test_what_gives_no_text_says_why(kind: Kind, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read(kind, data)
    assert caught.value.reason == reason


def test_a_traceback_is_whole_and_its_end_is_kept_when_it_is_long() -> None:
    def shown(lines: list[str]) -> str:
        error = {"output_type": "error", "ename": "E", "evalue": "bad", "traceback": lines}
        cell = {"cell_type": "code", "source": "f()", "outputs": [error]}
        return read("notebook", samples.notebook([cell]))

    text = shown(["\x1b[31mTraceback\x1b[0m", "  line 1, in f", "E: bad"])
    assert "```\nTraceback\n  line 1, in f\nE: bad\n```" in text
    long = shown(["first", *["x" * 100] * 100, "E: bad"])
    assert "first" in long
    assert "E: bad\n```" in long
    assert "characters left out]" in long
    assert len(long) < MAX_OUTPUT_CHARACTERS + 200


@pytest.mark.parametrize("version", [2, 3])
def test_notebooks_of_earlier_formats_are_read(version: int) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Head"]},
        {
            "cell_type": "code",
            "language": "python",
            "input": ["1 + 1"],
            "outputs": [
                {"output_type": "pyout", "text": ["2"], "png": "iVBOR"},
                {"output_type": "pyerr", "ename": "E", "evalue": "bad", "traceback": ["E: bad"]},
            ],
        },
    ]
    data = json.dumps({"nbformat": version, "worksheets": [{"cells": cells}]}).encode()
    assert read("notebook", data) == (
        "## Head\n\n```python\n1 + 1\n```\nOutput:\n```\n2\n```\nOutput:\n```\nE: bad\n```"
    )


def test_attachments_of_a_cell_are_said() -> None:
    cell = {"cell_type": "markdown", "source": "see", "attachments": {"a.png": {"image/png": "x"}}}
    assert read("notebook", samples.notebook([cell])) == "see\n[Attachment: a.png]"
