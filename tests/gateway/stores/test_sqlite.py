"""The data folder's database: whole transactions, a private file, and a disk that refuses."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from aqueduct_jupyter.gateway.stores.disk import disk_error
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase, _switch_to_wal
from aqueduct_jupyter.protocol.errors import UnavailableError

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL UNIQUE)"


def open_database(path: Path, **more: Any) -> SQLiteDatabase:
    return SQLiteDatabase(path, upgrade=lambda db: db.exec_driver_sql(SCHEMA), **more)


def insert(text: str | None) -> Any:
    return lambda db: db.exec_driver_sql("INSERT INTO notes VALUES (?)", (text,))


def texts(db: Connection) -> list[str]:
    return list(db.exec_driver_sql("SELECT text FROM notes ORDER BY rowid").scalars())


async def test_what_was_submitted_is_there_after_close(tmp_path: Path) -> None:
    first = open_database(tmp_path / "new" / "a.sqlite")
    first.submit(insert("a"))
    await first.close()
    second = open_database(tmp_path / "new" / "a.sqlite")
    assert await second.run(texts) == ["a"]
    await second.close()


async def test_what_cannot_be_written_later_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = open_database(tmp_path / "a.sqlite")
    database.submit(insert("half a character: \ud800"))
    await database.run(insert("whole"))
    assert await database.run(texts) == ["whole"]
    await database.close()
    assert "write to the database failed" in caplog.text
    assert "UnicodeEncodeError" in caplog.text


async def test_work_that_raises_leaves_nothing(tmp_path: Path) -> None:
    database = open_database(tmp_path / "a.sqlite")

    def half(db: Connection) -> None:
        insert("half")(db)
        raise KeyError("the other half")

    with pytest.raises(KeyError):
        await database.run(half)
    with pytest.raises(UnavailableError) as caught:
        await database.run(insert(None))
    assert caught.value.code == "storage_unavailable"
    await database.run(insert("whole"))
    assert await database.run(texts) == ["whole"]
    await database.close()


async def test_two_servers_write_one_file_side_by_side(tmp_path: Path) -> None:
    servers = [open_database(tmp_path / "a.sqlite") for _ in range(2)]
    work = [servers[i % 2].run(insert(str(i))) for i in range(100)]
    await asyncio.gather(*work)
    assert sorted(await servers[0].run(texts), key=int) == [str(i) for i in range(100)]
    mode = await servers[0].run(lambda db: db.exec_driver_sql("PRAGMA journal_mode").scalar())
    assert mode == "wal"
    for server in servers:
        await server.close()


async def test_only_this_user_can_open_it(tmp_path: Path) -> None:
    database = open_database(tmp_path / "new" / "a.sqlite")
    await database.run(texts)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    for file in (tmp_path / "new").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    await database.close()


async def test_a_folder_that_is_none_is_unavailable_and_unnamed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    database = open_database(tmp_path / "file" / "a.sqlite")
    with pytest.raises(UnavailableError) as caught:
        await database.run(texts)
    assert str(tmp_path) not in caught.value.message
    assert str(tmp_path) in caplog.text
    await database.close()


def aside(folder: Path) -> list[Path]:
    return list(folder.glob("*.corrupt-*"))


async def test_a_damaged_file_is_moved_aside_and_the_work_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    (tmp_path / "a.sqlite").write_bytes(b"no database" * 1000)
    database = open_database(tmp_path / "a.sqlite", notify=said.append)
    assert not database.has_copies_aside
    await database.run(insert("a"))
    assert await database.run(texts) == ["a"]
    assert database.has_copies_aside
    await database.close()
    (copy,) = aside(tmp_path)
    assert copy.read_bytes() == b"no database" * 1000
    (sentence,) = said
    assert copy.name in sentence
    assert sentence in caplog.text
    assert str(tmp_path) not in sentence


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:4096] + b"\xff" * (len(data) - 4096),
        lambda data: data[:16] + b"\0" * 84 + data[100:],
    ],
    ids=["half", "noise", "header"],
)
async def test_damage_that_is_found_in_the_middle_of_work_is_the_same(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    said: list[str] = []
    database = open_database(tmp_path / "a.sqlite", notify=said.append)
    for number in range(200):
        await database.run(insert(str(number) * 100))
    await database.close()
    (tmp_path / "a.sqlite").write_bytes(damage((tmp_path / "a.sqlite").read_bytes()))
    database = open_database(tmp_path / "a.sqlite", notify=said.append)
    await database.run(insert("new"))
    assert await database.run(texts) == ["new"]
    await database.close()
    assert len(said) == len(aside(tmp_path)) == 1


async def test_two_servers_that_find_the_same_damage_move_it_once(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"no database" * 1000)
    servers = [open_database(tmp_path / "a.sqlite") for _ in range(4)]
    await asyncio.gather(*(servers[i % 4].run(insert(str(i))) for i in range(40)))
    assert len(await servers[0].run(texts)) == 40
    assert len(aside(tmp_path)) == 1
    for server in servers:
        await server.close()


async def test_a_file_that_was_moved_away_is_begun_anew_and_the_old_one_keeps_its_rows(
    tmp_path: Path,
) -> None:
    database = open_database(tmp_path / "a.sqlite")
    await database.run(insert("old"))
    (tmp_path / "a.sqlite").rename(tmp_path / "b.sqlite")
    (tmp_path / "a.sqlite-wal").rename(tmp_path / "b.sqlite-wal")
    await database.run(insert("new"))
    assert await database.run(texts) == ["new"]
    await database.close()
    moved = open_database(tmp_path / "b.sqlite")
    assert await moved.run(texts) == ["old"]
    await moved.close()


def test_a_disk_that_refuses_at_the_first_use_is_not_asked_again(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "a.sqlite").execute(SCHEMA).connection.close()
    only_read = sqlite3.connect(f"file:{tmp_path / 'a.sqlite'}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        _switch_to_wal(only_read)
    assert _switch_to_wal.statistics["attempt_number"] == 1  # type: ignore[attr-defined]
    only_read.close()


async def test_a_full_disk_says_so(tmp_path: Path) -> None:
    database = open_database(tmp_path / "a.sqlite")

    def fill(db: Connection) -> None:
        db.exec_driver_sql("INSERT INTO notes VALUES (?)", ("x" * 10**6,))

    await database.run(lambda db: db.exec_driver_sql("PRAGMA max_page_count = 20"))
    with pytest.raises(UnavailableError, match="disk is full") as caught:
        await database.run(fill)
    assert caught.value.code == "disk_full"
    await database.run(insert("small"))
    await database.close()


def test_an_error_of_the_disk_is_told_without_its_path() -> None:
    error = disk_error(PermissionError(13, "Permission denied", "/home/ada/.local/x"))
    assert "Permission denied" in error.message
    assert "/home" not in error.message
    assert disk_error(OSError(28, "No space left on device")).code == "disk_full"
