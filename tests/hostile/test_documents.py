"""Documents made to harm: bombs of every format, lies in archives, and whatever was cut off.

Each is refused with a sentence or read for what it says; the reader serves the next one.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_core.utils import ensure_event_loop

from aqueduct_jupyter.gateway.documents.reader import DocumentReader
from aqueduct_jupyter.gateway.documents.text import MAX_TEXT_BYTES
from aqueduct_jupyter.protocol.errors import DocumentError

from ..gateway.documents import samples

MEMORY, SECONDS = 2**26, 20.0
MEGABYTE = 2**20
BOMB_BYTES = 100 * MEGABYTE
ODT = b"application/vnd.oasis.opendocument.text"
SECRET = b"secret words of the server"


def odt(content: bytes) -> bytes:
    """An OpenDocument text with this content.xml."""
    return samples.archive({"mimetype": ODT, "content.xml": content})


def odt_words(words: bytes, before: bytes = b"") -> bytes:
    names = b'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    text = b'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    return odt(
        b'<?xml version="1.0"?>%b<office:document-content %b %b><office:body><office:text>'
        b"<text:p>%b</text:p></office:text></office:body></office:document-content>"
        % (before, names, text, words)
    )


def with_entities(document: bytes, name: str, entities: bytes) -> bytes:
    """A document whose XML defines entities and says the last, instead of "words"."""

    def change(xml: bytes) -> bytes:
        head, _, rest = xml.partition(b"?>")
        return head + b"?><!DOCTYPE x [" + entities + b"]>" + rest.replace(b"words", b"&z;")

    return samples.rewritten(document, name, change)


LAUGHS = b'<!ENTITY a0 "ha">' + b"".join(
    b'<!ENTITY a%d "%b">' % (level, (b"&a%d;" % (level - 1)) * 10) for level in range(1, 12)
)
LAUGHS += b'<!ENTITY z "&a11;">'
QUADRATIC = b'<!ENTITY a "%b"><!ENTITY z "%b">' % (b"x" * 50_000, b"&a;" * 50_000)
PARTS = {
    "docx": (samples.docx("words"), "word/document.xml"),
    "pptx": (samples.pptx("words"), "ppt/slides/slide1.xml"),
    "xlsx": (samples.xlsx(["words"]), "xl/worksheets/sheet1.xml"),
    "odt": (odt_words(b"words"), "content.xml"),
}


def external(path: Path) -> bytes:
    return b'<!ENTITY z SYSTEM "%b">' % path.as_uri().encode()


def deep(tag: bytes) -> Callable[[bytes], bytes]:
    return lambda xml: xml.replace(b"words", b"<%b>" % tag * 200_000 + b"</%b>" % tag * 200_000)


def pdf_with(content: bytes, dictionary: bytes = b"") -> bytes:
    """A PDF of one page with this stream as its content."""
    objects = samples._pdf_objects(b"")
    objects[3] = b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), dictionary, content)
    return samples._pdf_file(objects)


def pdf_bomb(filters: int) -> bytes:
    data = b" " * BOMB_BYTES
    for _ in range(filters):
        data = zlib.compress(data, 9)
    return pdf_with(data, b"/Filter [%b]" % (b"/FlateDecode " * filters))


def pdf_of_pages(number: int) -> bytes:
    """A PDF that names its one page again and again."""
    objects = samples._pdf_objects(samples._text_stream(["words"]))
    objects[1] = b"<< /Type /Pages /Kids [%b] /Count %d >>" % (b"3 0 R " * number, number)
    return samples._pdf_file(objects)


def pdf_loop() -> bytes:
    """A PDF whose tree of pages contains itself."""
    objects = samples._pdf_objects(samples._text_stream(["words"]))
    objects[1] = b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 2 /Parent 2 0 R >>"
    return samples._pdf_file(objects)


def archive_of(number: int) -> bytes:
    """A document with so many parts that are not its own."""
    out = io.BytesIO(samples.docx("words"))
    with zipfile.ZipFile(out, "a") as archive:
        for part in range(number):
            archive.writestr(f"word/x{part}.xml", b"")
    return out.getvalue()


def lying(document: bytes) -> bytes:
    """An archive whose directory says that its parts are small, or end before they begin."""
    data = bytearray(document)
    place = data.find(b"PK\1\2")
    while place >= 0:
        struct.pack_into("<II", data, place + 20, 1, 2**31)
        place = data.find(b"PK\1\2", place + 4)
    return bytes(data)


def bomb(kind: str) -> bytes:
    document, part = PARTS[kind]
    return samples.rewritten(document, part, lambda xml: xml.replace(b"words", b"x" * BOMB_BYTES))


def wide(xml: bytes) -> bytes:
    """A sheet whose few cells stand as far apart as can be."""
    cells = b"".join(
        b'<row r="%d"><c r="XFD%d"><v>1</v></c><c r="A%d"><v>2</v></c></row>' % ((row,) * 3)
        for row in range(1, 1_048_576, 20)
    )
    return xml.replace(b"</sheetData>", cells + b"</sheetData>")


def shared(xml: bytes) -> bytes:
    """A sheet with one long formula that a hundred thousand cells share."""
    cells = b'<row r="2"><c r="A2"><f t="shared" si="0">%b</f></c>' % (b"+B2" * 2_000)
    cells += b'<c r="A3"><f t="shared" si="0"/></c>' * 100_000
    return xml.replace(b"</sheetData>", cells + b"</row></sheetData>")


def odt_rows(cell: bytes, row: bytes = b"") -> bytes:
    """A sheet of one cell that claims to be there often."""
    table = (
        b'<table:table xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0">'
        b"<table:table-row %b><table:table-cell %b><text:p>x</text:p></table:table-cell>"
        b"</table:table-row></table:table>" % (row, cell)
    )
    whole = odt_words(b"words")
    return samples.rewritten(
        whole, "content.xml", lambda xml: xml.replace(b"</text:p>", b"</text:p>" + table)
    )


def word_styles() -> bytes:
    """A document whose styles are based on one another in a circle."""
    space = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles"
    with_style = samples.rewritten(
        samples.docx("words"),
        "word/document.xml",
        lambda xml: xml.replace(b"<w:p>", b'<w:p><w:pPr><w:pStyle w:val="a"/></w:pPr>'),
    )
    with zipfile.ZipFile(io.BytesIO(with_style)) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    styles = b"".join(
        b'<w:style w:styleId="%b"><w:basedOn w:val="%b"/></w:style>' % pair
        for pair in ((b"a", b"b"), (b"b", b"a"))
    )
    relationships = b"http://schemas.openxmlformats.org/package/2006/relationships"
    parts["word/styles.xml"] = b'<w:styles xmlns:w="%b">%b</w:styles>' % (space, styles)
    parts["word/_rels/document.xml.rels"] = (
        b'<Relationships xmlns="%b"><Relationship Id="s" Type="%b" Target="styles.xml"/>'
        b"</Relationships>" % (relationships, kind)
    )
    return samples.archive(parts)


def mail_in_mails(depth: int) -> bytes:
    mail = b"Subject: words\n\nwords"
    for _ in range(depth):
        mail = b"Subject: outer\nContent-Type: message/rfc822\n\n" + mail
    return mail


HARMFUL: dict[str, Callable[[], bytes]] = {
    **{f"{kind} bomb": lambda kind=kind: bomb(kind) for kind in ("pptx", "xlsx", "odt")},
    **{f"{kind} entities": lambda kind=kind: with_entities(*PARTS[kind], LAUGHS) for kind in PARTS},
    "quadratic entities": lambda: with_entities(*PARTS["docx"], QUADRATIC),
    "quadratic entities, odt": lambda: with_entities(*PARTS["odt"], QUADRATIC),
    "deep docx": lambda: samples.rewritten(*PARTS["docx"], deep(b"w:r")),
    "deep odt": lambda: samples.rewritten(*PARTS["odt"], deep(b"text:span")),
    "deep rtf table": lambda: b"{\\rtf1 " + b"\\intbl a\\cell " * 100_000 + b"\\row}",
    "rtf of unicode": lambda: b"{\\rtf1 " + b"\\u1234?" * (MEGABYTE // 4) + b"}",
    "deep pptx": lambda: samples.rewritten(*PARTS["pptx"], deep(b"p:grpSp")),
    "deep xlsx": lambda: samples.rewritten(*PARTS["xlsx"], deep(b"is")),
    "wide xlsx": lambda: samples.rewritten(*PARTS["xlsx"], wide),
    "shared formulas": lambda: samples.rewritten(*PARTS["xlsx"], shared),
    "repeated cells": lambda: odt_rows(b'table:number-columns-repeated="99999999"'),
    "repeated rows": lambda: odt_rows(b"", b'table:number-rows-repeated="99999999"'),
    "many spaces": lambda: odt_words(b'<text:s text:c="99999999"/>' * 50_000),
    "styles in a circle": lambda: word_styles(),
    "mail in mails": lambda: mail_in_mails(200),
    "mail of many parts": lambda: (
        b"Content-Type: multipart/mixed; boundary=a\n" + b"\n--a\n\nx" * 20_000
    ),
    "line of signs": lambda: samples.pdf("%" * 50_000),
    "charset of nothing": lambda: b"\xff\xfe\xfd words" * MEGABYTE,
    "deep html": lambda: b"<html>" + b"<div>" * 500_000 + b"words",
    "deep rtf": lambda: b"{\\rtf1 " + b"{" * 500_000 + b"words",
    "many parts": lambda: archive_of(5_000),
    "archive that lies": lambda: lying(samples.docx("words")),
    "pdf bomb": lambda: pdf_bomb(1),
    "pdf bomb, twice": lambda: pdf_bomb(2),
    "pdf of 100,000 pages": lambda: pdf_of_pages(100_000),
    "pdf in a loop": pdf_loop,
    "pdf of open brackets": lambda: pdf_with(b"[" * MEGABYTE),
    "pdf of a long word": lambda: pdf_with(b"BT (" + b"(" * MEGABYTE),
    "notebook, deep": lambda: b'{"cells": ' + b"[" * 500_000,
    "csv of one line": lambda: b"," * (15 * MEGABYTE),
}
SLOW = ("pdf of 100,000 pages",)
NAMES = {
    "mail in mails": "a.eml",
    "mail of many parts": "a.eml",
    "charset of nothing": "a.txt",
    "notebook, deep": "a.ipynb",
    "csv of one line": "a.csv",
    "deep html": "a.html",
}


@pytest.fixture(scope="module")
def jp_asyncio_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One loop, because one reader reads all documents."""
    loop = ensure_event_loop(prefer_selector_loop=True)
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def documents(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[DocumentReader]:
    reader = DocumentReader(workers=1, timeout=SECONDS, memory_limit=MEMORY)
    yield reader
    jp_asyncio_loop.run_until_complete(reader.close())


async def read(reader: DocumentReader, data: bytes, filename: str = "a") -> str:
    """Read a document; one that is refused by its name gives nothing."""
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        return await reader.read(data, filename=filename, media_type="", sha256=sha256)
    except DocumentError as error:
        refusal = error
    assert refusal.status == 400
    assert f"'{filename}'" in refusal.message
    return ""


async def check_that_the_next_is_read(reader: DocumentReader) -> None:
    assert "next words" in await read(reader, samples.pdf("next words"))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in HARMFUL]
)
async def test_a_document_made_to_harm_harms_nobody(documents: DocumentReader, name: str) -> None:
    text = await read(documents, HARMFUL[name](), NAMES.get(name, "a"))
    assert len(text) <= MAX_TEXT_BYTES
    assert "haha" not in text
    await check_that_the_next_is_read(documents)


@pytest.mark.parametrize("kind", PARTS)
async def test_the_same_document_without_harm_is_read(documents: DocumentReader, kind: str) -> None:
    document, part = PARTS[kind]
    assert "words" in await read(documents, document)
    assert "words" in await read(documents, samples.rewritten(document, part, lambda xml: xml))


@pytest.mark.parametrize("kind", PARTS)
async def test_no_file_of_the_server_gets_into_a_document(
    documents: DocumentReader, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    document = with_entities(*PARTS[kind], external(tmp_path / "secret"))
    assert SECRET.decode() not in await read(documents, document)
    await check_that_the_next_is_read(documents)


@pytest.mark.parametrize("kind", [*PARTS, "pdf", "encrypted"])
async def test_a_document_that_was_cut_off_is_refused_or_read(
    documents: DocumentReader, kind: str
) -> None:
    whole = {"pdf": samples.pdf("words"), "encrypted": samples.encrypted_pdf("words")}
    data = whole.get(kind) or PARTS[kind][0]
    for part in range(1, 8):
        assert "words" not in await read(documents, data[: len(data) * part // 8])
    await check_that_the_next_is_read(documents)
