"""How the turns of a stored conversation change; each function changes a list.

Storing it, and telling others, is in the gateway.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from .conversation import Turn
from .errors import NotFoundError
from .stored_conversations import TURNS, NewTurn, StoredTurn
from .turn_versions import TurnVersions

__all__ = [
    "SERVER_STOPPED",
    "Edit",
    "begin",
    "choose",
    "end_as_lost",
    "end_lost",
    "find",
    "finish",
    "grow",
    "remove",
    "stop",
]

Edit = Callable[[list[StoredTurn]], None]
"""Changes a list of turns."""

SERVER_STOPPED = "server_stopped"
"""The code of a turn whose answer ended with its server."""


def find(turns: Sequence[StoredTurn], turn_id: str) -> StoredTurn:
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


def begin(turns: list[StoredTurn], new: NewTurn, turn: StoredTurn) -> None:
    """Add a turn; those in its place become an earlier version, unless they say nothing."""
    ids = [old.id for old in turns]
    if new.before in ids:
        place = ids.index(new.before)
        gone = turns[place:]
        del turns[place:]
        says_something = any(old.answer for old in gone)
        _give(turn, _versions(gone).replaced(_alone(gone) if says_something else None))
    if new.continues and turns:
        turns[-1].keep_part()
    turns.append(turn)


def choose(turns: list[StoredTurn], turn_id: str, version: int) -> None:
    """Put another version in the place of a turn and of what follows it.

    Raises:
        NotFoundError: there is no such turn or version.
    """
    place = turns.index(find(turns, turn_id))
    shown = turns[place:]
    try:
        data, versions = _versions(shown).chosen(_alone(shown), version)
        chosen = TURNS.validate_python(data)
        _give(chosen[0], versions)
    except (IndexError, ValidationError):
        raise NotFoundError(
            f"There is no version {version} of this turn.", param="version", code="turn_not_found"
        ) from None
    turns[place:] = chosen


def _versions(shown: Sequence[StoredTurn]) -> TurnVersions[list[dict[str, Any]]]:
    """Return the other versions of the first turn, which has them."""
    return TurnVersions(shown[0].versions, shown[0].version)


def _give(turn: StoredTurn, versions: TurnVersions[list[dict[str, Any]]]) -> None:
    turn.versions, turn.version = versions.others, versions.version


def _alone(shown: Sequence[StoredTurn]) -> list[dict[str, Any]]:
    """Return turns as a version: the first without its others."""
    alone = [replace(shown[0], versions=[], version=0), *shown[1:]]
    data: list[dict[str, Any]] = TURNS.dump_python(alone)
    return data


def grow(turn: StoredTurn) -> Edit:
    """Put a turn in the place of what it was before.

    The edit raises a NotFoundError if the turn has been removed, or its answer has been stopped.
    """

    def edit(turns: list[StoredTurn]) -> None:
        old = find(turns, turn.id)
        if old.state != "running":
            raise NotFoundError(f"The answer of '{turn.id}' was stopped.", code="turn_not_found")
        turns[turns.index(old)] = turn

    return edit


def finish(turn: StoredTurn) -> Edit:
    """Put a turn that has ended in the place of what it was before.

    The edit raises a NotFoundError if the turn has been removed.
    """

    def edit(turns: list[StoredTurn]) -> None:
        turns[turns.index(find(turns, turn.id))] = turn

    return edit


def remove(turns: list[StoredTurn], turn_id: str) -> None:
    """Remove a turn.

    Raises:
        NotFoundError: there is no such turn.
    """
    turns.remove(find(turns, turn_id))


def stop(turns: list[StoredTurn], turn_id: str) -> None:
    """End a turn whose answer is running; its text stays.

    Raises:
        NotFoundError: there is no such turn.
    """
    find(turns, turn_id).end("stopped")


def end_as_lost(turn: Turn) -> None:
    """End a turn whose answer was running when its server stopped; its text stays."""
    turn.end("stopped", "The server stopped while this answer was running.", SERVER_STOPPED)


def end_lost(turns: list[StoredTurn], lost: Collection[str]) -> None:
    """End the turns with these ids, because their server has stopped."""
    for turn in turns:
        if turn.id in lost:
            end_as_lost(turn)
