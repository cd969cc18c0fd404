"""This file is where work on bytes is done: on the loop where they are few, else in a thread.

A thread costs more than a small piece of work takes; a large one would hold up every other request.
There is one thread for all of it. Decoding and encoding hold the interpreter's lock, so more of
them would not be faster, and the loop would wait for each of them in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

__all__ = ["off_the_loop"]

LARGE = 64 * 2**10
"""Bytes from which work goes to a thread."""

_Result = TypeVar("_Result")


async def off_the_loop(size: int, work: Callable[..., _Result], *arguments: object) -> _Result:
    """Do work whose time grows with the size of what it works on.

    Args:
        size: that size, in bytes.
        work: what is called, maybe in a thread.
        *arguments: what it is called with.

    Raises:
        Exception: whatever the work raises.
    """
    if size < LARGE:
        return work(*arguments)
    return await asyncio.get_running_loop().run_in_executor(_worker(), partial(work, *arguments))


@cache
def _worker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="aqueduct-bytes")
