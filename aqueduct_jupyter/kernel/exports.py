"""Saving and loading conversations; the file's extension chooses the format.

The formats are in :mod:`aqueduct_jupyter.protocol.exports`.
"""

from __future__ import annotations

from pathlib import Path

from ..protocol.conversation import Conversation
from ..protocol.errors import CellError
from ..protocol.exports import ENDINGS, read_conversation, write_conversation

__all__ = ["load", "save"]


def save(conversation: Conversation, path: Path) -> None:
    """Write a conversation to a ``.json``, ``.md`` or ``.ipynb`` file.

    Raises:
        CellError: the extension is not supported.
        OSError: the file cannot be written.
    """
    # Written completely or not at all: an existing file is lost only when a new one replaces it.
    text = write_conversation(conversation, _ending(path)).encode(errors="replace")
    written = path.with_name(f".{path.name}.part")
    written.write_bytes(text)
    written.replace(path)


def load(path: Path) -> Conversation:
    """Read a conversation that :func:`save` wrote.

    Raises:
        CellError: the extension is not supported, or the file contains no conversation.
        OSError: the file cannot be read.
    """
    ending = _ending(path)
    try:
        return read_conversation(path.read_text(encoding="utf-8"), ending, path.stem)
    except ValueError as error:
        raise CellError(f"{path.name} contains no conversation.") from error


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise CellError(
            f"A conversation can be saved as .json, .md or .ipynb, not as '{path.name}'."
        )
    return ending
