"""This file is what the server does about memory: what stays is left alone, what is free goes back.

It is about the process, so about all of Jupyter in it. What is kept on purpose, and how much of it,
is said where it is kept.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable

__all__ = ["GIVE_BACK_SECONDS", "give_back_free_memory", "spare_streams_the_collector"]

COLLECT_AFTER = 5_000
"""From how many new objects on the collector looks at them; Python's own figure is 700."""

GIVE_BACK_SECONDS = 30.0
"""How often memory goes back. It takes a millisecond or two, in a thread."""


def spare_streams_the_collector() -> None:
    """Have the collector look at less, and less often: every stream waits for it.

    Whatever there is by now will stay: it is not looked through again. What running requests are
    made of would be, again and again while they are many: for a thousand streams, a tenth of a
    second each time.
    """
    gc.freeze()
    first, *others = gc.get_threshold()
    if 0 < first < COLLECT_AFTER:  # 0 has switched it off
        gc.set_threshold(COLLECT_AFTER, *others)


async def give_back_free_memory() -> None:
    """Give free memory back to the system, again and again, until it is cancelled.

    The C library gives back what is free at the end of its heap. Reads take large pieces of memory
    and shorten them to what has come, which leaves holes between what stays; they would make a
    server of a thousand requests a minute larger by the hour, with nothing in them. Only the GNU C
    library is known to need and to have this.
    """
    if trim := _trim():
        while True:
            await asyncio.sleep(GIVE_BACK_SECONDS)
            await asyncio.to_thread(trim, 0)


def _trim() -> Callable[[int], int] | None:
    """Find the C library's call for it. Source: malloc_trim(3)."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
