"""This file is conversations in files of the notebook's folder; the ending chooses the format.

The formats themselves are left to :mod:`aqueduct_jupyter.protocol.exports`.
"""

from __future__ import annotations

from pathlib import Path

from ..protocol.conversation import Conversation
from ..protocol.errors import CellError
from ..protocol.exports import ENDINGS, read_conversation, write_conversation

__all__ = ["load", "save"]


def save(conversation: Conversation, path: Path) -> None:
    """Write a conversation to a file; its ending chooses: ``.json``, ``.md`` or ``.ipynb``.

    Raises:
        CellError: the ending is another one.
        OSError: the disk refuses.
    """
    # Written whole or not at all: what was there before is lost only to what replaces it.
    text = write_conversation(conversation, _ending(path)).encode(errors="replace")
    written = path.with_name(f".{path.name}.part")
    written.write_bytes(text)
    written.replace(path)


def load(path: Path) -> Conversation:
    """Read a conversation that :func:`save` wrote.

    Raises:
        CellError: the ending is another one, or the file holds no conversation.
        OSError: the disk refuses.
    """
    ending = _ending(path)
    try:
        return read_conversation(path.read_text(encoding="utf-8"), ending, path.stem)
    except ValueError as error:
        raise CellError(f"There is no conversation in {path.name}.") from error


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise CellError(
            f"A conversation is kept as .json, .md or .ipynb; '{path.name}' is none of them."
        )
    return ending
