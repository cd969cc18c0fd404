"""Going back in a notebook's conversation: to another version of a turn, or to one removed.

The conversation has what is shown; this has the rest, by the ids of turns. The server keeps the
same for the sidebar in :mod:`aqueduct_jupyter.protocol.conversation_edits`, in a form to store.
"""

from __future__ import annotations

from collections import OrderedDict

from ..protocol.conversation import Conversation, Turn
from ..protocol.errors import CellError
from ..protocol.turn_versions import TurnVersions

__all__ = ["Versions"]

MOST_REMOVED = 100
"""How many removed turns can be put back; the oldest goes first."""


class Versions:
    """What a conversation has had besides what it shows.

    Args:
        conversation: the conversation, which this changes.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._versions: dict[str, TurnVersions[list[Turn]]] = {}
        self._removed: OrderedDict[str, tuple[Turn, int]] = OrderedDict()

    def of(self, turn: Turn) -> tuple[int, int]:
        """Return how many versions of a turn there are, and which one this is, from 0."""
        versions = self._versions.get(turn.id, TurnVersions())
        return len(versions.others) + 1, versions.version

    def replace(self, gone: list[Turn], turn: Turn) -> None:
        """Keep turns as an earlier version of one that took their place, if they say anything."""
        if not gone:
            return
        versions = self._versions.pop(gone[0].id, TurnVersions())
        says_something = any(old.answer for old in gone)
        self._versions[turn.id] = versions.replaced(gone if says_something else None)

    def choose(self, turn_id: str, version: int) -> None:
        """Show another version of a turn, with what followed it.

        Raises:
            CellError: there is no such turn or version, or an answer is being written.
        """
        turns = self._conversation.turns
        if any(turn.state == "running" for turn in turns):
            raise CellError("An answer is being written. Wait until it has ended, or stop it.")
        try:
            place = [turn.id for turn in turns].index(turn_id)
            versions = self._versions.get(turn_id, TurnVersions())
            turns[place:], versions = versions.chosen(turns[place:], version)
        except (ValueError, IndexError):
            raise CellError(f"There is no version {version} of this turn.") from None
        self._versions.pop(turn_id, None)
        self._versions[turns[place].id] = versions
        self._conversation.changed()

    def remove(self, turn_id: str) -> None:
        """Remove a turn, which can be put back for a while."""
        for place, turn in enumerate(self._conversation.turns):
            if turn.id == turn_id:
                self._removed[turn_id] = turn, place
        if len(self._removed) > MOST_REMOVED:
            self._removed.popitem(last=False)
        self._conversation.remove(turn_id)

    def restore(self, turn_id: str) -> None:
        """Put back a turn that was removed.

        Raises:
            CellError: it is not kept any longer.
        """
        found = self._removed.pop(turn_id, None)
        if found is None:
            raise CellError("This question can no longer be restored: it was removed too long ago.")
        turn, place = found
        self._conversation.turns.insert(place, turn)
        self._conversation.changed()
