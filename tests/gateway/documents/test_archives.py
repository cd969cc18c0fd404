"""Tables of archives, read within bounds: real ones, ones that lie, and ones made to take time."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import zipfile
from collections.abc import Callable

import pytest

from aqueduct_jupyter.gateway.documents.archives import (
    MOST_PARTS,
    MOST_TABLE_BYTES,
    ArchiveError,
    ArchiveTooLargeError,
    first_bytes,
    parts_of,
)
from aqueduct_jupyter.gateway.documents.kinds import format_of
from aqueduct_jupyter.gateway.documents.text import UnreadableError

END, LOCATOR_64, END_64 = b"PK\5\6", b"PK\6\7", b"PK\6\6"
EXTRA_OF_PIECES = struct.pack("<HH", 0x9999, 0) * 16_000
"""What Python's own reader takes apart piece by piece, and copies the rest for each."""


class Counted(io.BytesIO):
    """An archive that counts how many of its bytes are read."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data


def archive_of(number: int, extra: bytes = b"", comment: bytes = b"") -> bytes:
    """An archive of so many empty parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.comment = comment
        for part in range(number):
            info = zipfile.ZipInfo(str(part))
            info.extra = extra
            archive.writestr(info, b"")
    return out.getvalue()


def last_record(archive: bytes) -> dict[str, int]:
    entries, size, start = struct.unpack_from("<HII", archive, archive.rfind(END) + 10)
    return {"entries": entries, "size": size, "start": start}


def with_end(archive: bytes, **more: int) -> bytes:
    """The archive with other words in its last record."""
    place = archive.rfind(END)
    words = last_record(archive)
    changed = struct.pack("<HII", *{**words, **more}.values())
    return archive[: place + 10] + changed + archive[place + 20 :]


def with_long_end(archive: bytes, **more: int) -> bytes:
    """The archive with the records of ZIP64 before its last one."""
    place = archive.rfind(END)
    words = last_record(archive)
    entries, size, start = {**words, **more}.values()
    long = struct.pack("<4sQ2H2I4Q", END_64, 44, 45, 45, 0, 0, entries, entries, size, start)
    locator = struct.pack("<4sIQI", LOCATOR_64, 0, place, 1)
    return archive[:place] + long + locator + with_end(archive, size=2**32 - 1)[place:]


def names(archive: bytes) -> list[str]:
    return [name.decode() for name in parts_of(io.BytesIO(archive))]


@pytest.mark.parametrize("before", [b"", b"#!/bin/sh\n"])
@pytest.mark.parametrize("comment", [b"", b"x" * (2**16 - 1), b"PK\1\2 not a table"])
@pytest.mark.parametrize("is_long", [False, True])
def test_a_table_is_read_as_python_reads_it(before: bytes, comment: bytes, is_long: bool) -> None:
    plain = archive_of(20, b"\x99\x99\0\0", comment)
    archive = before + (with_long_end(plain) if is_long else plain)
    assert names(archive) == zipfile.ZipFile(io.BytesIO(archive)).namelist()
    assert len(names(archive)) == 20


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("content", [b"", b"words", b"words and many more" * 1000])
def test_a_part_gives_its_first_bytes(method: int, content: bytes) -> None:
    out = io.BytesIO(b"before")
    with zipfile.ZipFile(out, "a", method) as archive:
        archive.writestr("other", b"other words")
        archive.writestr("part", content)
    assert first_bytes(out, parts_of(out)[b"part"], 12) == content[:12]


def test_a_part_that_is_packed_otherwise_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("mimetype", b"words")
    with pytest.raises(ArchiveError):
        first_bytes(out, parts_of(out)[b"mimetype"], 12)


def test_a_bomb_is_unpacked_no_further_than_asked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("part", bytes(200 * 2**20))
    stream = Counted(out.getvalue())
    part = parts_of(stream)[b"part"]
    stream.read_bytes = 0
    assert first_bytes(stream, part, 40) == bytes(40)
    assert stream.read_bytes < 1000


@pytest.mark.parametrize("cut", range(1, 200))
def test_what_was_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(ArchiveError):
        parts_of(io.BytesIO(archive_of(3)[:-cut]))


@pytest.mark.parametrize(
    "archive",
    [
        with_end(archive_of(3), size=2**32 - 1),
        with_end(archive_of(3), size=10),
        with_long_end(archive_of(3), size=2**64 - 1),
        with_long_end(archive_of(3), size=2**63),
        archive_of(3).replace(b"PK\1\2", b"PK\1\3"),
        with_long_end(archive_of(3)).replace(END_64, b"PK\6\5"),
        END,
        b"",
    ],
)
def test_a_table_that_lies_is_refused(archive: bytes) -> None:
    with pytest.raises(ArchiveError):
        parts_of(io.BytesIO(archive))


def test_a_lie_about_a_parts_place_is_refused() -> None:
    archive = archive_of(1)
    table = archive.find(b"PK\1\2")
    moved = archive[: table + 42] + struct.pack("<I", 2**31) + archive[table + 46 :]
    stream = io.BytesIO(moved)
    with pytest.raises(ArchiveError):
        first_bytes(stream, parts_of(stream)[b"0"], 10)


class TestOnesThatAreTooLarge:
    def test_as_many_parts_as_allowed_are_read(self) -> None:
        assert len(names(archive_of(MOST_PARTS))) == MOST_PARTS

    @pytest.mark.parametrize(
        "made",
        [
            lambda: archive_of(MOST_PARTS + 1),
            lambda: with_long_end(archive_of(MOST_PARTS + 1)),
            lambda: archive_of(20, EXTRA_OF_PIECES),
        ],
    )
    def test_they_are_refused_and_not_read(self, made: Callable[[], bytes]) -> None:
        stream = Counted(made())
        with pytest.raises(ArchiveTooLargeError):
            parts_of(stream)
        assert stream.read_bytes < 70_000

    @pytest.mark.parametrize("change", [with_end, with_long_end])
    def test_one_that_says_it_has_few_is_read_no_further(self, change: object) -> None:
        assert callable(change)
        archive = change(archive_of(2 * MOST_PARTS), entries=3)
        stream = Counted(archive)
        with pytest.raises(ArchiveTooLargeError):
            parts_of(stream)
        assert stream.read_bytes < MOST_TABLE_BYTES + 70_000

    def test_they_are_said_to_be_no_document(self) -> None:
        with pytest.raises(UnreadableError) as caught:
            format_of(io.BytesIO(archive_of(MOST_PARTS + 1)), "a.docx", "")
        assert caught.value.reason == "unsupported"


# Larger ones do not fit into a processor's cache, which takes its own time.
@pytest.mark.parametrize("extra", [b"", EXTRA_OF_PIECES[:16_000]])
def test_twice_the_table_takes_no_more_than_thrice_the_time(extra: bytes) -> None:
    """The most that is read, and beyond it, where nothing is."""
    most = 15 if extra else MOST_PARTS
    archives = [archive_of(number, extra) for number in (most // 2, most, 2 * most, 10 * most)]

    def is_in_proportion() -> bool:
        half, whole, more, many = map(time_of, archives)
        return whole <= 3 * half and max(more, many) <= 3 * whole

    # Others may have used the memory meanwhile: one good try is enough.
    assert any(is_in_proportion() for _ in range(TRIES))


TRIES = 20


def time_of(archive: bytes) -> float:
    """The shortest of some times, in seconds, that it takes to tell that it is no document."""
    times = []
    for _ in range(7):
        start = time.process_time()
        with contextlib.suppress(UnreadableError):
            format_of(io.BytesIO(archive), "a", "")
        times.append(time.process_time() - start)
    return min(times)
