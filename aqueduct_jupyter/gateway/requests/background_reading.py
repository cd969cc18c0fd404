"""Responses of the background that this process does not write: read, followed and cancelled.

What writes a response shows signs of life in its row. One without them is lost, and ends here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import Any

from ...protocol.bridges.responses_object import response_error
from ...protocol.errors import InvalidRequestError, ServerError
from ...protocol.response_events import ResponseSnapshot
from ..stores.response_interfaces import Responses, StoredResponse
from .background_run import read_events, write_event
from .stream import DONE_FRAME

__all__ = ["BackgroundReading"]

LOST_SECONDS = 20.0
"""How long after its last sign of life a response counts as lost, in seconds."""

POLL_SECONDS = 0.5
"""How often new events of a response are read that another process writes, in seconds."""


class BackgroundReading:
    """Reads the stored responses, those included that another process still writes.

    Args:
        responses: the stored responses.
        age: returns how old a sign of life is, in seconds.
    """

    lost_seconds = LOST_SECONDS
    poll_seconds = POLL_SECONDS

    def __init__(self, responses: Responses, age: Callable[[float], float]) -> None:
        self._responses = responses
        self._age = age

    async def get(self, owner: str, response_id: str) -> dict[str, Any]:
        """Return a response object, as far as it has been stored.

        Raises:
            NotFoundError: there is no such response.
        """
        stored, frames = await self._look_up(owner, response_id)
        return (
            dict(stored.response) if stored.alive_at is None else _replay(stored, frames).response()
        )

    async def follow(self, owner: str, response_id: str, first: int) -> AsyncGenerator[bytes, None]:
        """Return a response's events, those so far and those to come; several at a time.

        Args:
            owner: its owner.
            response_id: its id.
            first: the number of the first event that is wanted.

        Raises:
            NotFoundError: there is no such response.
            InvalidRequestError: it was not created with background.
        """
        stored, frames = await self._look_up_background(
            owner,
            response_id,
            "Only a response that was created with background can be streamed again. Ask for it "
            "without stream.",
            param="stream",
        )
        return self._follow(owner, stored, frames, first)

    async def cancel(self, owner: str, response_id: str) -> dict[str, Any]:
        """Cancel a response; one that has ended stays as it is.

        Returns:
            The response object.

        Raises:
            NotFoundError: there is no such response.
            InvalidRequestError: it was not created with background.
        """
        stored, frames = await self._look_up_background(
            owner,
            response_id,
            "Only a response that was created with background can be cancelled. To stop any other, "
            "close its connection.",
            param="response_id",
        )
        if stored.alive_at is None:
            return dict(stored.response)
        response = _replay(stored, frames).ended("cancelled")
        return await self._end(owner, stored, frames, "incomplete", response)

    async def _look_up_background(
        self, owner: str, response_id: str, refusal: str, *, param: str
    ) -> tuple[StoredResponse, list[bytes]]:
        """Look up a response; raise the refusal if it was not created with background."""
        stored, frames = await self._look_up(owner, response_id)
        if not frames and stored.alive_at is None:
            raise InvalidRequestError(refusal, param=param)
        return stored, frames

    async def _look_up(self, owner: str, response_id: str) -> tuple[StoredResponse, list[bytes]]:
        stored, frames = await self._responses.events(owner, response_id)
        if stored.alive_at is None or self._age(stored.alive_at) < self.lost_seconds:
            return stored, frames
        error = ServerError("The server ended before the response was complete.")
        response = _replay(stored, frames).ended("failed", response_error(error))
        await self._end(owner, stored, frames, "failed", response)
        return await self._responses.events(owner, response_id)

    async def _end(
        self,
        owner: str,
        stored: StoredResponse,
        frames: Sequence[bytes],
        name: str,
        response: dict[str, Any],
    ) -> dict[str, Any]:
        number = len(frames)
        event = {"type": f"response.{name}", "sequence_number": number, "response": response}
        ended = replace(stored, response=response, alive_at=None)
        await self._responses.finish(owner, ended, number, [write_event(event)])
        return response

    async def _follow(
        self, owner: str, stored: StoredResponse, frames: list[bytes], first: int
    ) -> AsyncGenerator[bytes, None]:
        while True:
            if first < len(frames):
                yield b"".join(frames[first:])
                first = len(frames)
            if stored.alive_at is None:
                yield DONE_FRAME
                return
            await asyncio.sleep(self.poll_seconds)
            stored, frames = await self._look_up(owner, stored.id)


def _replay(stored: StoredResponse, frames: Sequence[bytes]) -> ResponseSnapshot:
    snapshot = ResponseSnapshot(stored.response)
    for event in read_events(b"".join(frames)):
        snapshot.add(event)
    return snapshot
