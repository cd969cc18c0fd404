"""One response that this process writes in the background: its events, and who waits for them."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from ...protocol.bridges.forms import AnswerHead
from ...protocol.bridges.responses_object import new_response, response_error
from ...protocol.errors import AqueductError, InvalidRequestError, UpstreamError
from ...protocol.response_events import ENDS, ResponseRenamer, ResponseSnapshot, error_event
from ...protocol.sse import decode_frame, split_frames
from ..encoding import decode_json, read_json
from ..offload import off_the_loop
from ..stores.response_interfaces import StoredResponse
from .stream import DONE_FRAME
from .turns import Turn

__all__ = ["BackgroundRun", "read_background_fields", "read_events", "write_event"]

LARGEST_ANSWER = 64 * 2**20
"""Size limit of all events of one response, in bytes."""

_NOT_REPEATED = ("input", "stream")
"""Fields of a request that its answer does not have."""

_BEGINNINGS = ("response.created", "response.queued", "response.in_progress")


async def read_background_fields(pieces: list[bytes]) -> dict[str, Any] | None:
    """Read the fields of a request that is to be answered in the background.

    Args:
        pieces: the request's body, which is joined to one piece.

    Returns:
        Its fields; None if it does not ask for the background.
    """
    body = b"".join(pieces)
    pieces[:] = [body]
    if b"background" not in body:
        return None
    try:
        fields = await off_the_loop(len(body), decode_json, body)
    except InvalidRequestError:
        return None  # refused where all requests are read
    # A request that is not to be stored is refused there, too.
    is_asked = fields.get("background") is True and fields.get("store") is not False
    return fields if is_asked else None


def read_events(frames: bytes) -> list[dict[str, Any]]:
    """Decode the events of the Responses API in complete frames; everything else is left out."""
    found = list[dict[str, Any]]()
    for frame in split_frames(frames):
        event = decode_frame(frame)
        data = read_json(event.data) if event else None
        if isinstance(data, dict) and isinstance(data.get("type"), str):
            found.append(data)
    return found


def write_event(event: Mapping[str, Any]) -> bytes:
    """Write an event as one frame."""
    name = "".join(event["type"].split())
    # As ASCII, because some servers send lone surrogates, which UTF-8 cannot encode.
    return f"event: {name}\ndata: {json.dumps(event)}\n\n".encode(errors="replace")


class BackgroundRun:
    """A response that is being written.

    Args:
        owner: its owner.
        fields: the client's JSON object.
        now: the time, in seconds since 1970.

    Attributes:
        id: its id.
        events: the events that may be shown, one frame for each; an index is an event's number.
        saved: how many of them have been stored.
        accepted: done when the request has been admitted; it holds the response's headers.
        ending: set when no more events come from the upstream.
        is_cancelled: whether its client has cancelled it.
        task: the task that writes it.
        turn: what the request continues, once it has been admitted.
    """

    def __init__(self, owner: str, fields: Mapping[str, Any], now: float) -> None:
        self.id = f"resp_{secrets.token_hex(24)}"
        self.owner = owner
        self.events: list[bytes] = []
        self.saved = 0
        self.accepted: asyncio.Future[Mapping[str, str]] = (
            asyncio.get_running_loop().create_future()
        )
        self.ending = asyncio.Event()
        self.is_cancelled = False
        self.task: asyncio.Task[None] | None = None
        self.turn: Turn | None = None
        self._model = fields.get("model")
        self._created = int(now)
        self._repeated = {name: fields[name] for name in fields if name not in _NOT_REPEATED}
        self._size = 0
        self._is_over = False
        self._end: Mapping[str, Any] | None = None
        self._changed = asyncio.Event()
        own = {"background": True, "store": True, "created_at": self._created}
        self._renamer = ResponseRenamer(self.id, own)
        self._snapshot = ResponseSnapshot({})

    @property
    def response(self) -> dict[str, Any]:
        """The response object, as far as it has been written."""
        return self._snapshot.response()

    def begin(self, turn: Turn | None, model: str) -> None:
        """Write the events that come before the upstream's.

        Args:
            turn: what the request continues.
            model: the model, if the client named none.
        """
        self.turn = turn
        head = AnswerHead(self.id, self._model or model, self._created, self._repeated)
        response = {**new_response(head), "status": "queued"}
        for name in ("response.created", "response.queued"):
            self._add({"type": name, "response": response})

    def add(self, event: Mapping[str, Any]) -> None:
        """Add an event of the upstream; the last one is held back until :meth:`close`.

        Raises:
            UpstreamError: there is too much already.
        """
        kind = event["type"]
        if kind == "response.created":
            self._add({**event, "type": "response.in_progress"})
        elif kind == "response.failed":
            self._end_early("failed", (event.get("response") or {}).get("error"))
        elif kind in ENDS:
            self._end = event
        elif kind not in _BEGINNINGS:
            self._add(event)
        if self._size > LARGEST_ANSWER:
            raise UpstreamError(
                f"The upstream sent more than {LARGEST_ANSWER // 2**20} MB for one response."
            )

    def fail(self, error: AqueductError) -> None:
        """End the response with an error."""
        self._add(error_event(error))
        self._end_early("failed", response_error(error))

    def stop(self) -> None:
        """End the response as cancelled."""
        self._end_early("cancelled")

    def cancel(self) -> None:
        """Stop the task, because the client wishes it."""
        self.is_cancelled = True
        self.end_task()

    def end_task(self) -> None:
        """Stop the task, unless it already stores the end."""
        if self.task is not None and not self.ending.is_set():
            self.task.cancel()

    @property
    def has_end(self) -> bool:
        """Whether it is known how the response ends."""
        return self._end is not None

    def write_end(self) -> bytes:
        """Write the last event, which nobody sees before :meth:`close`."""
        return self._written(self._end or {"type": "response.failed"})

    def close(self, last: bytes) -> None:
        """Show the last event."""
        self._is_over = True
        self._show(last)

    def stored(self, alive_at: float | None) -> StoredResponse:
        """Return what is stored of it; ``alive_at`` is the time, until the response has ended."""
        turn = self.turn
        items, previous_id = (turn.kept_input, turn.previous_id) if turn else ([], None)
        return StoredResponse(self.id, self.response, items, previous_id, alive_at=alive_at)

    async def follow(self, first: int) -> AsyncGenerator[bytes, None]:
        """Yield the events from a number on, as they come, and the stream's end."""
        while True:
            changed = self._changed
            if first < len(self.events):
                frames = b"".join(self.events[first:])
                first = len(self.events)
                yield frames
            elif self._is_over:
                yield DONE_FRAME
                return
            else:
                await changed.wait()

    def _end_early(self, status: str, error: Mapping[str, Any] | None = None) -> None:
        # What was written until now is kept.
        name = "response.failed" if status == "failed" else "response.incomplete"
        self._end = {"type": name, "response": self._snapshot.ended(status, error)}

    def _add(self, event: Mapping[str, Any]) -> None:
        self._show(self._written(event))

    def _written(self, event: Mapping[str, Any]) -> bytes:
        renamed = self._renamer.rename(event, len(self.events))
        self._snapshot.add(renamed)
        return write_event(renamed)

    def _show(self, frame: bytes) -> None:
        self._size += len(frame)
        self.events.append(frame)
        self._changed.set()
        self._changed = asyncio.Event()
