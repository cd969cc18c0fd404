"""How the turns of a stored conversation change; each function changes a list.

Storing it, and telling others, is in the gateway.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from .conversation import Turn
from .errors import NotFoundError
from .stored_conversations import NewTurn

__all__ = [
    "SERVER_STOPPED",
    "Edit",
    "begin",
    "end_as_lost",
    "end_lost",
    "find",
    "finish",
    "grow",
    "remove",
    "stop",
]

Edit = Callable[[list[Turn]], None]
"""Changes a list of turns."""

SERVER_STOPPED = "server_stopped"
"""The code of a turn whose answer ended with its server."""


def find(turns: Sequence[Turn], turn_id: str) -> Turn:
    """Find a turn.

    Raises:
        NotFoundError: there is no such turn.
    """
    for turn in turns:
        if turn.id == turn_id:
            return turn
    raise NotFoundError(
        f"There is no turn '{turn_id[:80]}' in this conversation: it was removed.",
        code="turn_not_found",
    )


def begin(turns: list[Turn], new: NewTurn, turn: Turn) -> None:
    """Add a turn, after removing those that it takes the place of."""
    ids = [old.id for old in turns]
    if new.before in ids:
        del turns[ids.index(new.before) :]
    if new.continues and turns:
        turns[-1].keep_part()
    turns.append(turn)


def grow(turn: Turn) -> Edit:
    """Put a turn in the place of what it was before.

    The edit raises a NotFoundError if the turn has been removed, or its answer has been stopped.
    """

    def edit(turns: list[Turn]) -> None:
        old = find(turns, turn.id)
        if old.state != "running":
            raise NotFoundError(f"The answer of '{turn.id}' was stopped.", code="turn_not_found")
        turns[turns.index(old)] = turn

    return edit


def finish(turn: Turn) -> Edit:
    """Put a turn that has ended in the place of what it was before.

    The edit raises a NotFoundError if the turn has been removed.
    """

    def edit(turns: list[Turn]) -> None:
        turns[turns.index(find(turns, turn.id))] = turn

    return edit


def remove(turns: list[Turn], turn_id: str) -> None:
    """Remove a turn.

    Raises:
        NotFoundError: there is no such turn.
    """
    turns.remove(find(turns, turn_id))


def stop(turns: list[Turn], turn_id: str) -> None:
    """End a turn whose answer is running; its text stays.

    Raises:
        NotFoundError: there is no such turn.
    """
    find(turns, turn_id).end("stopped")


def end_as_lost(turn: Turn) -> None:
    """End a turn whose answer was running when its server stopped; its text stays."""
    turn.end("stopped", "The server stopped while this answer was running.", SERVER_STOPPED)


def end_lost(turns: list[Turn], lost: Collection[str]) -> None:
    """End the turns with these ids, because their server has stopped."""
    for turn in turns:
        if turn.id in lost:
            end_as_lost(turn)
