"""This file is ``%%chat map VALUES -o TARGET``: a cell's question, asked of every value.

Asking side by side is left to :mod:`.mapping`, keeping what was answered to :mod:`.recording`.
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
from .session import ChatSession, Request
from .structured import AnswerType

__all__ = ["run_map"]

CHECKPOINT = ".chat-map.jsonl"
"""The ending of the file beside a notebook in which a map's answers are written down."""

VALUE = "value"
"""The name under which a prompt finds the value: ``@{value}``."""

MOST_JOBS = 64


class _Silent:
    """Where answers are shown that nobody looks at one by one."""

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
    """Ask the cell's question of every value and keep the results.

    Args:
        chats: the notebook's.
        cell: the words, with ``@{value}`` where the value stands, else before it.
        values: the name of the values.
        target: where the results go.
        jobs: how many are asked at the same time.
        wanted: the type of the answers, or None.
        parameters: the API's.
        system: the system's message.

    Raises:
        CellError: the values are none, or nothing says where the results go.
    """
    names = chats.names
    if not target:
        raise CellError('Say where the results go: %%chat map df.text -o df["label"].')
    if not 1 <= jobs <= MOST_JOBS:
        raise CellError(f"-j is between 1 and {MOST_JOBS}.")
    found = evaluate(values, names)
    if isinstance(found, str | bytes) or not hasattr(found, "__iter__"):
        raise CellError(f"'{values}' is no list, column or other row of values.")
    asker = Asker(chats.connected, _checkpoint(chats))

    def ask(value: Any) -> Any:
        request = Request(
            _prompt(cell, value, names),
            parameters=parameters,
            system=system,
            answer_type=wanted,
            is_streamed=False,
        )
        # Each value is a conversation of its own.
        return ChatSession(asker).ask(request, lambda _: _Silent()).value

    results = map_questions(ask, list(found), jobs=jobs, progress=_progress)
    chats.assign(target, results)
    names["_chat"] = results
    failed = [result for result in results if isinstance(result, AqueductError)]
    if failed:
        print(f"{len(failed)} of {len(results)} failed; the first: {failed[0].message}")


def _prompt(cell: str, value: Any, names: dict[str, Any]) -> str:
    words = cell.removesuffix("\n")
    if f"@{{{VALUE}" in words:
        return interpolate(words, {**names, VALUE: value})
    return f"{interpolate(words, names)}\n\n{value}"


def _checkpoint(chats: NotebookChat) -> Recording:
    return chats.session.asker.recording or Recording(chats.beside(CHECKPOINT), "replay")


def _progress(done: Iterable[Future[Any]], total: int) -> Iterable[Future[Any]]:
    from tqdm import tqdm

    bar: Iterable[Future[Any]] = tqdm(done, total=total, unit="answer")
    return bar
