"""Outlook's mails (MSG): their head, their body, and what is attached; olefile opens them.

Sources: [MS-OXMSG] (the streams), [MS-OXPROPS] (the properties), [MS-OXRTFCP] (compressed RTF).
"""

from __future__ import annotations

import datetime
import io
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..unread import attachment_mark
from . import plain_text, rich_text, web_pages
from .attached import attached_text
from .markdown import one_line

if TYPE_CHECKING:
    from olefile import OleFileIO

__all__ = ["message_text", "read"]

_SUBJECT, _TO, _COPIES, _BODY = 0x0037, 0x0E04, 0x0E03, 0x1000
_SENDER, _SENDER_ADDRESS, _SENDER_MAIL = 0x0C1A, 0x0C1F, 0x5D01
_HTML, _RICH_TEXT, _SENT, _CODE_PAGE = 0x1013, 0x1009, 0x0039, 0x3FFD
_DATA, _LONG_NAME, _NAME, _TAG = 0x3701, 0x3707, 0x3704, 0x370E
_TEXT, _OLD_TEXT, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"
_PROPERTIES = "__properties_version1.0"
_ATTACHED = "__attach_version1.0_"
_TOP_HEAD, _INNER_HEAD = 32, 24
_PROPERTY = struct.Struct("<HHI8s")
_MOST_ATTACHMENTS = 100
_UNTIL_1970 = 11_644_473_600
# What every compressed text may refer to before its begin.
_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_MOST_RICH_TEXT = 2**26


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a mail, with its attachments."""
    return message_text(data, is_attached=False)


def message_text(data: bytes, *, is_attached: bool) -> str:
    """Return the text of a mail; the attachments of one that is attached itself are only named."""
    import olefile

    with olefile.OleFileIO(io.BytesIO(data)) as file:
        return _Message(file).text(is_attached=is_attached)


class _Message:
    """A message in a file.

    Args:
        file: the file.
        folder: the storage of a message that is attached to another.
    """

    def __init__(self, file: OleFileIO, folder: str = "") -> None:
        self._file = file
        self._folder = folder
        self._numbers = dict(self._fixed())
        page = self._numbers.get(_CODE_PAGE, b"")[:4]
        self._charset = f"cp{int.from_bytes(page, 'little')}" if page else None

    def text(self, *, is_attached: bool) -> str:
        """Return the whole message; of one that is attached, attachments are only named."""
        head, body = "\n".join(self._head()), self._body()
        shown = list(self._attachments(is_attached=is_attached))
        return "\n\n".join(filter(None, [head, body, *shown])) if head or body else ""

    def _head(self) -> Iterator[str]:
        address = self._text(_SENDER_MAIL) or self._text(_SENDER_ADDRESS)
        sender = self._text(_SENDER)
        # An address without @ is a path in the sender's own directory.
        if "@" in address and address != sender:
            sender = f"{sender} <{address}>".strip()
        fields = {
            "Subject": self._text(_SUBJECT),
            "From": sender,
            "To": self._text(_TO),
            "Cc": self._text(_COPIES),
            "Date": self._date(),
        }
        for name, text in fields.items():
            if text := one_line(text.replace("\0", "")):
                yield f"{name}: {text}"

    def _body(self) -> str:
        """Return the body: the plain one, or the text of another."""
        if text := self._text(_BODY).replace("\r\n", "\n").strip():
            return text
        if page := self._stream(_HTML, _BINARY):
            return web_pages.read(page, None).strip()
        if page_text := self._text(_HTML):
            return web_pages.read_decoded(page_text).strip()
        if packed := self._stream(_RICH_TEXT, _BINARY):
            return rich_text.read(unpacked(packed), None).strip()
        return ""

    def _attachments(self, *, is_attached: bool) -> Iterator[str]:
        places = ["/".join(entry) for entry in self._file.listdir(streams=False, storages=True)]
        begin = f"{self._folder}/{_ATTACHED}".lstrip("/")
        found = [one for one in places if one.startswith(begin) and "/" not in one[len(begin) :]]
        for place in found[:_MOST_ATTACHMENTS]:
            folder = place.removeprefix(self._folder).lstrip("/")
            name = self._text(_LONG_NAME, folder) or self._text(_NAME, folder)
            inner = f"{place}/__substg1.0_{_DATA:04X}{_OBJECT}"
            if self._file.exists(f"{inner}/{_PROPERTIES}"):
                text = "" if is_attached else _Message(self._file, inner).text(is_attached=True)
                described = f"Attachment {one_line(name) or 'without a name'} (a mail)"
                is_read = f"[{described} begins]\n{text}\n[{described} ends]"
                yield is_read if text else attachment_mark(described)
                continue
            data = self._stream(_DATA, _BINARY, folder)
            yield attached_text(name, self._text(_TAG, folder), data, is_deep=is_attached)

    def _stream(self, property_: int, kind: str, folder: str = "") -> bytes:
        stream_name = f"__substg1.0_{property_:04X}{kind}"
        name = "/".join(filter(None, [self._folder, folder, stream_name]))
        if not self._file.exists(name):
            return b""
        with self._file.openstream(name) as stream:
            data: bytes = stream.read()
        return data

    def _text(self, property_: int, folder: str = "") -> str:
        if wide := self._stream(property_, _TEXT, folder):
            return wide.decode("utf-16-le", errors="replace")
        old = self._stream(property_, _OLD_TEXT, folder)
        return plain_text.read(old, self._charset) if old else ""

    def _fixed(self) -> Iterator[tuple[int, bytes]]:
        """Yield the properties that are numbers."""
        name = f"{self._folder}/{_PROPERTIES}".lstrip("/")
        if self._file.exists(name):
            with self._file.openstream(name) as stream:
                data = stream.read()[_INNER_HEAD if self._folder else _TOP_HEAD :]
            for start in range(0, len(data) - _PROPERTY.size + 1, _PROPERTY.size):
                _, property_, _, value = _PROPERTY.unpack_from(data, start)
                yield property_, value

    def _date(self) -> str:
        value = int.from_bytes(self._numbers.get(_SENT, b""), "little")
        seconds = value / 10**7 - _UNTIL_1970
        if not value or not 0 < seconds < 2**33:
            return ""
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def unpacked(data: bytes) -> bytes:
    """Unpack compressed rich text."""
    if data[8:12] == b"MELA":
        return data[16:]
    ring = bytearray(_DICTIONARY.ljust(4096, b" "))
    place, out, end = len(_DICTIONARY), bytearray(), len(data)
    start = 16
    while start < end and len(out) < _MOST_RICH_TEXT:
        flags = data[start]
        start += 1
        for bit in range(8):
            if start >= end:
                break
            if not flags >> bit & 1:
                pieces = data[start : start + 1]
                start += 1
                ring[place] = pieces[0]
                place = (place + 1) % 4096
                out += pieces
                continue
            reference = int.from_bytes(data[start : start + 2], "big")
            start += 2
            offset, length = reference >> 4, (reference & 15) + 2
            if offset == place:
                return bytes(out)
            for step in range(length):
                byte = ring[(offset + step) % 4096]
                ring[place] = byte
                place = (place + 1) % 4096
                out.append(byte)
    return bytes(out)
