"""The Files API of the kernel's client.

The requests are sent by :mod:`.client`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

__all__ = ["Files"]


class Files:
    """The files on one server.

    Every call raises an AqueductError if the server refuses or does not answer; an unknown id
    raises UnknownFileError.

    Args:
        request: sends a request: method, path, and arguments for httpx.
    """

    def __init__(self, request: Callable[..., httpx.Response]) -> None:
        self._request = request

    def create(
        self, file: str | Path | bytes, *, filename: str | None = None, purpose: str = "user_data"
    ) -> dict[str, Any]:
        """Upload a file.

        Args:
            file: its path, or its bytes.
            filename: its name on the server; the path's name by default.
            purpose: one of the API's purposes.

        Returns:
            The file object; messages refer to its ``id``.
        """
        data = {"purpose": purpose}
        if isinstance(file, bytes):
            parts = {"file": (filename or "file", file)}
            return self._object("POST", "files", files=parts, data=data)
        path = Path(file)
        with path.open("rb") as stream:
            opened = {"file": (filename or path.name, stream)}
            return self._object("POST", "files", files=opened, data=data)

    def list(self, **query: Any) -> list[dict[str, Any]]:  # the API's own name
        """List the files, newest first; filter by ``limit``, ``after``, ``order``, ``purpose``."""
        files: list[dict[str, Any]] = self._object("GET", "files", params=query)["data"]
        return files

    def retrieve(self, file_id: str) -> dict[str, Any]:
        """Return a file object."""
        return self._object("GET", f"files/{file_id}")

    def content(self, file_id: str) -> bytes:
        """Return a file's bytes."""
        return self._request("GET", f"files/{file_id}/content").content

    def delete(self, file_id: str) -> None:
        """Delete a file."""
        self._request("DELETE", f"files/{file_id}")

    def _object(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._request(method, path, **more).json()
        return found
