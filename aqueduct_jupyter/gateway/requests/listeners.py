"""Those who listen to something: frames as they come, and no more than a little memory for each."""

from __future__ import annotations

import asyncio

__all__ = ["Listener"]

MOST_PENDING = 256 * 2**10
"""Bytes that wait for one listener; one who is further behind gets the current state anew."""


class Listener:
    """One who listens.

    Attributes:
        is_behind: whether frames were dropped, because there were too many.
        is_over: whether nothing more comes after the frames that wait.
    """

    def __init__(self) -> None:
        self.is_behind = self.is_over = False
        self._frames: list[bytes] = []
        self._size = 0
        self._changed = asyncio.Event()

    def tell(self, frame: bytes) -> None:
        """Have a frame wait, if there is room for it."""
        if not self.is_behind:
            self._frames.append(frame)
            self._size += len(frame)
            if self._size > MOST_PENDING:
                self.start_anew()
                self.is_behind = True
        self._changed.set()

    def end(self) -> None:
        """Note that nothing more comes."""
        self.is_over = True
        self._changed.set()

    def start_anew(self) -> None:
        """Forget what waits, because the listener gets the current state."""
        self._frames, self._size, self.is_behind = [], 0, False

    def look_again(self) -> None:
        """Have the listener get the current state, because something else has changed it."""
        self.start_anew()
        self.is_behind = True
        self._changed.set()

    async def wait(self, seconds: float | None = None) -> bytes:
        """Wait for frames, and return all that wait.

        Args:
            seconds: how long to wait at most; None is as long as it takes.

        Returns:
            The frames; none if the time is up, if some were dropped, or if all is over.
        """
        try:
            async with asyncio.timeout(seconds):
                while not (self._frames or self.is_behind or self.is_over):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return b""
        frames = b"".join(self._frames)
        self._frames, self._size = [], 0
        return frames
