"""Mail of both kinds, and books: their heads, bodies and parts in order."""

from __future__ import annotations

import io
from email.message import EmailMessage

import pytest

from aqueduct_jupyter.gateway.documents.kinds import format_of
from aqueduct_jupyter.gateway.documents.readers.outlook_mails import unpacked
from aqueduct_jupyter.gateway.documents.text import read

from . import samples


def mail() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "caf\u00e9 \u03a9"
    message["From"] = "\u00c1da <ada@x.invalid>"
    message["To"] = "bob@x.invalid"
    message["Date"] = "Mon, 1 Jan 2024 10:00:00 +0100"
    message.set_content("\u043c\u0438\u0440", charset="koi8-r")
    message.add_alternative("<p>as a page</p>", subtype="html")
    return message


HEAD = (
    "Subject: caf\u00e9 \u03a9\nFrom: \u00c1da <ada@x.invalid>\nTo: bob@x.invalid\n"
    "Date: Mon, 01 Jan 2024 10:00:00 +0100\n\n\u043c\u0438\u0440"
)


def test_a_mail_is_its_head_its_body_and_what_is_attached() -> None:
    message = mail()
    pdf, picture = samples.pdf("pdf words"), samples.png()
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename="r.pdf")
    message.add_attachment(picture, maintype="image", subtype="png", filename="p.png")
    described = f"Attachment r.pdf (application/pdf, {len(pdf)} bytes)"
    assert read("eml", message.as_bytes()) == (
        f"{HEAD}\n\n[{described} begins]\npdf words\n[{described} ends]\n\n"
        f"[Attachment p.png (image/png, {len(picture)} bytes), not read]"
    )


def test_a_mail_in_a_mail_is_read_and_its_attachments_are_named() -> None:
    inner = mail()
    inner.add_attachment(b"secret words", maintype="text", subtype="plain", filename="s.txt")
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("see below")
    outer.add_attachment(inner)
    text = read("eml", outer.as_bytes())
    assert HEAD in text
    assert "[Attachment s.txt (text/plain, 12 bytes), not read]" in text
    assert "secret words" not in text


def test_a_mail_of_html_and_undeclared_bytes_is_read() -> None:
    raw = b"Subject: caf\xc3\xa9\r\nContent-Type: text/html; charset=cp1251\r\n\r\n<p>\xec\xe8\xf0"
    assert read("eml", raw) == "Subject: caf\u00e9\n\n\u043c\u0438\u0440"


@pytest.mark.parametrize(("name", "kind"), [("a.eml", ""), ("a", "message/rfc822")])
def test_a_mail_is_known_by_its_name_or_type(name: str, kind: str) -> None:
    assert format_of(io.BytesIO(mail().as_bytes()), name, kind).kind == "eml"


def test_compressed_rich_text_is_unpacked() -> None:
    # The example of [MS-OXRTFCP], 3.1.
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c64"
        "7d0a800fa0"
    )
    assert unpacked(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    container = (
        b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        b'<rootfile full-path="O/c.opf"/></rootfiles></container>'
    )
    items = b"".join(
        b'<item id="i%d" href="%d.xhtml" media-type="application/xhtml+xml"/>' % (place, place)
        for place in (1, 2)
    )
    package = (
        b'<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        b'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Book</dc:title></metadata>'
        b'<manifest>%b</manifest><spine><itemref idref="i2"/><itemref idref="i1"/></spine>'
        b"</package>"
    ) % items
    book = samples.archive(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": container,
            "O/c.opf": package,
            "O/1.xhtml": b"<!DOCTYPE html><html><body><p>second &nbsp; words</p></body></html>",
            "O/2.xhtml": b"<html><body><h1>first</h1></body></html>",
        }
    )
    assert format_of(io.BytesIO(book), "a", "").kind == "epub"
    assert read("epub", book) == "The Book\n\n# first\n\nsecond words"
