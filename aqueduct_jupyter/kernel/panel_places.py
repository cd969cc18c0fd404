"""The conversation of each panel of a notebook, and how the panels of a conversation ask.

Panels are in :mod:`.panel`, conversations in :mod:`.session`.

* Panels that were made with the same arguments, or with none, share a conversation. One that is to
  be asked otherwise, beside another, has a conversation of its own.
* A cell that is run again goes on with its conversation, whatever its new arguments are, unless
  another cell has a panel there that they would not suit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from pydantic import ValidationError

from ..protocol.errors import CellError
from ..protocol.plain_text import plain_text
from ..protocol.stored_conversations import LONGEST_EFFORT, LONGEST_SYSTEM, QuestionParameters
from .notebook import running_cell

__all__ = ["CellRun", "PanelPlace", "PanelPlaces", "run_of"]

MOST_PLACES = 1000
"""How many panels are remembered; the oldest goes first."""

_ALLOWED = {
    "system": f"Only a text of up to {LONGEST_SYSTEM:,} characters is allowed.",
    "temperature": "Only 0 to 2 is allowed.",
    "max_tokens": "Only whole numbers from 1 are allowed.",
    "reasoning_effort": f"Only a text of up to {LONGEST_EFFORT} characters is allowed, such as "
    "'low'.",
}
"""What is said of any other value; the front end says the same of its numbers."""

Arguments = frozenset[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class CellRun:
    """One run of a cell, by the front end's id of the cell and the number of the execution."""

    cell: str
    execution: int


@dataclass(frozen=True, slots=True)
class PanelPlace:
    """Where a panel is.

    Attributes:
        conversation: the name of its conversation.
        arguments: those that say how it asks, with their values.
        default: the name of the notebook's conversation then; None if the panel named its own.
        run: the run of the cell that made it, if that is known.
    """

    conversation: str
    arguments: Arguments
    default: str | None
    run: CellRun | None


def run_of(shell: Any) -> CellRun | None:
    """Return the run of the cell that a shell runs, if its front end names cells."""
    cell = running_cell(shell)
    return CellRun(cell, shell.execution_count) if cell else None


class PanelPlaces:
    """The panels of a notebook, each in its conversation."""

    def __init__(self) -> None:
        self._places: list[PanelPlace] = []
        self._before: dict[str, list[PanelPlace]] = {}
        self._parameters: dict[str, QuestionParameters] = {}

    def parameters(self, conversation: str) -> QuestionParameters:
        """Return how the panels of a conversation ask."""
        return self._parameters.get(conversation, QuestionParameters())

    def set_parameters(self, conversation: str, changed: Mapping[str, Any]) -> None:
        """Have the panels of a conversation ask with these parameters and the others it has.

        Raises:
            CellError: a value is not allowed.
        """
        kept = self.parameters(conversation).model_dump()
        self._parameters[conversation] = _checked(kept | dict(changed))

    def take(
        self,
        default: str,
        named: str | None,
        given: Mapping[str, Any],
        run: CellRun | None,
    ) -> PanelPlace:
        """Return the place of a new panel.

        Its arguments hold for its conversation from now on, and those that its cell no longer gives
        are as if they had never been given.

        Args:
            default: the notebook's conversation, for a panel that names none.
            named: the conversation that the panel names, if any.
            given: its arguments that say how it asks; ``model`` may be among them.
            run: the run of the cell that makes it, if that is known.

        Raises:
            CellError: a value is not allowed.
        """
        parameters = {name: value for name, value in given.items() if name != "model"}
        _checked(parameters)
        arguments = frozenset(given.items())
        before = self._before_this(run)
        names = _names(default, arguments, before, len(self._of(run)))
        name = named or next(name for name in names if self._suits(name, arguments))
        place = PanelPlace(name, arguments, None if named else default, run)
        self._places = [*self._places, place][-MOST_PLACES:]
        dropped = dict.fromkeys(_dropped(name, before, self._places))
        self.set_parameters(name, dropped | parameters)
        return place

    def leave(self, place: PanelPlace) -> None:
        """Take note that a panel is closed."""
        if place in self._places:
            self._places.remove(place)

    def _before_this(self, run: CellRun | None) -> list[PanelPlace]:
        """Return where the panels of a cell's last run were; they have made way for this run."""
        if run is None:
            return []
        mine = [place for place in self._places if place.run and place.run.cell == run.cell]
        if gone := [place for place in mine if place.run != run]:
            self._places = [place for place in self._places if place not in gone]
            self._before[run.cell] = gone
        return self._before.get(run.cell, [])

    def _of(self, run: CellRun | None) -> list[PanelPlace]:
        """Return where the panels are that a run has made so far."""
        return [place for place in self._places if run is not None and place.run == run]

    def _suits(self, conversation: str, arguments: Arguments) -> bool:
        """Return whether every panel of a conversation asks as these arguments say."""
        return not arguments or all(
            place.arguments in (frozenset(), arguments)
            for place in self._places
            if place.conversation == conversation and place.default is not None
        )


def _names(
    default: str, arguments: Arguments, before: Sequence[PanelPlace], number: int
) -> Iterator[str]:
    """Give the conversations for a panel that names none, the likeliest first."""
    same = [place for place in before if place.arguments == arguments]
    for place in [*same, *before[number : number + 1]]:
        if place.default == default:
            yield place.conversation
    yield default
    yield from (f"{default} {number}" for number in count(2))


def _dropped(
    conversation: str, before: Sequence[PanelPlace], now: Sequence[PanelPlace]
) -> set[str]:
    """Return the arguments that a cell gave to a conversation, and no panel gives now."""

    def given(places: Sequence[PanelPlace]) -> set[str]:
        mine = (place.arguments for place in places if place.conversation == conversation)
        return {name for arguments in mine for name, _ in arguments}

    return given(before) - given(now) - {"model"}


def _checked(given: Mapping[str, Any]) -> QuestionParameters:
    try:
        return QuestionParameters.model_validate(given)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        value = plain_text(repr(given[name]))
        raise CellError(f"{name}={value}: {_ALLOWED[name]}") from None
