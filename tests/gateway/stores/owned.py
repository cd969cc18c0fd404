"""The file store as one owner has it, so that a test says whose it is once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aqueduct_jupyter.gateway.stores.blobs import Blobs
from aqueduct_jupyter.gateway.stores.database import Database
from aqueduct_jupyter.gateway.stores.files import FileStore
from aqueduct_jupyter.gateway.stores.interfaces import StoredFile
from aqueduct_jupyter.gateway.stores.uploads import Upload
from aqueduct_jupyter.protocol.files import FileDeleted, FileList, FileObject

__all__ = ["Backend", "OwnedFiles"]


@dataclass
class Backend:
    """Where stores keep things: a database that can be opened, and blobs."""

    folder: Path
    open_database: Callable[[], Database]
    blobs: Blobs


class OwnedFiles:
    """The files of one owner."""

    def __init__(self, store: FileStore, owner: str = "") -> None:
        self.store = store
        self.owner = owner

    async def begin(self) -> Upload:
        return await self.store.begin()

    async def keep(self, upload: Upload, **more: Any) -> FileObject:
        return await self.store.keep(upload, self.owner, **more)

    async def get(self, file_id: str) -> FileObject:
        return await self.store.get(self.owner, file_id)

    async def find(self, file_id: str) -> StoredFile:
        return await self.store.find(self.owner, file_id)

    async def read(self, file_id: str) -> bytes:
        return await self.store.read(await self.find(file_id))

    async def page(self, **asked: Any) -> FileList:
        return await self.store.page(self.owner, **asked)

    async def delete(self, file_id: str) -> FileDeleted:
        return await self.store.delete(self.owner, file_id)

    async def purge(self) -> None:
        await self.store.purge()
