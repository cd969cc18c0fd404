"""This file is one question asked of many values: side by side, and never twice.

Every answer is written down as it comes, in the same form as recorded answers, so an interrupt or a
kernel's restart resumes where it was. An error of one value is that value's result, and the others
go on. Which values and where the results go is left to the magics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

from ..protocol.errors import AqueductError

__all__ = ["map_questions"]


def map_questions(
    ask: Callable[[Any], Any],
    values: Sequence[Any],
    *,
    jobs: int,
    progress: Callable[[Iterable[Future[Any]], int], Iterable[Future[Any]]],
) -> list[Any]:
    """Ask a question of every value.

    Args:
        ask: asks it of one value and gives the result; runs in several threads.
        values: the values.
        jobs: how many are asked at the same time.
        progress: passes on what is done while it shows it, given how many there are.

    Returns:
        A result for each value, in their order; where one failed, its AqueductError.
    """
    pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="aqueduct-map")
    asked = [pool.submit(_result, ask, value) for value in values]
    try:
        for _ in progress(as_completed(asked), len(asked)):
            pass
    finally:
        # After an interrupt nothing more is asked; what is being asked is still written down when
        # its answer comes, and nobody waits for it.
        pool.shutdown(wait=False, cancel_futures=True)
    return [done.result() for done in asked]


def _result(ask: Callable[[Any], Any], value: Any) -> Any:
    try:
        return ask(value)
    except AqueductError as error:
        return error
