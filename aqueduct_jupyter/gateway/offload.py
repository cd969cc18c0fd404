"""Work on bytes: on the event loop if they are few, otherwise in a thread.

For a small payload, a thread costs more than the work; a large one would delay all other requests.
There is a single thread. Decoding and encoding hold the interpreter's lock, so more threads would
not be faster, and the loop would wait for each of them in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

__all__ = ["off_the_loop"]

LARGE = 64 * 2**10
"""Payload size, in bytes, from which work moves to the worker thread."""

_Result = TypeVar("_Result")


async def off_the_loop(size: int, work: Callable[..., _Result], *arguments: object) -> _Result:
    """Do work whose time grows with the size of its payload.

    Args:
        size: the payload's size, in bytes.
        work: a function, which may be called in a thread.
        *arguments: its arguments.

    Raises:
        Exception: any exception that the work raises.
    """
    if size < LARGE:
        return work(*arguments)
    return await asyncio.get_running_loop().run_in_executor(_worker(), partial(work, *arguments))


@cache
def _worker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="aqueduct-bytes")
