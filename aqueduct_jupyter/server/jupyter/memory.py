"""Memory tuning for the whole process: free memory returns to the system.

This affects the whole Jupyter server process, not only this extension, so it is off unless
``AqueductApp.tune_memory`` is on. Caches and their limits are in the modules that hold them.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable

__all__ = ["RELEASE_INTERVAL", "freeze_loaded_objects", "release_free_memory"]

RELEASE_INTERVAL = 30.0
"""Seconds between two releases of free memory; each takes a millisecond or two, in a thread."""


def freeze_loaded_objects() -> None:
    """Exempt all existing objects from garbage collection.

    A collection that traverses them during a burst of requests would stall every stream for a
    tenth of a second.
    """
    gc.freeze()


async def release_free_memory() -> None:
    """Return free memory to the system periodically, until cancelled.

    By itself, the C library returns only the free end of its heap. Reads allocate large blocks and
    shrink them to the data received, which fragments the heap: a server with a thousand requests a
    minute would grow hourly. Only the GNU C library is known to need this call, and to have it.
    """
    if trim := _trim():
        while True:
            await asyncio.sleep(RELEASE_INTERVAL)
            await asyncio.to_thread(trim, 0)


def _trim() -> Callable[[int], int] | None:
    """Find the C library's function. Source: malloc_trim(3)."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
