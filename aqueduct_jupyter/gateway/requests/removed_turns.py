"""Turns of stored conversations that were removed a short while ago, so that they can come back.

They are in this process's memory only: the chat offers *Undo* for 20 seconds, and what a user
deletes must not stay on the disk. Earlier versions of a turn are part of it, and are stored.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from ...protocol import conversation_edits as edits
from ...protocol.errors import NotFoundError
from ...protocol.stored_conversations import StoredTurn

__all__ = ["RemovedTurns"]

MOST_KEPT = 100
"""How many turns are kept, of all conversations; the oldest goes first."""

_Key = tuple[str, str]


class RemovedTurns:
    """The removed turns of this process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[_Key, str], tuple[StoredTurn, int]] = OrderedDict()

    def keep(self, key: _Key, turn_id: str, before: Sequence[StoredTurn]) -> None:
        """Keep a turn.

        Args:
            key: the owner and the conversation.
            turn_id: the turn.
            before: the turns before it was removed.
        """
        turn = edits.find(before, turn_id)
        turn.end("stopped")
        self._kept[key, turn_id] = (turn, before.index(turn))
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def take(self, key: _Key, turn_id: str) -> tuple[StoredTurn, int]:
        """Return a turn and its place among the others, and keep it no longer.

        Raises:
            NotFoundError: it is not kept.
        """
        found = self._kept.pop((key, turn_id), None)
        if found is None:
            raise NotFoundError(
                "This question can no longer be restored: it was removed too long ago, or the "
                "server was restarted since.",
                code="turn_not_found",
            )
        return found
