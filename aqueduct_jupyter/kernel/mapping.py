"""One question asked about many values: in parallel, and never twice.

Every answer is saved when it arrives, in the format of recorded answers, so a run can resume after
an interrupt or a kernel restart. An error for one value becomes that value's result, and the others
continue. The magics choose the values and store the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

from ..protocol.errors import AqueductError, CellError
from ..protocol.plain_text import plain_text

__all__ = ["map_questions"]


def map_questions(
    ask: Callable[[Any], Any],
    values: Sequence[Any],
    *,
    jobs: int,
    progress: Callable[[Iterable[Future[Any]], int], Iterable[Future[Any]]],
) -> list[Any]:
    """Ask a question about each value.

    Args:
        ask: asks it about one value and returns the result; runs in several threads.
        values: the values.
        jobs: how many requests run in parallel.
        progress: yields the finished futures and shows the progress, given their total number.

    Returns:
        A result for each value, in order; an AqueductError for a value that failed.
    """
    pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="aqueduct-map")
    asked = [pool.submit(_result, ask, value) for value in values]
    try:
        for _ in progress(as_completed(asked), len(asked)):
            pass
    finally:
        # After an interrupt, no new question is asked. Running ones still save their answers, but
        # nothing waits for them.
        pool.shutdown(wait=False, cancel_futures=True)
    return [done.result() for done in asked]


def _result(ask: Callable[[Any], Any], value: Any) -> Any:
    try:
        return ask(value)
    except AqueductError as error:
        return error
    except Exception as error:
        # A validator of the user's own type may raise anything; the other values go on.
        return CellError(f"{type(error).__name__}: {plain_text(str(error))}")
