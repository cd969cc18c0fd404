"""This file is the files that a server keeps, as the kernel's client offers them.

The requests themselves are left to :mod:`.client`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

__all__ = ["Files"]


class Files:
    """The files of one server.

    Every call raises an AqueductError where the server refuses or does not answer; an id that is
    not known is an UnknownFileError.

    Args:
        request: sends a request: verb, path, and what httpx takes.
    """

    def __init__(self, request: Callable[..., httpx.Response]) -> None:
        self._request = request

    def create(
        self, file: str | Path | bytes, *, filename: str | None = None, purpose: str = "user_data"
    ) -> dict[str, Any]:
        """Upload a file.

        Args:
            file: its path, or its bytes.
            filename: its name there; by default the path's.
            purpose: one of the API's.

        Returns:
            The file's object; its ``id`` is what a message refers to.
        """
        data = {"purpose": purpose}
        if isinstance(file, bytes):
            parts = {"file": (filename or "file", file)}
            return self._object("POST", "files", files=parts, data=data)
        path = Path(file)
        with path.open("rb") as stream:
            opened = {"file": (filename or path.name, stream)}
            return self._object("POST", "files", files=opened, data=data)

    def list(self, **query: Any) -> list[dict[str, Any]]:  # the API's own word
        """List the files, newest first; ``limit``, ``after``, ``order`` and ``purpose`` select."""
        files: list[dict[str, Any]] = self._object("GET", "files", params=query)["data"]
        return files

    def retrieve(self, file_id: str) -> dict[str, Any]:
        """Describe a file."""
        return self._object("GET", f"files/{file_id}")

    def content(self, file_id: str) -> bytes:
        """Give a file's bytes."""
        return self._request("GET", f"files/{file_id}/content").content

    def delete(self, file_id: str) -> None:
        """Delete a file."""
        self._request("DELETE", f"files/{file_id}")

    def _object(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        words: dict[str, Any] = self._request(method, path, **more).json()
        return words
