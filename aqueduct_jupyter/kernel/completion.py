"""This file is the Tab key after ``%%chat`` and ``%chat``: options, models, commands.

What the words mean is left to :mod:`.magics` and :mod:`.commands`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from ..protocol.errors import AqueductError
from .display import Format

if TYPE_CHECKING:
    from .magics import ChatMagics

__all__ = ["install"]

_OPTIONS = (
    *("--model", "--system", "--temperature", "--max-tokens", "--parameter", "--with", "--as"),
    *("--output", "--format", "--conversation", "--new", "--dry-run", "--no-stream", "--jobs"),
)


def install(magics: ChatMagics) -> None:
    """Have IPython ask us what could follow a chat's words."""

    def complete(_shell: Any, event: Any) -> list[str]:
        return completions(magics, event.line)

    for name in ("%%chat", "%chat"):
        magics.shell.set_hook("complete_command", complete, str_key=name)


def completions(magics: ChatMagics, line: str) -> list[str]:
    """Give what the last word of a line could become.

    Args:
        magics: knows models, commands and conversations.
        line: up to the cursor.
    """
    words = line.split(" ")
    before, last = words[-2] if len(words) > 1 else "", words[-1]
    return [word for word in _candidates(magics, words, before) if word.startswith(last)]


def _candidates(magics: ChatMagics, words: list[str], before: str) -> list[str]:
    if before in ("-m", "--model", "use"):
        return _models(magics)
    if before in ("-f", "--format"):
        return list(get_args(Format))
    if before in ("-c", "--conversation"):
        return list(magics.session.conversations)
    if words[0] == "%chat" and len(words) == 2:
        return magics.commands.names
    if words[0] == "%%chat" and re.fullmatch(r"--with", before):
        return [name for name in magics.shell.user_ns if not name.startswith("_")]
    return list(_OPTIONS)


def _models(magics: ChatMagics) -> list[str]:
    try:
        return magics.connected().models()
    except AqueductError:
        return []
