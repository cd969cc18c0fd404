"""This file is ``%%chat map VALUES -o TARGET``: a cell's question, asked of every value.

Asking side by side is left to :mod:`.mapping`, keeping what was answered to :mod:`.recording`.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..protocol.errors import AqueductError, CellError
from .asking import Asker
from .mapping import map_questions
from .notebook import find_notebook
from .prompt import evaluate, interpolate
from .recording import Recording
from .session import ChatSession, Request
from .structured import answer_type

if TYPE_CHECKING:
    from .magics import ChatMagics

__all__ = ["run_map"]

CHECKPOINT = ".chat-map.jsonl"
"""The ending of the file beside a notebook in which a map's answers are written down."""

VALUE = "value"
"""The name under which a prompt finds the value: ``@{value}``."""

MOST_JOBS = 64


class _Silent:
    """Where answers are shown that nobody looks at one by one."""

    def grow(self, text: str) -> None:
        """Show nothing."""

    def end(self, *_: Any) -> None:
        """Show nothing."""


def run_map(magics: ChatMagics, options: Namespace, cell: str) -> None:
    """Ask the cell's question of every value and keep the results.

    Raises:
        CellError: the values are none, or nothing says where the results go.
    """
    names = magics.shell.user_ns
    if not options.output:
        raise CellError('Say where the results go: %%chat map df.text -o df["label"].')
    if not 1 <= options.jobs <= MOST_JOBS:
        raise CellError(f"-j is between 1 and {MOST_JOBS}.")
    values = evaluate(options.map[1], names)
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        raise CellError(f"'{options.map[1]}' is no list, column or other row of values.")
    wanted = answer_type(options.type, names) if options.type else None
    parameters = magics.parameters(options)
    asker = Asker(magics.connected, _checkpoint(magics))

    def ask(value: Any) -> Any:
        prompt = _prompt(cell, value, names)
        request = Request(
            prompt,
            parameters=parameters,
            system=options.system or magics.system or None,
            answer_type=wanted,
            is_streamed=False,
        )
        # Each value is a conversation of its own.
        return ChatSession(asker).ask(request, _Silent).value

    results = map_questions(ask, list(values), jobs=options.jobs, progress=_progress)
    magics.assign(options.output, results)
    names["_chat"] = results
    failed = [result for result in results if isinstance(result, AqueductError)]
    if failed:
        print(f"{len(failed)} of {len(results)} failed; the first: {failed[0].message}")


def _prompt(cell: str, value: Any, names: dict[str, Any]) -> str:
    words = cell.removesuffix("\n")
    if f"@{{{VALUE}" in words:
        return interpolate(words, {**names, VALUE: value})
    return f"{interpolate(words, names)}\n\n{value}"


def _checkpoint(magics: ChatMagics) -> Recording:
    recording = magics.session.asker.recording
    if recording is not None:
        return recording
    notebook = find_notebook(magics.shell.user_ns)
    path = notebook.with_suffix(CHECKPOINT) if notebook else Path(f"notebook{CHECKPOINT}")
    return Recording(path, "replay")


def _progress(done: Iterable[Future[Any]], total: int) -> Iterable[Future[Any]]:
    from tqdm import tqdm

    bar: Iterable[Future[Any]] = tqdm(done, total=total, unit="answer")
    return bar
