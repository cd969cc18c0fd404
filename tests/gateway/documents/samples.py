"""The documents that the tests read: real files, made in code to keep no binaries.

What the gateway makes of them is left to the tests. Each builder gives the whole file as bytes.

Sources: ISO 32000-1 (PDF; 7.6.3 for its encryption), ECMA-376 (DOCX, PPTX, XLSX).
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape

_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
_FILE_ID = b"0123456789abcdef"


def pdf(*lines: str) -> bytes:
    """A PDF of one page with these lines of text; with none, the page is blank."""
    return _pdf_file(_pdf_objects(_text_stream(lines)))


def scanned_pdf() -> bytes:
    """A PDF whose one page is a picture of noise, as a scanner makes it."""
    pixels = bytes(value * 37 % 256 for value in range(64 * 64))
    image = (
        b"<< /Type /XObject /Subtype /Image /Width 64 /Height 64 /ColorSpace /DeviceGray "
        b"/BitsPerComponent 8 /Length %d >>\nstream\n%b\nendstream" % (len(pixels), pixels)
    )
    objects = _pdf_objects(b"q 500 0 0 700 50 50 cm /Im1 Do Q")
    objects[2] = objects[2].replace(b"/Font", b"/XObject << /Im1 6 0 R >> /Font")
    return _pdf_file([*objects, image])


def encrypted_pdf(*lines: str, password: bytes = b"secret") -> bytes:
    """A PDF that opens with a password only (RC4, 40 bits, revision 2)."""
    owner_key = hashlib.md5(_padded(b"owner"), usedforsecurity=False).digest()[:5]
    owner = _rc4(owner_key, _padded(password))
    permissions = -4
    seed = _padded(password) + owner + struct.pack("<i", permissions) + _FILE_ID
    key = hashlib.md5(seed, usedforsecurity=False).digest()[:5]
    objects = _pdf_objects(_text_stream(lines), _object_key(key, 4))
    encryption = b"<< /Filter /Standard /V 1 /R 2 /O <%b> /U <%b> /P %d >>" % (
        owner.hex().encode(),
        _rc4(key, _PADDING).hex().encode(),
        permissions,
    )
    trailer = b"/Encrypt 6 0 R /ID [<%b> <%b>]" % ((_FILE_ID.hex().encode(),) * 2)
    return _pdf_file([*objects, encryption], trailer)


def truncated_pdf() -> bytes:
    """A PDF whose second half never arrived."""
    whole = pdf("The end of this text is missing.")
    return whole[: len(whole) // 2]


def _text_stream(lines: Sequence[str]) -> bytes:
    shown = [b"(%b) Tj 0 -16 Td" % _pdf_string(line) for line in lines]
    return b"BT /F1 12 Tf 72 720 Td %b ET" % b" ".join(shown)


def _pdf_string(text: str) -> bytes:
    return (
        text.encode("latin-1").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    )


def _pdf_objects(content: bytes, key: bytes = b"") -> list[bytes]:
    stream = _rc4(key, content) if key else content
    return [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]


def _pdf_file(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    size = len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R %b >>\n" % (size, trailer)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def pages(*contents: bytes, labels: bytes = b"") -> bytes:
    """A PDF of pages with these contents, which may be drawings."""
    count = len(contents)
    kids = b" ".join(b"%d 0 R" % (4 + 2 * place) for place in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %b >>" % labels,
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, count),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for place, content in enumerate(contents):
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * place),
            b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        ]
    return _pdf_file(objects)


def _padded(password: bytes) -> bytes:
    return (password + _PADDING)[:32]


def _object_key(key: bytes, number: int) -> bytes:
    seed = key + struct.pack("<I", number)[:3] + b"\0\0"
    return hashlib.md5(seed, usedforsecurity=False).digest()[: len(key) + 5]


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    other = 0
    for index in range(256):
        other = (other + state[index] + key[index % len(key)]) % 256
        state[index], state[other] = state[other], state[index]
    first = second = 0
    out = bytearray()
    for byte in data:
        first = (first + 1) % 256
        second = (second + state[first]) % 256
        state[first], state[second] = state[second], state[first]
        out.append(byte ^ state[(state[first] + state[second]) % 256])
    return bytes(out)


_OFFICE = "application/vnd.openxmlformats-officedocument."
_RELATIONSHIP = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def docx(*paragraphs: str) -> bytes:
    """A Word document with these paragraphs."""
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in paragraphs)
    document = f'{_XML}<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>'
    part = "wordprocessingml.document.main+xml"
    return _package("word/document.xml", part, {"word/document.xml": document})


def pptx(*lines: str) -> bytes:
    """A presentation of one slide with these lines."""
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/main"
    space = "http://schemas.openxmlformats.org/presentationml/2006/main"
    names = f'xmlns:a="{drawing}" xmlns:p="{space}" xmlns:r="{_RELATIONSHIP}"'
    text = "".join(f"<a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p>" for line in lines)
    group = (
        '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
    )
    shape = (
        '<p:sp><p:nvSpPr><p:cNvPr id="2" name="Text"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/>'
        f"<p:txBody><a:bodyPr/>{text}</p:txBody></p:sp>"
    )
    slide = f"{_XML}<p:sld {names}><p:cSld><p:spTree>{group}{shape}</p:spTree></p:cSld></p:sld>"
    slides = '<p:sldIdLst><p:sldId id="256" r:id="rId1"/></p:sldIdLst>'
    parts = {
        "ppt/presentation.xml": f"{_XML}<p:presentation {names}>{slides}</p:presentation>",
        "ppt/_rels/presentation.xml.rels": _relations("slide", "slides/slide1.xml"),
        "ppt/slides/slide1.xml": slide,
    }
    part = "presentationml.presentation.main+xml"
    overrides = {"ppt/slides/slide1.xml": "presentationml.slide+xml"}
    return _package("ppt/presentation.xml", part, parts, overrides)


def xlsx(*rows: Sequence[str]) -> bytes:
    """A workbook of one sheet with these rows of text."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    sheets = '<sheets><sheet name="Results" sheetId="1" r:id="rId1"/></sheets>'
    parts = {
        "xl/workbook.xml": (
            f'{_XML}<workbook xmlns="{space}" xmlns:r="{_RELATIONSHIP}">{sheets}</workbook>'
        ),
        "xl/_rels/workbook.xml.rels": _relations("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": (
            f'{_XML}<worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>'
        ),
    }
    overrides = {"xl/worksheets/sheet1.xml": "spreadsheetml.worksheet+xml"}
    return _package("xl/workbook.xml", "spreadsheetml.sheet.main+xml", parts, overrides)


def _cell(text: str) -> str:
    return f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def _relations(kind: str, target: str) -> str:
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    relation = f'<Relationship Id="rId1" Type="{_RELATIONSHIP}/{kind}" Target="{target}"/>'
    return f'{_XML}<Relationships xmlns="{space}">{relation}</Relationships>'


def _package(
    main: str,
    content_type: str,
    parts: Mapping[str, str],
    overrides: Mapping[str, str] | None = None,
) -> bytes:
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    named = {main: content_type, **(overrides or {})}
    types = "".join(
        f'<Override PartName="/{name}" ContentType="{_OFFICE}{kind}"/>'
        for name, kind in named.items()
    )
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    default = f'<Default Extension="rels" ContentType="{relations}"/>'
    files = {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{space}">{default}{types}</Types>',
        "_rels/.rels": _relations("officeDocument", main),
        **parts,
    }
    return archive({name: text.encode() for name, text in files.items()})


def archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP archive of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in files.items():
            package.writestr(name, data)
    return out.getvalue()


def rewritten(document: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A document in an archive with one of its parts changed."""
    with zipfile.ZipFile(io.BytesIO(document)) as package:
        parts = {part: package.read(part) for part in package.namelist()}
    parts[name] = change(parts[name])
    return archive(parts)


def notebook(cells: Sequence[Mapping[str, object]], language: str = "python") -> bytes:
    """A notebook (nbformat 4.5) of these cells, as JSON."""
    metadata = {"kernelspec": {"language": language}, "language_info": {"name": language}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole).encode()


def png(width: int = 1, height: int = 1) -> bytes:
    """A grey picture of this size in pixels."""
    rows = b"".join(b"\0" + bytes(width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(*chunk) for chunk in chunks)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
