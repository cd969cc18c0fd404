"""A request for one turn of a conversation: the prompt, its attachments, and how to ask.

What is sent for it, with the turns before it, is a :class:`.asking.Question`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .context import Context, FilePart
from .structured import AnswerType

__all__ = ["TurnRequest"]


@dataclass(slots=True)
class TurnRequest:
    """A request for one turn.

    Args:
        prompt: the cell's text, with values inserted.
        contexts: the attached objects.
        parts: attachments that are already message parts.
        parameters: the API parameters, including ``model``.
        system: the system message.
        conversation: the conversation's name.
        is_new: clear the conversation first.
        cell: the notebook's id of the cell.
        execution: which of the notebook's executions this is; several questions of one are several
            turns.
        before: the turn to ask again; it and what follows it become an earlier version.
        continues: whether the answer goes on with the last one, even if that has failed.
        answer_type: the type that the answer must have.
        is_streamed: False asks for the complete answer at once.
        client_id: the caller's own id for the request, with which another thread can stop it.
        context_tokens: the budget for the text of attachments.
        history_tokens: the budget for all messages; None is the model's own limit.
    """

    prompt: str
    contexts: Sequence[Context] = ()
    parts: Sequence[dict[str, Any]] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    system: str | None = None
    conversation: str = "main"
    is_new: bool = False
    cell: str | None = None
    execution: int | None = None
    before: str | None = None
    continues: bool = False
    answer_type: AnswerType | None = None
    is_streamed: bool = True
    client_id: str | None = None
    context_tokens: int = 8000
    history_tokens: int | None = None

    def content(self) -> str | list[dict[str, Any]]:
        """Put attachments before the prompt, as parts; a prompt without any stays a string."""
        if not self.contexts and not self.parts:
            return self.prompt
        texts = [context.part() for context in self.contexts if context.text]
        parts = [part.part() for context in self.contexts for part in context.parts]
        return [
            *texts,
            *parts,
            *self.parts,
            {"type": "text", "text": self.prompt},
        ]

    def files(self) -> dict[str, FilePart]:
        """Return the attached files, by the hash of their content."""
        parts = (part for context in self.contexts for part in context.parts)
        return {part.sha256: part for part in parts if isinstance(part, FilePart)}
