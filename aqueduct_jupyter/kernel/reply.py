"""The reply to a request: the answer, its typed value, and the notes below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..protocol.conversation import dropped_note
from .answer import Answer
from .asking import Question

__all__ = ["Notes", "Reply", "footer", "metadata"]


_ENDINGS = {
    "length": "cut off at the most tokens; %chat continue goes on",
    "content_filter": "ended by the service's filter",
}
"""What is said about an answer that ended early."""


@dataclass(slots=True)
class Notes:
    """Remarks about a question: how many turns were dropped, and what was left out of it."""

    dropped_turns: int
    left_out: list[str]

    @property
    def lines(self) -> list[str]:
        """Both as text for the user."""
        if not self.dropped_turns:
            return list(self.left_out)
        return [dropped_note(self.dropped_turns), *self.left_out]


@dataclass(slots=True)
class Reply:
    """The result: the answer, its typed value if a type was requested, and notes for the user."""

    answer: Answer
    value: Any
    notes: list[str]


def footer(answer: Answer, notes: Sequence[str]) -> str:
    """Return the line below an answer: model, seconds, tokens and notes."""
    facts = [answer.model or "", f"{answer.seconds:.1f} s"]
    facts += [f"{answer.tokens_out} tokens"] if answer.tokens_out is not None else []
    facts += [said] if (said := _ENDINGS.get(answer.finish_reason or "")) else []
    return " \u00b7 ".join([*(fact for fact in facts if fact), *notes])


def metadata(answer: Answer, question: Question) -> dict[str, Any]:
    """Return what is saved with an answer's output in the notebook."""
    return {
        "model": answer.model,
        "request_id": answer.request_id,
        "prompt": question.key,
        "tokens_in": answer.tokens_in,
        "tokens_out": answer.tokens_out,
        "finish_reason": answer.finish_reason,
    }
