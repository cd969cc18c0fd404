"""What a database of another release becomes: an older one is upgraded, a later one left alone."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from aqueduct_jupyter.gateway.entry import Caller, Entry
from aqueduct_jupyter.gateway.stores.opening import Stores, open_folder
from aqueduct_jupyter.gateway.stores.sql import upgrade as module
from aqueduct_jupyter.gateway.stores.sql.tables import METADATA
from aqueduct_jupyter.protocol.errors import UnavailableError
from aqueduct_jupyter.protocol.stored_conversations import ConversationParameters

from .owned import Backend

FOLDERS = Path(__file__).parent / "folders"
RELEASES = sorted(folder.name for folder in FOLDERS.iterdir())


class Release:
    """A copy of the data folder of an earlier release, and what must be found in it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.data = folder / "data"
        shutil.copytree(FOLDERS / name / "data", self.data)
        self.expected = json.loads((FOLDERS / name / "expected.json").read_text())
        self.time = max(row["time"] for row in self.expected["requests"])

    def open(self, notify: Callable[[str], None] | None = None) -> Stores:
        return open_folder(self.data, clock=lambda: self.time, notify=notify)


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest, tmp_path: Path) -> Release:
    return Release(request.param, tmp_path)


async def contents(stores: Stores, owner: str) -> dict[str, Any]:
    """Give all that an owner has, as `expected.json` lists it."""
    files, conversations = stores.files, stores.conversations
    return {
        "files": [
            {
                **file.model_dump(),
                "content": (await files.read(await files.find(owner, file.id))).hex(),
            }
            for file in (await files.page(owner)).data
        ],
        "conversations": [
            without_news(json.loads((await conversations.get(owner, found.id)).model_dump_json()))
            for found in (await conversations.list(owner)).data
        ],
        "usage": without_costs(await stores.ledger.sums(owner)),
    }


def without_costs(sums: dict[str, Any]) -> dict[str, Any]:
    """Take away what release 0.1.0 did not have: the costs, which nobody knows."""
    for row in (sums["total"], *sums["by_day"], *sums["by_model"], *sums["by_kernel"]):
        assert row.pop("usd") is None
    return sums


def without_news(conversation: dict[str, Any]) -> dict[str, Any]:
    """Take away what release 0.1.0 did not keep: pins, parameters, versions, how turns ended."""
    assert conversation.pop("is_pinned") is False
    assert conversation.pop("parameters") == ConversationParameters().model_dump()
    for turn in conversation["turns"]:
        assert turn.pop("finish_reason") is None
        assert turn.pop("dropped_turns") == 0
        assert (turn.pop("versions"), turn.pop("version")) == ([], 0)
    return conversation


async def test_a_folder_of_an_earlier_release_opens_with_nothing_lost(release: Release) -> None:
    for _ in range(2):
        stores = release.open()
        found = {owner: await contents(stores, owner) for owner in release.expected["owners"]}
        assert found == release.expected["owners"]
        await stores.files.purge()
        await stores.close()
    with sqlite3.connect(release.data / "aqueduct.sqlite") as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute("SELECT * FROM requests ORDER BY time")]
    database.close()
    added = {"api": "chat", "upstream_api": None, "usd": None, "groups": None}
    assert rows == [{**row, **added} for row in release.expected["requests"]]


async def test_in_an_upgraded_folder_everything_goes_on(release: Release) -> None:
    stores = release.open()
    files, owner = stores.files, "ada"
    (file,) = (await files.page(owner)).data
    data = await files.read(await files.find(owner, file.id))
    upload = await files.begin()
    await upload.write(data)
    again = await files.keep(upload, owner, filename="again.txt", purpose="user_data")
    await upload.close()
    assert (await files.find(owner, again.id)).blob == (await files.find(owner, file.id)).blob
    await files.delete(owner, file.id)
    assert await files.read(await files.find(owner, again.id)) == data
    stores.ledger.record(Entry("req_new", owner, None, time=release.time))
    sums = await stores.ledger.sums(owner)
    before = release.expected["owners"][owner]["usage"]["total"]["requests"]
    assert sums["total"]["requests"] == before + 1
    assert (await stores.ledger.used(Caller(owner), 0, 0)).tokens_in_day
    await stores.close()


async def test_what_a_kernel_uploaded_is_still_its_own(release: Release) -> None:
    stores = release.open()
    (file,) = [file for file in (await stores.files.page("")).data if file.filename == "kernel.txt"]
    with pytest.raises(Exception, match="was not uploaded with this key"):
        await stores.files.delete("", file.id, "kernel-2")
    await stores.files.delete("", file.id, "kernel-1")
    await stores.close()


async def test_two_servers_upgrade_a_folder_once(release: Release) -> None:
    servers = [release.open() for _ in range(4)]
    found = await asyncio.gather(*(server.files.page("") for server in servers))
    expected = [file["id"] for file in release.expected["owners"][""]["files"]]
    assert all([file.id for file in page.data] == expected for page in found)
    for server in servers:
        await server.close()


def snapshot(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


async def test_a_folder_of_a_later_release_is_refused_and_left_alone(
    release: Release, caplog: pytest.LogCaptureFixture
) -> None:
    stores = release.open()
    await stores.files.page("")
    await stores.close()
    with sqlite3.connect(release.data / "aqueduct.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.execute("ALTER TABLE files ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'")
    database.close()
    before = snapshot(release.data)
    notices: list[str] = []
    stores = release.open(notices.append)
    for refused in (
        lambda: stores.files.page(""),
        stores.files.begin,
        stores.files.purge,
        lambda: stores.conversations.list(""),
        lambda: stores.ledger.sums(""),
    ):
        with pytest.raises(UnavailableError, match="later release") as caught:
            await refused()
        assert caught.value.code == "newer_data_folder"
        assert "9999" in caught.value.message
        assert str(release.data) not in caught.value.message
    stores.ledger.record(Entry("req_new", "", None))
    await stores.close()
    assert snapshot(release.data) == before
    (notice,) = notices
    assert "later release" in notice
    assert caplog.text.count(notice) == 1


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(Path(module.__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config)


def test_the_list_of_revisions_has_all_steps_in_their_order() -> None:
    steps = [step.revision for step in script().walk_revisions()]
    assert tuple(reversed(steps)) == module.REVISIONS


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


def migrated(connection: Connection) -> None:
    """Take away all that a new database has, and let the steps make it."""
    METADATA.drop_all(connection)
    connection.exec_driver_sql("DROP TABLE alembic_version")
    module._migrate(connection)


async def test_a_new_database_has_what_the_steps_lead_to(backend: Backend) -> None:
    database = backend.open_database()
    assert await database.run(differences) == []
    new = await database.run(module._version)
    await database.run(migrated)
    assert await database.run(differences) == []
    assert await database.run(module._version) == new == module.REVISIONS[-1]
