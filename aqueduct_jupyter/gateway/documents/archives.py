"""A ZIP archive's table of contents, read within bounds: what parts it has, and how one begins.

What the parts mean is left to :mod:`.kinds`; unpacking them, to the reader's own process.
Python's own reader would spend seconds of the server's on a table that was made for it.

* The table is bounded before it is read: by its bytes, and by what it says of its entries.
* Nothing in it is believed: a table that is not where it says, or ends early, is refused.

Source of the format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (the table,
called the central directory), 4.3.14 to 4.3.16 (the records at the end, and those of ZIP64).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

__all__ = ["ArchiveError", "ArchiveTooLargeError", "Part", "first_bytes", "parts_of"]

MOST_PARTS = 10_000
"""Parts that a document may have; a presentation of a thousand slides has about half as many."""

MOST_TABLE_BYTES = 2**20
"""Bytes of their names and what is said of them."""

_LOCAL = struct.Struct("<4s22x2H")
_ENTRY = struct.Struct("<4s6xH8xI4x3H8xI")
_END = struct.Struct("<4s6xH2I2x")
_END_64 = struct.Struct("<4s28x3Q")
_LOCATOR_64 = struct.Struct("<4s16x")
_MOST_COMMENT_BYTES = 2**16 - 1
_STORED, _DEFLATED = 0, 8


class ArchiveError(Exception):
    """The archive is damaged, or was made to look like one."""


class ArchiveTooLargeError(Exception):
    """The archive has more parts than any document."""


class Part(NamedTuple):
    """A part of an archive: its packing, its size as packed, and where it begins."""

    method: int
    packed_bytes: int
    place: int


class _Table(NamedTuple):
    """Where the table lies, and where it says that it lies."""

    start: int
    size: int
    entries: int
    said_start: int


def parts_of(stream: BinaryIO) -> dict[bytes, Part]:
    """Read an archive's table.

    Args:
        stream: the archive, which can be searched.

    Returns:
        Its parts by their names, as they are encoded in it.

    Raises:
        ArchiveError: there is no table, or none that can be read.
        ArchiveTooLargeError: it is too large to be a document's; it has not been read.
    """
    table = _table_of(stream)
    if table.start < 0:
        raise ArchiveError("the table begins before the archive")
    if table.entries > MOST_PARTS or table.size > MOST_TABLE_BYTES:
        raise ArchiveTooLargeError
    stream.seek(table.start)
    return dict(_entries(stream.read(table.size), table.start - table.said_start))


def first_bytes(stream: BinaryIO, part: Part, size: int) -> bytes:
    """Give the first bytes of a part, however many it claims to have.

    Args:
        stream: the archive.
        part: one of its parts.
        size: how many bytes, at most.

    Raises:
        ArchiveError: it is not where the table says, or cannot be unpacked.
    """
    stream.seek(max(0, part.place))
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
        raise ArchiveError("no part begins there")
    stream.seek(sum(_LOCAL.unpack(head)[1:]), io.SEEK_CUR)
    # Packing makes some data longer, but never by so much.
    packed = stream.read(min(part.packed_bytes, 2 * size + 64))
    if part.method == _STORED:
        return packed[:size]
    if part.method != _DEFLATED:
        raise ArchiveError("packed in a way that documents are not")
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size)
    except zlib.error as error:
        raise ArchiveError(str(error)) from error


def _table_of(stream: BinaryIO) -> _Table:
    length = stream.seek(0, io.SEEK_END)
    most = _MOST_COMMENT_BYTES + _END.size + _LOCATOR_64.size + _END_64.size
    tail_start = stream.seek(max(0, length - most))
    tail = stream.read(most)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + _END.size:
        raise ArchiveError("it has no end")
    _, entries, size, said_start = _END.unpack_from(tail, end)
    locator = end - _LOCATOR_64.size
    record = locator - _END_64.size
    if record >= 0 and tail.startswith(b"PK\x06\x07", locator):
        if not tail.startswith(b"PK\x06\x06", record):
            raise ArchiveError("its long end is not where it must be")
        end = record
        _, entries, size, said_start = _END_64.unpack_from(tail, record)
    return _Table(tail_start + end - size, size, entries, said_start)


def _entries(table: bytes, shift: int) -> Iterator[tuple[bytes, Part]]:
    place = number = 0
    while place < len(table):
        number += 1
        if number > MOST_PARTS:
            raise ArchiveTooLargeError
        if len(table) < place + _ENTRY.size or not table.startswith(b"PK\x01\x02", place):
            raise ArchiveError("the table is damaged")
        _, method, packed, name, extra, comment, start = _ENTRY.unpack_from(table, place)
        place += _ENTRY.size
        # Archives may have something before them, which their places do not know of.
        yield table[place : place + name], Part(method, packed, start + shift)
        place += name + extra + comment
