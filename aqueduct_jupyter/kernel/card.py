"""An error as a notebook shows it: what happened, why, and what to do, in a few lines.

The error is still raised, so Run All, nbclient and CI stop at it.
"""

from __future__ import annotations

import sys

from ..protocol.errors import AnswerError, AqueductError
from ..protocol.plain_text import plain_lines

__all__ = ["as_card", "as_stopped", "card_lines", "user_error"]

SHOWN_ANSWER = 1500
"""Characters shown of a wrong answer."""


def card_lines(error: AqueductError) -> list[str]:
    """Return the lines of an error's card."""
    name = type(error).__name__
    lines = [f"{name}: {plain_lines(error.message)}"]
    if isinstance(error, AnswerError) and error.answer:
        rest = len(error.answer) - SHOWN_ANSWER
        more = f"\n[{rest} more characters]" if rest > 0 else ""
        lines += ["", "The answer was:", plain_lines(error.answer[:SHOWN_ANSWER]) + more]
    if error.retry_after:
        lines.append(f"Try again after {error.retry_after:g} seconds.")
    if error.param:
        lines.append(f"Where: {error.param}")
    if error.request_id:
        lines.append(f"Request: {error.request_id}")
    return lines


def as_stopped(interrupt: KeyboardInterrupt, way_on: str) -> KeyboardInterrupt:
    """Make IPython show an interrupt in a line, without a traceback through this package.

    Args:
        interrupt: the interrupt, which is still raised.
        way_on: how the user goes on from here.
    """
    vars(interrupt)[_BEFORE] = getattr(sys, "last_value", None)
    vars(interrupt)["_render_traceback_"] = lambda: [f"Stopped. {way_on}"]
    return interrupt


_BEFORE = "_aqueduct_before"


def user_error(error: BaseException | None) -> BaseException | None:
    """Return the last error that is the user's own, and not a card of ours; None if there is none.

    Args:
        error: the last error of all.
    """
    while error is not None and _BEFORE in vars(error):
        error = vars(error)[_BEFORE]
    return error


def as_card(error: AqueductError) -> AqueductError:
    """Make IPython show an error as a card, without a traceback through this package."""
    vars(error)[_BEFORE] = getattr(sys, "last_value", None)
    # IPython calls this method for an exception's own traceback.
    vars(error)["_render_traceback_"] = lambda: card_lines(error)
    return error
