"""The files that a panel's page sends for its next question, piece by piece.

Objects of the notebook are in :mod:`.panel_attachments`.
"""

from __future__ import annotations

from typing import Any

from ..protocol.errors import CellError
from ..protocol.panel import Received
from .context import FilePart
from .session import ChatSession

__all__ = ["PanelUploads"]

MOST_UPLOAD_BYTES = 64 * 2**20
"""Largest file that a panel may upload, in bytes; messages allow less, and say so."""


class PanelUploads:
    """The files that are on their way from one panel.

    Args:
        session: keeps the files that have arrived.
    """

    def __init__(self, session: ChatSession) -> None:
        self._session = session
        self._files: dict[str, bytearray] = {}

    def receive(self, message: dict[str, Any], piece: bytes | memoryview) -> Received:
        """Take the next piece of a file, and return what the page is told.

        Raises:
            CellError: the file is too large.
        """
        upload, name, size = message["upload"], str(message["name"]), int(message["bytes"])
        if size > MOST_UPLOAD_BYTES:
            raise CellError(f"{name} has {size} bytes; the most for a chat is {MOST_UPLOAD_BYTES}.")
        data = self._files.setdefault(upload, bytearray())
        data += piece
        part = None
        if len(data) >= size:
            del self._files[upload]
            part = self._session.keep_file(FilePart(name, bytes(data)))
        return {"type": "received", "upload": upload, "bytes": len(data), "part": part}

    def forget(self, upload: str) -> None:
        """Discard what has come of a file."""
        self._files.pop(upload, None)
