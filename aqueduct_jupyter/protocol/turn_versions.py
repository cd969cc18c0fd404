"""The versions of a turn: which one is shown, and the others, in whatever form they are kept.

A version is a turn and what followed it. :mod:`aqueduct_jupyter.kernel.versions` keeps them as
turns, :mod:`.conversation_edits` as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["MOST_VERSIONS", "TurnVersions"]

MOST_VERSIONS = 50
"""How many versions of a turn are kept; the oldest goes first."""

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class TurnVersions(Generic[V]):
    """The versions of a turn that are not shown.

    Attributes:
        others: the versions, in the order in which they were asked.
        version: the place of the shown one among them, from 0.
    """

    others: list[V] = field(default_factory=list)
    version: int = 0

    def replaced(self, shown: V | None) -> TurnVersions[V]:
        """Return the versions once a new one, the last, is shown.

        Args:
            shown: the version that was shown; None if it says nothing that is worth keeping.
        """
        others = self.others if shown is None else self._with(shown)
        kept = others[-MOST_VERSIONS:]
        return TurnVersions(kept, len(kept))

    def chosen(self, shown: V, version: int) -> tuple[V, TurnVersions[V]]:
        """Return a version, and the versions once it is shown.

        Args:
            shown: the version that was shown.
            version: the place of the chosen one, from 0.

        Raises:
            IndexError: there is no such version.
        """
        others = self._with(shown)
        if not 0 <= version < len(others):
            raise IndexError(version)
        return others.pop(version), TurnVersions(others, version)

    def _with(self, shown: V) -> list[V]:
        return [*self.others[: self.version], shown, *self.others[self.version :]]
