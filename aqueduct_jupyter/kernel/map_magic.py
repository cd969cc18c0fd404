"""``%%chat map VALUES -o TARGET``: a cell's question, asked about each value.

Parallel asking is in :mod:`.mapping`, keeping the answers in :mod:`.recording`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from ..protocol.errors import AqueductError, CellError
from .answer import Answer
from .asking import Asker
from .mapping import map_questions
from .notebook_chat import NotebookChat
from .prompt import evaluate, interpolate
from .recording import Recording
from .session import ChatSession
from .structured import AnswerType
from .turn_request import TurnRequest

__all__ = ["run_map"]

CHECKPOINT = ".chat-map.jsonl"
"""The extension of the file beside a notebook that keeps a map's answers."""

VALUE = "value"
"""The name of the value in a prompt: ``@{value}``."""

MOST_JOBS = 64


class _Silent:
    """A display that shows nothing, because nobody reads the answers one by one."""

    def grow(self, answer: Answer) -> None:
        """Show nothing."""

    def end(self, *_: Any) -> None:
        """Show nothing."""


def run_map(
    chats: NotebookChat,
    cell: str,
    *,
    values: str,
    target: str | None,
    jobs: int,
    wanted: AnswerType | None,
    parameters: Mapping[str, Any],
    system: str | None,
) -> None:
    """Ask the cell's question about each value and keep the results.

    Args:
        chats: the notebook's chats.
        cell: the question; the value replaces ``@{value}``, or is appended if there is none.
        values: the name of the values.
        target: where the results go.
        jobs: how many requests run in parallel.
        wanted: the type of the answers, or None.
        parameters: the API parameters.
        system: the system message.

    Raises:
        CellError: the values cannot be iterated over, or there is no target.
    """
    names = chats.names
    if not target:
        raise CellError('Specify where the results go: %%chat map df.text -o df["label"].')
    if not 1 <= jobs <= MOST_JOBS:
        raise CellError(f"-j must be between 1 and {MOST_JOBS}.")
    found = evaluate(values, names)
    if isinstance(found, str | bytes) or not hasattr(found, "__iter__"):
        raise CellError(f"'{values}' is not a list, a column or another series of values.")
    asker = Asker(chats.connected, _checkpoint(chats))

    def ask(value: Any) -> Any:
        request = TurnRequest(
            _prompt(cell, value, names),
            parameters=parameters,
            system=system,
            answer_type=wanted,
            is_streamed=False,
        )
        # Each value has a conversation of its own.
        return ChatSession(asker).ask(request, lambda _: _Silent()).value

    results = map_questions(ask, list(found), jobs=jobs, progress=_progress)
    chats.assign(target, results)
    names["_chat"] = results
    failed = [result for result in results if isinstance(result, AqueductError)]
    if failed:
        print(f"{len(failed)} of {len(results)} failed; the first: {failed[0].message}")


def _prompt(cell: str, value: Any, names: dict[str, Any]) -> str:
    text = cell.removesuffix("\n")
    if f"@{{{VALUE}" in text:
        return interpolate(text, {**names, VALUE: value})
    return f"{interpolate(text, names)}\n\n{value}"


def _checkpoint(chats: NotebookChat) -> Recording:
    return chats.session.asker.recording or Recording(chats.beside(CHECKPOINT), "replay")


def _progress(done: Iterable[Future[Any]], total: int) -> Iterable[Future[Any]]:
    from tqdm import tqdm

    bar: Iterable[Future[Any]] = tqdm(done, total=total, unit="answer")
    return bar
