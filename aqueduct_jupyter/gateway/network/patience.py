"""A timeout for each wait in a stream, with a single timer.

``asyncio.timeout`` would create and cancel a timer for every chunk. Here a chunk only sets a
number, which the timer checks when it fires. The stream is read in
:mod:`aqueduct_jupyter.gateway.upstreams.answer`.

All times are seconds of ``time.monotonic``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self

__all__ = ["Patience"]


class Patience:
    """A context whose task is interrupted if a wait in it takes too long.

    The first wait begins at once. Call :meth:`rest` when data has arrived, and :meth:`wait` before
    waiting again, all in one task.

    Args:
        seconds: how long the first wait may take, in seconds.
        heard_at: returns when data last arrived that did not go through this task; the current
            wait then starts again from that time.

    Raises:
        TimeoutError: at the end of the context, if a wait took too long.
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
        """Begin a wait of at most this many seconds."""
        self._began_at, self._seconds = monotonic(), seconds
        if self._timer is None or self._look_at > self._began_at + seconds:
            self._look_in(seconds)

    def rest(self) -> None:
        """Suspend the deadline until the next wait."""
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
        # If the task was also cancelled by others, their cancellation takes precedence.
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
