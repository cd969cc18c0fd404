"""Asking for a typed answer: with a JSON schema if the upstream accepts one, corrected if needed.

The types and their schemas are in :mod:`.structured`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..protocol.conversation import Message
from ..protocol.errors import (
    AnswerError,
    AqueductError,
    InvalidRequestError,
    UnprocessableError,
)
from .answer import Answer
from .asking import Asker, Question
from .display import Display
from .structured import AnswerType

__all__ = ["ask_typed"]

MOST_REPAIRS = 2
"""How often a model is asked to correct a typed answer."""

CUT_OFF = "The answer was cut off before it was complete. Allow a longer one with --max-tokens."


def ask_typed(
    asker: Asker, wanted: AnswerType, question: Question, shown: Display, answer: Answer
) -> Any:
    """Ask for a typed answer, and ask again if it does not fit the type.

    Args:
        asker: asks the question.
        wanted: the type.
        question: the question; corrections are added to its messages.
        shown: the display of the answer.
        answer: is filled with the answer.

    Returns:
        The typed value.

    Raises:
        AnswerError: no answer fits the type.
        AqueductError: there is no answer.
    """
    is_told = False
    for repair in range(MOST_REPAIRS + 1):
        _ask_with_schema(asker, wanted, question, shown, answer)
        try:
            return wanted.read(answer.text)
        except AnswerError as error:
            # An answer that reaches the limit is usually incomplete JSON; a complete one was
            # accepted above.
            if answer.finish_reason == "length":
                raise AnswerError(CUT_OFF, answer.text) from None
            if repair == MOST_REPAIRS:
                raise
            complaint = f"{error.message} Answer again, with the corrected JSON only."
            if "response_format" in question.parameters and not is_told:
                # An upstream that accepts the schema may still ignore it.
                complaint += f" {wanted.request()}"
                is_told = True
            question.messages = [
                *question.messages,
                {"role": "assistant", "content": answer.text},
                {"role": "user", "content": complaint},
            ]
            _clear(answer)
    raise AssertionError("the last repair returns or raises")


def _ask_with_schema(
    asker: Asker, wanted: AnswerType, question: Question, shown: Display, answer: Answer
) -> None:
    try:
        asker.ask(question, shown, answer)
    except AqueductError as error:
        if "response_format" not in question.parameters or not _is_schema_refused(error):
            raise
        parameters = dict(question.parameters)
        del parameters["response_format"]
        question.parameters = parameters
        question.messages = _with_text(question.messages, wanted.request())
        asker.ask(question, shown, answer)


def _is_schema_refused(error: AqueductError) -> bool:
    """Return whether an upstream refused a request because it does not support JSON schemas."""
    hints = ("response_format", "json_schema", "schema", "structured")
    return isinstance(error, InvalidRequestError | UnprocessableError) and any(
        hint in f"{error.param} {error.message}".lower() for hint in hints
    )


def _with_text(messages: Sequence[Message], text: str) -> list[Message]:
    last = messages[-1]
    content = last["content"]
    if isinstance(content, str):
        return [*messages[:-1], {**last, "content": f"{content}\n\n{text}"}]
    return [*messages[:-1], {**last, "content": [*content, {"type": "text", "text": text}]}]


def _clear(answer: Answer) -> None:
    answer.text, answer.finish_reason = "", None
