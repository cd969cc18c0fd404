"""This file is how long a stream is waited for: one timer for all of its chunks.

``asyncio.timeout`` would do, with a timer made and cancelled for every chunk. Here a chunk sets a
number, and the one timer looks at it when it fires. What is waited for is left to
:mod:`aqueduct_jupyter.gateway.upstreams.answer`.

All moments are seconds of ``time.monotonic``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self

__all__ = ["Patience"]


class Patience:
    """A context whose task is interrupted where a wait within it takes too long.

    It begins waiting. Whoever has got something calls :meth:`rest`, and :meth:`wait` before the
    next wait. All of it happens in one task.

    Args:
        seconds: how long the first wait may take.
        heard_at: says when something has come of which :meth:`wait` was not told; the wait that
            it came in begins anew then.

    Raises:
        TimeoutError: at the end of the context, where a wait took longer.
    """

    def __init__(self, seconds: float, heard_at: Callable[[], float] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._heard_at = heard_at
        self._began_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Begin to wait, for so many seconds at the most."""
        self._began_at, self._seconds = monotonic(), seconds
        if self._timer is None or self._look_at > self._began_at + seconds:
            self._look_in(seconds)

    def rest(self) -> None:
        """Have no deadline, until the next wait."""
        self._began_at = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        is_ours = self._is_over and isinstance(error, asyncio.CancelledError)
        # Whoever else cancelled the task in the same moment has their way.
        if is_ours and self._task and self._task.uncancel() == 0:
            raise TimeoutError from error

    def _look_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._look_at = monotonic() + seconds
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._began_at is None:
            return
        began_at = max(self._began_at, self._heard_at()) if self._heard_at else self._began_at
        left = began_at + self._seconds - monotonic()
        if left > 0:
            self._look_in(left)
        else:
            self._is_over = True
            if self._task:
                self._task.cancel()
