"""Errors raised in a kernel and never sent."""

from __future__ import annotations

from .base import AqueductError


class NotebookError(AqueductError):
    """Something in the notebook is at fault."""

    default_status = 0
    default_type = "notebook_error"


class CellError(NotebookError):
    """The cell asks for something that does not exist, or ``%%chat`` cannot understand it."""


class AnswerError(NotebookError):
    """The answer is not what was asked for.

    Args:
        message: what is wrong with it.
        answer: the answer's text, as received.
    """

    def __init__(self, message: str, answer: str) -> None:
        super().__init__(message)
        self.answer = answer


class ReplayError(NotebookError):
    """Only recorded answers are allowed, and none matches."""
