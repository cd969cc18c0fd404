"""What the stores are tested on: SQLite and PostgreSQL, a folder and an object store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from aqueduct_jupyter.gateway.stores.blobs import Blobs, FolderBlobs, ObjectStoreBlobs
from aqueduct_jupyter.gateway.stores.database import Database
from aqueduct_jupyter.gateway.stores.postgresql import PostgreSQLDatabase
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase

from ...postgresql import PostgreSQLServer, postgresql_server
from .owned import Backend


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite and a folder", "postgresql and an object store"])
def backend(
    request: pytest.FixtureRequest, tmp_path: Path, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[Backend]:
    """Where stores keep their rows and bytes; several servers may use the same one."""
    folder = tmp_path / "data"
    connect: list[Database] = []
    with ExitStack() as stack:
        if request.param.startswith("sqlite"):
            blobs: Blobs = FolderBlobs(folder)

            def open_database() -> Database:
                connect.append(SQLiteDatabase(folder / "aqueduct.sqlite"))
                return connect[-1]
        else:
            server: PostgreSQLServer = request.getfixturevalue("postgresql")
            url = stack.enter_context(server.lent_database())
            blobs = ObjectStoreBlobs(MemoryStore())

            def open_database() -> Database:
                connect.append(PostgreSQLDatabase(url))
                return connect[-1]

        yield Backend(folder, open_database, blobs)
        for database in connect:
            jp_asyncio_loop.run_until_complete(database.close())
