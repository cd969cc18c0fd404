"""What a panel offers for its next question: objects of the notebook, described.

The page sees a name and the text; pictures and files stay here until they are sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..protocol.variables import Variable
from .context import Context
from .describers import describe
from .notebook_chat import NotebookChat
from .references import look_up
from .variables import variables_of

__all__ = ["PanelAttachments"]

PREVIEW = 24_000
"""Characters shown of an attachment: about what is sent of one."""


class PanelAttachments:
    """The attachments of one panel.

    Args:
        chats: the notebook's chats, whose names are looked up.
        things: objects, or references as after ``--with``.

    Raises:
        CellError: one does not exist.
    """

    def __init__(self, chats: NotebookChat, things: Sequence[Any]) -> None:
        self._chats = chats
        self._contexts: dict[str, Context] = {}
        for thing in things:
            self.attach(thing)

    def attach(self, thing: Any) -> dict[str, str]:
        """Attach an object or a reference; returns it in the form for the page.

        Raises:
            CellError: it does not exist.
        """
        context = self._described(thing)
        self._contexts[context.name] = context
        return _offered(context)

    def offered(self) -> list[dict[str, str]]:
        """Return all attachments in the form for the page."""
        return [_offered(context) for context in self._contexts.values()]

    def take(self, names: Sequence[str]) -> list[Context]:
        """Return attachments by their names, which are then no longer offered.

        Raises:
            KeyError: there is no attachment with this name.
        """
        return [self._contexts.pop(name) for name in names]

    def variables(self) -> list[Variable]:
        """List what could be attached."""
        return variables_of(self._chats.names, self._chats.shell.user_ns_hidden)

    def _described(self, thing: Any) -> Context:
        names = self._chats.names
        if isinstance(thing, str):
            return look_up(thing, names)
        name = next((name for name, value in names.items() if value is thing), "attachment")
        return describe(name, thing)


def _offered(context: Context) -> dict[str, str]:
    text = "\n".join(piece.text for piece in context.pieces)
    kinds = ", ".join(type(part).__name__.removesuffix("Part").lower() for part in context.parts)
    return {"name": context.name, "text": text[:PREVIEW] or f"[{kinds}]"}
