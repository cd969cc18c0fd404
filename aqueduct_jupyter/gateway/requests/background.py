"""Responses that are written in the background: started, followed, looked up and cancelled.

A request runs in a task of its own, so it goes on when its client leaves. The upstream streams;
each event is kept in memory for those who follow, and stored within a second. While a response is
written, its row shows signs of life. So another process, or the next one after a crash, knows
whether somebody still writes it. What this process does not write is read in
:mod:`.background_reading`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from ...protocol.errors import (
    AqueductError,
    RequestStoppedError,
    ServerError,
    UnavailableError,
)
from ..encoding import encode_json
from ..offload import off_the_loop
from ..stores.database import age_of
from ..stores.response_interfaces import Responses
from .admission import Accepted, Asking
from .answers import StreamedAnswer
from .background_reading import BackgroundReading
from .background_run import BackgroundRun, read_background_fields, read_events
from .forwarding import Forwarding
from .operations import RESPONSES
from .turns import Turns

__all__ = ["BackgroundAnswer", "BackgroundResponses"]

SAVE_SECONDS = 1.0
"""How often new events are stored, in seconds."""

BEAT_SECONDS = 5.0
"""How often a response without new events shows a sign of life, in seconds."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackgroundAnswer:
    """What the client of a background response gets.

    Args:
        response: the response object, which is queued.
        events: its events as they come, if the client follows them from the start.
        headers: say what is left of the caller's budgets.
    """

    response: Mapping[str, Any]
    events: AsyncGenerator[bytes, None] | None
    headers: Mapping[str, str]


