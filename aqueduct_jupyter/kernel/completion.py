"""Tab completion after ``%%chat`` and ``%chat``: options, models, commands.

Options and commands are defined in :mod:`.magics` and :mod:`.commands`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from ..protocol.errors import AqueductError
from .display import Format
from .notebook_chat import NotebookChat

__all__ = ["completions", "install"]

_OPTIONS = (
    *("--model", "--system", "--temperature", "--max-tokens", "--parameter", "--with", "--as"),
    *("--output", "--format", "--conversation", "--new", "--dry-run", "--no-stream", "--jobs"),
)


def install(chats: NotebookChat, commands: Sequence[str]) -> None:
    """Register the completions with IPython.

    Args:
        chats: the notebook's chats, which hold the shell.
        commands: the names of ``%chat``'s commands.
    """

    def complete(_shell: Any, event: Any) -> list[str]:
        return completions(chats, commands, event.line)

    for name in ("%%chat", "%chat"):
        chats.shell.set_hook("complete_command", complete, str_key=name)


def completions(chats: NotebookChat, commands: Sequence[str], line: str) -> list[str]:
    """Return the completions for the last word of a line.

    Args:
        chats: the source of models, names and conversations.
        commands: the names of ``%chat``'s commands.
        line: the line up to the cursor.
    """
    words = line.split(" ")
    before, last = words[-2] if len(words) > 1 else "", words[-1]
    return [word for word in _candidates(chats, commands, words, before) if word.startswith(last)]


def _candidates(
    chats: NotebookChat, commands: Sequence[str], words: list[str], before: str
) -> list[str]:
    if before in ("-m", "--model", "use"):
        return _models(chats)
    if before in ("-f", "--format"):
        return list(get_args(Format))
    if before in ("-c", "--conversation"):
        return list(chats.session.conversations)
    if words[0] == "%chat" and len(words) == 2:
        return list(commands)
    if words[0] == "%%chat" and before == "--with":
        return [name for name in chats.names if not name.startswith("_")]
    return list(_OPTIONS)


def _models(chats: NotebookChat) -> list[str]:
    try:
        return chats.connected().models()
    except AqueductError:
        return []
