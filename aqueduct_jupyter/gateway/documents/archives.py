"""A ZIP archive's central directory, read within limits: its parts, and how one begins.

The parts are interpreted in :mod:`.kinds` and unpacked in the child process. With Python's own
reader, a malicious directory could keep the server busy for seconds.

* The directory is limited before it is read: by its size, and by its claimed number of entries.
* Nothing in it is trusted: one that is not where the archive says, or ends early, is refused.

Source of the format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central
directory), 4.3.14 to 4.3.16 (the records at the end, and those of ZIP64).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

__all__ = ["ArchiveError", "ArchiveTooLargeError", "Part", "first_bytes", "parts_of"]

MOST_PARTS = 10_000
"""Maximum parts of a document; a presentation with a thousand slides has about half as many."""

MOST_TABLE_BYTES = 2**20
"""Size limit of the central directory, in bytes."""

_LOCAL = struct.Struct("<4s22x2H")
_ENTRY = struct.Struct("<4s6xH8xI4x3H8xI")
_END = struct.Struct("<4s6xH2I2x")
_END_64 = struct.Struct("<4s28x3Q")
_LOCATOR_64 = struct.Struct("<4s16x")
_MOST_COMMENT_BYTES = 2**16 - 1
_STORED, _DEFLATED = 0, 8


class ArchiveError(Exception):
    """The archive is damaged, or is not really an archive."""


class ArchiveTooLargeError(Exception):
    """The archive has more parts than any real document."""


class Part(NamedTuple):
    """A part of an archive: its compression method, its compressed size and its offset."""

    method: int
    packed_bytes: int
    place: int


class _Table(NamedTuple):
    """The central directory's real position, and the one that the archive claims."""

    start: int
    size: int
    entries: int
    said_start: int


def parts_of(stream: BinaryIO) -> dict[bytes, Part]:
    """Read an archive's central directory.

    Args:
        stream: the archive; must be seekable.

    Returns:
        Its parts by name, in the archive's own encoding.

    Raises:
        ArchiveError: there is no readable directory.
        ArchiveTooLargeError: the directory is too large for a document.
    """
    table = _table_of(stream)
    if table.start < 0:
        raise ArchiveError("the central directory begins before the archive")
    if table.entries > MOST_PARTS or table.size > MOST_TABLE_BYTES:
        raise ArchiveTooLargeError
    stream.seek(table.start)
    return dict(_entries(stream.read(table.size), table.start - table.said_start))


def first_bytes(stream: BinaryIO, part: Part, size: int) -> bytes:
    """Unpack the first bytes of a part, whatever size it claims to have.

    Args:
        stream: the archive.
        part: one of its parts.
        size: how many bytes to return, at most.

    Raises:
        ArchiveError: the part is not where the directory says, or cannot be unpacked.
    """
    stream.seek(max(0, part.place))
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
        raise ArchiveError("there is no part at its offset")
    stream.seek(sum(_LOCAL.unpack(head)[1:]), io.SEEK_CUR)
    # Compression can make data longer, but never by this much.
    packed = stream.read(min(part.packed_bytes, 2 * size + 64))
    if part.method == _STORED:
        return packed[:size]
    if part.method != _DEFLATED:
        raise ArchiveError("a part uses an unsupported compression method")
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
        raise ArchiveError("the end record is missing")
    _, entries, size, said_start = _END.unpack_from(tail, end)
    locator = end - _LOCATOR_64.size
    record = locator - _END_64.size
    if record >= 0 and tail.startswith(b"PK\x06\x07", locator):
        if not tail.startswith(b"PK\x06\x06", record):
            raise ArchiveError("the ZIP64 end record is not where it must be")
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
            raise ArchiveError("the central directory is damaged")
        _, method, packed, name, extra, comment, start = _ENTRY.unpack_from(table, place)
        place += _ENTRY.size
        # Data before the archive shifts all offsets.
        yield table[place : place + name], Part(method, packed, start + shift)
        place += name + extra + comment