class BackgroundResponses:
    """The responses that are written in the background.

    Args:
        forwarding: answers requests.
        responses: the stored responses.
        turns: what is kept of the Responses API.
        age: returns how old a sign of life of a response is, in seconds.
        clock: returns seconds since 1970; for tests.

    Attributes:
        note_activity: called while something is written, so that the server counts as in use.
    """

    save_seconds = SAVE_SECONDS
    beat_seconds = BEAT_SECONDS

    def __init__(
        self,
        forwarding: Forwarding,
        responses: Responses,
        turns: Turns,
        *,
        age: Callable[[float], float] = age_of,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._forwarding = forwarding
        self._responses = responses
        self._turns = turns
        self._clock = clock
        self._reading = BackgroundReading(responses, age)
        self._runs: dict[tuple[str, str], BackgroundRun] = {}
        self.note_activity: Callable[[], None] = lambda: None

    async def start(self, asking: Asking) -> BackgroundAnswer | None:
        """Start a request that is to be answered in the background.

        Returns:
            Its answer, once the request has been admitted; None if it does not ask for this.

        Raises:
            AqueductError: the request is refused.
        """
        fields = await read_background_fields(asking.pieces)
        if fields is None:
            return None
        run = BackgroundRun(asking.caller.owner, fields, self._clock())
        sent = {name: value for name, value in fields.items() if name != "background"}
        # What is kept is kept here; the upstream gets the items of later requests anew.
        asking.pieces[:] = [encode_json({**sent, "stream": True, "store": False})]
        run.task = asyncio.create_task(self._write(run, asking))
        try:
            headers = await asyncio.shield(run.accepted)
        except asyncio.CancelledError:
            run.cancel()  # nobody knows its id yet
            raise
        events = run.follow(0) if fields.get("stream") is True else None
        return BackgroundAnswer(run.response, events, headers)

    async def get(self, owner: str, response_id: str) -> dict[str, Any]:
        """Return a response object, as far as it has been written.

        Raises:
            NotFoundError: there is no such response.
        """
        if run := self._runs.get((owner, response_id)):
            return run.response
        return await self._reading.get(owner, response_id)

    async def follow(
        self, owner: str, response_id: str, after: int = -1
    ) -> AsyncGenerator[bytes, None]:
        """Return a response's events, those so far and those to come; several at a time.

        Args:
            owner: its owner.
            response_id: its id.
            after: the number of the last event that the caller knows.

        Raises:
            NotFoundError: there is no such response.
            InvalidRequestError: it was not created with background.
        """
        if run := self._runs.get((owner, response_id)):
            return run.follow(after + 1)
        return await self._reading.follow(owner, response_id, after + 1)

    async def cancel(self, owner: str, response_id: str) -> dict[str, Any]:
        """Cancel a response; one that has ended stays as it is.

        Returns:
            The response object.

        Raises:
            NotFoundError: there is no such response.
            InvalidRequestError: it was not created with background.
        """
        if run := self._runs.get((owner, response_id)):
            run.cancel()
            if run.task is not None:
                await asyncio.wait([run.task])
            return run.response
        return await self._reading.cancel(owner, response_id)

    async def delete(self, owner: str, response_id: str) -> None:
        """Delete a response; one that is being written is cancelled.

        Raises:
            NotFoundError: there is no such response.
        """
        if (owner, response_id) in self._runs:
            await self.cancel(owner, response_id)
        await self._responses.delete(owner, response_id)

    async def close(self) -> None:
        """End all that this process writes, and store it."""
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        for run in self._runs.values():
            run.end_task()
        if tasks:
            await asyncio.wait(tasks)

    async def _write(self, run: BackgroundRun, asking: Asking) -> None:
        async def accept(accepted: Accepted) -> None:
            run.begin(accepted.turn, accepted.model)
            await self._responses.put(run.owner, run.stored(self._clock()))
            self._runs[run.owner, run.id] = run
            run.accepted.set_result(accepted.headers)

        saving = asyncio.create_task(self._save(run))
        try:
            await self._read_answer(run, replace(asking, accepted=accept))
        except RequestStoppedError:
            run.stop()
        except AqueductError as error:
            self._fail(run, error)
        except asyncio.CancelledError:
            if run.is_cancelled:
                run.stop()
            else:
                self._fail(run, _stopped())
        except Exception as error:
            _log.error("%s failed in the background.", asking.request_id, exc_info=error)
            self._fail(run, _internal(asking.request_id))
        run.ending.set()
        await saving
        if (run.owner, run.id) in self._runs:
            await self._finish(run)

    async def _read_answer(self, run: BackgroundRun, asking: Asking) -> None:
        async with self._forwarding.answer(RESPONSES, asking) as answer:
            if isinstance(answer, StreamedAnswer):
                await self._read(run, answer.first)
                async for frames in answer.rest:
                    await self._read(run, frames)

    async def _read(self, run: BackgroundRun, frames: bytes) -> None:
        for event in await off_the_loop(len(frames), read_events, frames):
            run.add(event)

    def _fail(self, run: BackgroundRun, error: AqueductError) -> None:
        if not run.accepted.done():
            run.accepted.set_exception(error)
        elif not run.has_end:
            run.fail(error)

    async def _finish(self, run: BackgroundRun) -> None:
        """Store the whole response, then show its last event."""
        if not run.has_end:
            run.fail(_stopped())
        last = run.write_end()
        if run.turn is not None and run.response["status"] in ("completed", "incomplete"):
            try:
                await self._turns.keep_in_conversation(run.turn, run.response)
            except Exception as error:
                last = self._fail_late(run, error)
        try:
            pending = [*run.events[run.saved :], last]
            await self._responses.finish(run.owner, run.stored(None), run.saved, pending)
        except Exception as error:
            last = self._fail_late(run, error)
        run.close(last)
        del self._runs[run.owner, run.id]

    def _fail_late(self, run: BackgroundRun, error: Exception) -> bytes:
        """Have a response fail that cannot be kept, and write its last event anew."""
        if not isinstance(error, AqueductError):
            _log.error("%s could not be kept.", run.id, exc_info=error)
            error = _internal(run.id)
        run.fail(error)
        return run.write_end()

    async def _save(self, run: BackgroundRun) -> None:
        """Store events as they come, and show signs of life."""
        saved_at = monotonic()
        while not await _is_set_within(run.ending, self.save_seconds):
            pending, quiet = run.events[run.saved :], monotonic() - saved_at
            is_listed = (run.owner, run.id) in self._runs
            if not is_listed or (not pending and quiet < self.beat_seconds):
                continue
            saved_at = monotonic()
            self.note_activity()
            try:
                is_wanted = await self._responses.progress(run.owner, run.id, run.saved, pending)
            except UnavailableError as error:
                _log.warning("Events of %s have not been stored yet: %s", run.id, error)
                continue
            run.saved += len(pending)
            if not is_wanted:  # cancelled or deleted in another process
                run.cancel()
                return


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _stopped() -> AqueductError:
    return ServerError("The server was stopped before the response was complete.")


def _internal(request_id: str) -> AqueductError:
    return ServerError(
        f"An internal error occurred. For details, look for {request_id} in the server's log."
    )
