"""Word documents, by kreuzberg."""

from __future__ import annotations

import html
import io
import re
import zipfile

from .extraction import extract

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{}~])")
# kreuzberg 4.10 deletes these from a Word document: "R&D" becomes "RD", "5 < 7" becomes "5 7"
# (https://github.com/xberg-io/xberg/issues/1242). Unicode noncharacters stand in for them.
_STAND_INS = {character: chr(0xFDD0 + place) for place, character in enumerate("&<>\"'\t\n")}
_TAB, _BREAK = _STAND_INS["\t"], _STAND_INS["\n"]
_REFERENCE = re.compile(rb"&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});")


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a document."""
    text = extract(
        _prepared(data),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "markdown",
    ).content
    # A line break would end a table row.
    text = re.sub(r"^\|.*", lambda row: row[0].replace(_BREAK, " "), text, flags=re.MULTILINE)
    characters = str.maketrans({stand_in: real for real, stand_in in _STAND_INS.items()})
    return _ESCAPED.sub(r"\1", text).translate(characters)


def _prepared(data: bytes) -> bytes:
    prepared = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(prepared, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            is_text = name.startswith("word/") and name.endswith(".xml")
            new.writestr(name, _with_stand_ins(content) if is_text else content)
    return prepared.getvalue()


def _with_stand_ins(content: bytes) -> bytes:
    content = _REFERENCE.sub(_stand_in, content)
    # Tab stops have attributes; tabs do not.
    content = content.replace(b"<w:tab/>", f"<w:t>{_TAB}</w:t>".encode())
    return content.replace(b"<w:br/>", f"<w:t>{_BREAK}</w:t>".encode())


def _stand_in(reference: re.Match[bytes]) -> bytes:
    character = html.unescape(reference[0].decode())
    return _STAND_INS.get(character, character).encode()
