"""A backup of the database, made and restored with the commands of the documentation."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from obstore.store import MemoryStore

from aqueduct_jupyter.gateway.entry import Caller, Entry
from aqueduct_jupyter.gateway.stores.blobs import ObjectStoreBlobs
from aqueduct_jupyter.gateway.stores.opening import Stores, open_stores
from aqueduct_jupyter.gateway.stores.postgresql import PostgreSQLDatabase

from ...docs.examples import DOCS, examples
from ...postgresql import PostgreSQLServer, programs


async def test_what_a_backup_has_is_there_again(
    postgresql: PostgreSQLServer, tmp_path: Path
) -> None:
    (example,) = [
        one
        for one in examples(DOCS / "hub.md")
        if one.options.get("caption") == "Back up and restore"
    ]
    dump, restore = example.code.strip().splitlines()
    objects = ObjectStoreBlobs(MemoryStore())

    def opened(url: str) -> Stores:
        return open_stores(PostgreSQLDatabase(url), objects, tmp_path / "incoming")

    def run(command: str, url: str) -> None:
        variables = {
            **os.environ,
            "PATH": f"{programs()}{os.pathsep}{os.environ['PATH']}",
            "AQUEDUCT_DATABASE_URL": url.replace("+psycopg", ""),
        }
        subprocess.run(command, shell=True, check=True, env=variables, cwd=tmp_path)

    before, after = postgresql.new_database(), postgresql.new_database()
    stores = opened(before)
    upload = await stores.files.begin()
    await upload.write(b"Worth keeping.")
    kept = await stores.files.keep(upload, "ada", filename="a.txt", purpose="user_data")
    entry = Entry("req_1", "ada", None, upstream="campus", tokens_in=7)
    stores.ledger.record(entry)
    await stores.close()
    run(dump, before)
    # What came later is gone after a restore.
    stores = opened(before)
    await stores.files.delete("ada", kept.id)
    await stores.close()
    run(restore, after)
    stores = opened(after)
    assert (await stores.ledger.used(Caller("ada"), 0, 0)).tokens_in_day == 7
    assert (await stores.files.get("ada", kept.id)).filename == "a.txt"
    await stores.close()
    run(restore, before)
    stores = opened(before)
    assert (await stores.files.get("ada", kept.id)).filename == "a.txt"
    await stores.close()
