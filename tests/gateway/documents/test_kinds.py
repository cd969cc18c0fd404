"""What kind a file is: its bytes tell first, then what is said of it."""

from __future__ import annotations

import io

import pytest

from aqueduct_jupyter.gateway.documents.kinds import Format, format_of
from aqueduct_jupyter.gateway.documents.unreadable import UnreadableError

from . import samples

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def sort(data: bytes, filename: str = "file", media_type: str = "") -> Format:
    return format_of(io.BytesIO(data), filename, media_type)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (samples.pdf("x"), "pdf"),
        (b"\xef\xbb\xbf\n" + samples.pdf("x"), "pdf"),
        (samples.docx("x"), "docx"),
        (samples.pptx("x"), "pptx"),
        (samples.xlsx(["x"]), "xlsx"),
        (COMPOUND + "Workbook".encode("utf-16-le"), "xls"),
        (COMPOUND + "__properties_version1.0".encode("utf-16-le"), "msg"),
        (samples.archive({"mimetype": b"application/epub+zip", "a": b""}), "epub"),
        (
            samples.archive({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}),
            "odf",
        ),
        (b"{\\rtf1 x}", "rtf"),
        (
            samples.archive({"mimetype": b"application/vnd.oasis.opendocument.text", "a": b""}),
            "odf",
        ),
        (b"<!DOCTYPE html><p>x", "html"),
        (b"  <HTML><body>x", "html"),
        (b"plain words", "text"),
        (b"", "text"),
    ],
)
def test_the_bytes_tell_whatever_the_name_says(data: bytes, kind: str) -> None:
    assert sort(data, "file.bin", "application/octet-stream").kind == kind


@pytest.mark.parametrize(
    ("filename", "media_type", "expected"),
    [
        ("page.html", "", Format("html")),
        ("page", "text/html; charset=ISO-8859-1", Format("html", "iso-8859-1")),
        ("work.ipynb", "application/json", Format("notebook")),
        ("work", "application/x-ipynb+json", Format("notebook")),
        ("table.csv", "", Format("text")),
        ("table", "text/csv", Format("text")),
        ("script.py", "text/x-python", Format("text")),
        ("data", "application/vnd.api+json", Format("text")),
        ("unknown", "application/octet-stream", Format("text")),
        ("notes.txt", 'text/plain; charset="KOI8-R"', Format("text", "koi8-r")),
    ],
)
def test_for_text_the_name_and_the_type_tell(
    filename: str, media_type: str, expected: Format
) -> None:
    assert sort(b"words", filename, media_type) == expected


@pytest.mark.parametrize(
    "data", [b'MAGIC = b"%PDF-"\n', b"{\\rtf1 is how it begins}", b"PK\x03\x04 words"]
)
@pytest.mark.parametrize(
    ("filename", "media_type"),
    [("w.py", "text/x-python"), ("a.md", ""), ("a.json", "application/json"), ("a", "text/csv")],
)
def test_what_is_named_text_and_is_text_may_begin_as_it_likes(
    data: bytes, filename: str, media_type: str
) -> None:
    assert sort(data, filename, media_type) == Format("text")


@pytest.mark.parametrize(
    ("data", "filename", "media_type", "kind"),
    [
        (samples.pdf("x"), "a.txt", "text/plain", "pdf"),
        (samples.docx("x"), "a.md", "text/markdown", "docx"),
        (b"{\\rtf1 x}", "a.rtf", "text/rtf", "rtf"),
        (b"{\\rtf1 x}", "a", "text/richtext", "rtf"),
        (b"%PDF-1.4 in plain ASCII", "a.pdf", "text/plain", "pdf"),
    ],
)
def test_what_is_named_text_and_is_none_is_what_its_bytes_say(
    data: bytes, filename: str, media_type: str, kind: str
) -> None:
    assert sort(data, filename, media_type).kind == kind


@pytest.mark.parametrize(
    ("filename", "media_type"),
    [
        ("a.pdf", ""),
        ("a", "application/pdf"),
        ("a.txt", "application/pdf"),
        ("a.docx", "application/octet-stream"),
        ("a", "application/vnd.oasis.opendocument.text"),
    ],
)
def test_what_is_declared_a_document_and_is_none_is_refused(filename: str, media_type: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        sort(b"only words", filename, media_type)
    assert caught.value.reason == "not_as_declared"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (samples.archive({"a.txt": b"x"}), "unsupported"),
        (samples.docx("x")[:200], "broken"),
        (COMPOUND, "old_office"),
        (COMPOUND + "WordDocument".encode("utf-16-le"), "old_office"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "encrypted",
        ),
    ],
)
def test_what_nothing_reads_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        sort(data)
    assert caught.value.reason == reason


def test_an_archive_that_lies_about_its_sizes_is_not_unpacked() -> None:
    bomb = samples.archive({"mimetype": bytes(200 * 2**20)})
    with pytest.raises(UnreadableError) as caught:
        sort(bomb)
    assert caught.value.reason == "unsupported"
