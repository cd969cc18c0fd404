"""What the server does about memory where an operator wants it: free memory goes back.

This affects the whole Jupyter server process, not only this extension, so it is off unless
``AqueductApp.tune_memory`` is on. What is kept on purpose, and how much of it, is said where it is
kept.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable

__all__ = ["RELEASE_INTERVAL", "freeze_loaded_objects", "release_free_memory"]

RELEASE_INTERVAL = 30.0
"""How often memory goes back. It takes a millisecond or two, in a thread."""


def freeze_loaded_objects() -> None:
    """Tell the collector that whatever there is by now will stay.

    Looked through again at a burst of requests, it would hold up every stream for a tenth of a
    second.
    """
    gc.freeze()


async def release_free_memory() -> None:
    """Give free memory back to the system, again and again, until it is cancelled.

    The C library gives back what is free at the end of its heap. Reads take large pieces of memory
    and shorten them to what has come, which leaves holes between what stays; they would make a
    server of a thousand requests a minute larger by the hour, with nothing in them. Only the GNU C
    library is known to need and to have this.
    """
    if trim := _trim():
        while True:
            await asyncio.sleep(RELEASE_INTERVAL)
            await asyncio.to_thread(trim, 0)


def _trim() -> Callable[[int], int] | None:
    """Find the C library's call for it. Source: malloc_trim(3)."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
