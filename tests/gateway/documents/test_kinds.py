"""What kind a file is: its bytes tell first, then what is said of it."""

from __future__ import annotations

import io

import pytest

from aqueduct_jupyter.gateway.documents.kinds import Format, format_of
from aqueduct_jupyter.gateway.documents.text import UnreadableError

from . import samples


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
        (b"{\\rtf1 x}", "rtf"),
        (
            samples.archive({"mimetype": b"application/vnd.oasis.opendocument.text", "a": b""}),
            "odt",
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
        ("table.csv", "", Format("text", "cp1252")),
        ("table", "text/csv", Format("text", "cp1252")),
        ("script.py", "text/x-python", Format("text", "cp1252")),
        ("data", "application/vnd.api+json", Format("text", "cp1252")),
        ("unknown", "application/octet-stream", Format("text")),
        ("notes.txt", 'text/plain; charset="KOI8-R"', Format("text", "koi8-r")),
    ],
)
def test_for_text_the_name_and_the_type_tell(
    filename: str, media_type: str, expected: Format
) -> None:
    assert sort(b"words", filename, media_type) == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (samples.archive({"a.txt": b"x"}), "unsupported"),
        (samples.docx("x")[:200], "broken"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_office"),
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
