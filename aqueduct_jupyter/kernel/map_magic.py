"""``%%chat map VALUES -o TARGET``: a cell's question, asked about each value.

Parallel asking is in :mod:`.mapping`, keeping the answers in :mod:`.recording`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from math import isnan
from typing import Any

from ..protocol.errors import AqueductError, CellError, RateLimitError
from ..protocol.plain_text import plain_text
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

_WITH_TABLES = ("pandas", "polars")

MOST_WAITING = 300.0
"""How long one value waits for a service that names a time, in seconds."""


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

    A missing value (None, NaN, an empty text) is not asked; its result is None.

    Raises:
        CellError: the values cannot be iterated over, or the results cannot be stored; nothing has
            been asked then.
    """
    names = chats.visible
    if not target:
        raise CellError('Specify where the results go: %%chat map df.text -o df["label"].')
    if not 1 <= jobs <= MOST_JOBS:
        raise CellError(f"-j must be between 1 and {MOST_JOBS}.")
    found = evaluate(values, names)
    if isinstance(found, str | bytes) or not hasattr(found, "__iter__"):
        raise CellError(f"'{values}' is not a list, a column or another series of values.")
    if _is_of("DataFrame", found):
        raise CellError(
            f"'{values}' is a table. Name one of its columns, such as {values}['text']."
        )
    rows = list(found)
    recording = _checkpoint(chats)
    # What can fail is tried before anything is asked, and paid for.
    index = _own_index(found, target, names)
    chats.check_target(target, _indexed([None] * len(rows), index))
    recording.check()
    asker = Asker(chats.connected, recording)
    stopped = threading.Event()

    def ask(prompt: str) -> Any:
        request = TurnRequest(
            prompt,
            parameters=parameters,
            system=system,
            answer_type=wanted,
            is_streamed=False,
        )
        # Each value has a conversation of its own.
        return _patiently(
            lambda: ChatSession(asker).ask(request, lambda _: _Silent()).value, stopped
        )

    prompts = [_prompt_or_error(cell, value, names) for value in rows]
    # Equal values are asked once.
    unique = list(dict.fromkeys(prompt for prompt in prompts if isinstance(prompt, str)))
    try:
        answers = map_questions(ask, unique, jobs=jobs, progress=_progress)
    finally:
        stopped.set()
    by_prompt = dict(zip(unique, answers, strict=True))
    results = [by_prompt[prompt] if isinstance(prompt, str) else prompt for prompt in prompts]
    chats.names["_chat"] = results  # also if the target refuses them
    for line in _summary(results, prompts):
        print(line)
    chats.assign(target, _indexed(results, index))


def _own_index(values: Any, target: str, names: Mapping[str, Any]) -> Any:
    """Return the index of values whose rows the target's table has elsewhere; None if none has.

    A sorted or filtered column has the rows of its table in another order, or only some.
    """
    owner, _, item = target.partition("[")
    if not item or not _is_of("Series", values, "pandas"):
        return None
    try:
        table = evaluate(owner, names)
    except CellError:
        return None  # told when the target is checked
    if not _is_of("DataFrame", table, "pandas") or values.index.equals(table.index):
        return None
    is_clear = values.index.is_unique and table.index.is_unique
    return values.index if is_clear and values.index.isin(table.index).all() else None


def _is_of(name: str, value: Any, *packages: str) -> bool:
    """Tell whether a value is a library's own without importing the library."""
    return any(
        kind.__name__ == name and kind.__module__.partition(".")[0] in (packages or _WITH_TABLES)
        for kind in type(value).__mro__
    )


def _indexed(results: list[Any], index: Any) -> Any:
    if index is None:
        return results
    import pandas as pd  # it has made the index

    return pd.Series(results, index=index, dtype=object)


def _summary(results: Sequence[Any], prompts: Sequence[Any]) -> Iterator[str]:
    if missing := sum(prompt is None for prompt in prompts):
        yield f"{missing} of {len(results)} had no value, and were not asked; their result is None."
    failed = [result for result in results if isinstance(result, AqueductError)]
    if failed:
        yield f"{len(failed)} of {len(results)} failed; the first: {failed[0].message}"


def _patiently(ask: Callable[[], Any], stopped: threading.Event) -> Any:
    """Ask, and again after the time that a service with a limit names, within a bound."""
    waited = 0.0
    while True:
        try:
            return ask()
        except RateLimitError as error:
            pause = error.retry_after
            if pause is None or waited + pause > MOST_WAITING:
                raise
            waited += pause
            if stopped.wait(pause):
                raise


def _prompt_or_error(cell: str, value: Any, names: dict[str, Any]) -> str | AqueductError | None:
    """Return the prompt for a value; None if there is no value, or why there is no prompt."""
    try:
        return None if _is_missing(value) else _prompt(cell, value, names)
    except AqueductError as error:
        return error
    except Exception as error:  # the value's own str() may raise anything
        return CellError(f"{type(error).__name__}: {plain_text(str(error))}")


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, float):
        return isnan(value)
    return isinstance(value, str) and not value.strip()


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
