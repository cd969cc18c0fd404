"""Going back in a notebook's conversation: to another version of a turn, or to one removed.

The conversation has what is shown; this has the rest, by the ids of turns. The server keeps the
same for the sidebar in :mod:`aqueduct_jupyter.protocol.conversation_edits`, in a form to store.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from ..protocol.conversation import MOST_VERSIONS, Conversation, Turn
from ..protocol.errors import CellError

__all__ = ["Versions"]

MOST_REMOVED = 100
"""How many removed turns can be put back; the oldest goes first."""


@dataclass(slots=True)
class _Others:
    """The other versions of a turn and of what followed it, and the place of the shown one."""

    versions: list[list[Turn]] = field(default_factory=list)
    version: int = 0


class Versions:
    """What a conversation has had besides what it shows.

    Args:
        conversation: the conversation, which this changes.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._others: dict[str, _Others] = {}
        self._removed: OrderedDict[str, tuple[Turn, int]] = OrderedDict()

    def of(self, turn: Turn) -> tuple[int, int]:
        """Return how many versions of a turn there are, and which one this is, from 0."""
        others = self._others.get(turn.id, _Others())
        return len(others.versions) + 1, others.version

    def replace(self, gone: list[Turn], turn: Turn) -> None:
        """Keep turns as an earlier version of one that took their place, if they say anything."""
        if not gone:
            return
        others = self._others.pop(gone[0].id, _Others())
        if any(old.answer for old in gone):
            others.versions.insert(others.version, gone)
        versions = others.versions[-MOST_VERSIONS:]
        self._others[turn.id] = _Others(versions, len(versions))

    def choose(self, turn_id: str, version: int) -> None:
        """Show another version of a turn, with what followed it.

        Raises:
            CellError: there is no such turn or version, or an answer is being written.
        """
        turns = self._conversation.turns
        if any(turn.state == "running" for turn in turns):
            raise CellError("An answer is being written. Wait until it has ended, or stop it.")
        others = self._others.get(turn_id, _Others())
        place = next((n for n, turn in enumerate(turns) if turn.id == turn_id), None)
        if place is None or not 0 <= version <= len(others.versions):
            raise CellError(f"There is no version {version} of this turn.")
        self._others.pop(turn_id, None)  # a turn that has only one version has none
        others.versions.insert(others.version, turns[place:])
        turns[place:] = others.versions.pop(version)
        self._others[turns[place].id] = _Others(others.versions, version)
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
