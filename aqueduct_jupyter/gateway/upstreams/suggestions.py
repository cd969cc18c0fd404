"""The names that a message suggests in the place of one that no upstream has."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = ["suggestion"]

CLOSE = 0.6
"""The similarity, from 0 to 1, from which a name is suggested."""

LONGEST_COMPARED = 100
MAX_COMPARED = 500
"""Characters of a name, and number of names, that are compared with an unknown name."""

MAX_NAMES = 5
"""How many names a message suggests."""


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return a sentence with the names most like this one, or with the first that there are."""
    if not known:
        return "No upstream lists any models; ask the operator of this server."
    # The time to compare grows with the product of both lengths, which others choose.
    short = [model for model in known if len(model) <= LONGEST_COMPARED][:MAX_COMPARED]
    close = get_close_matches(name[:LONGEST_COMPARED], short, n=MAX_NAMES, cutoff=CLOSE)
    if close:
        return f"Similar names: {', '.join(close)}."
    more = ", ..." if len(known) > MAX_NAMES else ""
    return f"Available models: {', '.join(known[:MAX_NAMES])}{more}."
