"""Tab completion after ``%%chat`` and ``%chat``: options, models, commands.

Options and commands are defined in :mod:`.magics` and :mod:`.commands`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from ..protocol.errors import AqueductError
from .display import Format
from .notebook_chat import NotebookChat

__all__ = ["completions", "install"]

_MATCHER = "aqueduct_jupyter.chat"

_OPTIONS = (
    *("--model", "--system", "--temperature", "--max-tokens", "--parameter", "--with", "--as"),
    *("--output", "--format", "--conversation", "--new", "--dry-run", "--no-stream", "--jobs"),
)


def install(chats: NotebookChat, commands: Sequence[str]) -> None:
    """Register the completions with IPython, in the place of all others on these lines.

    Args:
        chats: the notebook's chats, which hold the shell.
        commands: the names of ``%chat``'s commands.
    """

    @context_matcher(identifier=_MATCHER)  # type: ignore[untyped-decorator]  # not annotated
    def match(context: CompletionContext) -> SimpleMatcherResult:
        line = context.text_until_cursor
        is_ours = line.startswith(("%%chat ", "%chat ")) and (
            line.startswith("%chat ") or context.cursor_line == 0
        )
        found = completions(chats, commands, line) if is_ours else []
        # Only the end of a word is replaced, where IPython takes its beginning for an operator.
        before = len(line.split(" ")[-1]) - len(context.token)
        shown = [SimpleCompletion(text=word[max(before, 0) :], type="option") for word in found]
        return {"completions": shown, "suppress": bool(found), "ordered": True}

    completer = chats.shell.Completer
    # A reload must not leave the matcher of before.
    completer.custom_matchers[:] = [
        matcher
        for matcher in completer.custom_matchers
        if getattr(matcher, "matcher_identifier", "") != _MATCHER
    ]
    completer.custom_matchers.append(match)


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
