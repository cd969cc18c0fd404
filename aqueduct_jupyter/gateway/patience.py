"""This file is how long a stream is waited for: one timer for all of its chunks.

``asyncio.timeout`` would do, with a timer made and cancelled for every chunk. Here a chunk sets a
number, and the one timer looks at it when it fires. What is waited for is left to :mod:`.upstream`.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

__all__ = ["Patience"]


class Patience:
    """A context whose task is interrupted where a wait within it takes too long.

    It begins waiting. Whoever has got something calls :meth:`rest`, and :meth:`wait` before the
    next wait. All of it happens in one task.

    Args:
        seconds: how long the first wait may take.

    Raises:
        TimeoutError: at the end of the context, where a wait took longer.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Begin to wait, for so many seconds at the most."""
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            self._look_at(self._deadline)

    def rest(self) -> None:
        """Have no deadline, until the next wait."""
        self._deadline = None

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

    def _look_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(moment, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._deadline <= self._loop.time():
            self._is_over = True
            if self._task:
                self._task.cancel()
        else:
            self._look_at(self._deadline)
