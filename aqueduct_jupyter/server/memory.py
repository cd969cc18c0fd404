"""Memory tuning for the whole process: free memory returns to the system.

This affects a whole process. A Jupyter server is not only ours, so there it is off unless
``AqueductApp.tune_memory`` is on; a hub's service is. Caches and their limits are in the modules
that hold them.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable

__all__ = [
    "RELEASE_INTERVAL",
    "SETTLE_SECONDS",
    "freeze_loaded_objects",
    "release_free_memory",
    "tune_memory",
]

RELEASE_INTERVAL = 30.0
"""Seconds between two releases of free memory; each takes a millisecond or two, in a thread."""

COLLECT_SECONDS = 60.0
"""Seconds between two passes of the garbage collector over all objects."""

NEVER = 2**30
"""After how many passes over younger objects Python would begin one over all by itself."""

SETTLE_SECONDS = 10.0
"""Seconds after which a service has loaded what its first requests and its database need."""


async def tune_memory() -> None:
    """Tune a process that is only ours, until cancelled.

    By itself, Python passes over all objects whenever a quarter of them is new. While a thousand
    streams begin, that happens every few seconds, and each pass stalls them for a tenth of a
    second. What requests leave behind is almost always found in the passes over new objects.
    """
    freeze_loaded_objects()
    gc.set_threshold(*gc.get_threshold()[:2], NEVER)
    await asyncio.sleep(SETTLE_SECONDS)
    freeze_loaded_objects()
    releasing = asyncio.create_task(release_free_memory())
    try:
        while True:
            await asyncio.sleep(COLLECT_SECONDS)
            gc.collect()
    finally:
        releasing.cancel()


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
