"""The wire format of streams: server-sent event bytes to events, and back.

Who sends the bytes and what an event's data means is left to others. Two levels, for two needs:

* :class:`FrameBuffer` cuts a stream of bytes after its last complete frame. A frame is an event
  with the blank line that ends it. The server passes complete frames on as they are, so a client
  never sees half an event, and no event is parsed to be forwarded.
* :func:`split_frames` and :func:`decode_frame` read frames for whoever needs the events.

Bytes are cut at CR, LF and CRLF only, never at U+2028 or U+0085, which may stand inside JSON; and
never inside a character, because no byte of a multi-byte UTF-8 character is CR or LF.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (parsing an event stream).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["DONE", "Event", "FrameBuffer", "decode_frame", "encode_event", "split_frames"]

DONE = "[DONE]"
"""The data of the last event of a whole answer."""

# A lone CR at the end of what has arrived may be half of a CRLF. Counting it as a line end is
# right nevertheless: the LF that follows becomes an empty frame, which says nothing.
_LINE_END = rb"(?:\r\n|\n|\r(?!\n))"
_LINE = re.compile(_LINE_END)
_FRAME_END = re.compile(_LINE_END + _LINE_END)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event.

    ``name`` is the ``event`` field ("message" where there is none); ``data`` the lines of the
    ``data`` fields, joined by newlines; ``id`` the ``id`` field, or None.
    """

    data: str
    name: str = "message"
    id: str | None = None


class FrameBuffer:
    """Bytes that have arrived and do not make a whole frame yet."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._has_returns = False
        self._is_first = True

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the stream, cut anywhere.

        Returns:
            All frames that are complete now, as their own bytes; empty if there is none.
        """
        if self.is_whole(data):
            return data
        # Only the last three bytes of the rest can begin a frame's end: a gigantic event that
        # arrives in small pieces is searched once, not once a piece.
        searched = max(0, len(self._rest) - 3)
        self._rest += data
        self._has_returns = self._has_returns or b"\r" in data
        end = self._last_frame_end(searched)
        if end == 0:
            return b""
        frames = bytes(memoryview(self._rest)[:end])
        del self._rest[:end]
        self._has_returns = self._has_returns and b"\r" in self._rest
        if self._is_first:
            self._is_first = False
            frames = frames.removeprefix(_BYTE_ORDER_MARK)
        return frames

    def is_whole(self, data: bytes) -> bool:
        """Say whether the next bytes, taken alone, are whole frames, as the usual read brings them.

        Fed or not, they change nothing here, and are passed on as the bytes that they are.
        """
        is_between_frames = not self._rest and not self._is_first
        return is_between_frames and data.endswith(b"\n\n") and data.find(b"\r") < 0

    @property
    def pending(self) -> int:
        """How many bytes wait for the end of their frame."""
        return len(self._rest)

    @property
    def rest(self) -> bytes:
        """These bytes."""
        return bytes(self._rest)

    def _last_frame_end(self, start: int) -> int:
        # The usual stream ends its lines with LF: one search from the end, no regular expression.
        if not self._has_returns:
            found = self._rest.rfind(b"\n\n", start)
            return found + 2 if found >= 0 else 0
        end = 0
        for match in _FRAME_END.finditer(self._rest, start):
            end = match.end()
        return end


def split_frames(frames: bytes) -> Iterator[bytes]:
    """Split complete frames, as :meth:`FrameBuffer.feed` gives them, into single ones."""
    start = 0
    for match in _FRAME_END.finditer(frames):
        yield frames[start : match.end()]
        start = match.end()
    if start < len(frames):
        # A blank line more than an event needs: it says nothing, and nothing is dropped here.
        yield frames[start:]


def decode_frame(frame: bytes) -> Event | None:
    """Read one frame.

    Returns:
        The event, or None where the frame has no data (a comment, a heartbeat).
    """
    data: list[str] = []
    name = "message"
    event_id: str | None = None
    for line in _LINE.split(frame):
        field, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", errors="replace")
        if field == b"data":
            data.append(text)
        elif field == b"event":
            name = text or "message"
        elif field == b"id" and "\0" not in text:
            event_id = text
    return Event("\n".join(data), name, event_id) if data else None


def encode_event(event: Event) -> bytes:
    """Write an event as one frame; the inverse of :func:`decode_frame`."""
    lines = [f"event: {event.name}"] if event.name != "message" else []
    if event.id is not None:
        lines.append(f"id: {event.id}")
    lines += [f"data: {line}" for line in re.split(r"\r\n|\n|\r", event.data)]
    return "\n".join([*lines, "", ""]).encode()
