"""Long lists of ids in parts, because a statement takes only so many parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["in_parts"]

MOST_IDS = 1000
"""How many ids one statement has; PostgreSQL takes 65,535 parameters, SQLite 32,766."""


def in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield ids in parts that a statement takes."""
    for first in range(0, len(ids), MOST_IDS):
        yield ids[first : first + MOST_IDS]
