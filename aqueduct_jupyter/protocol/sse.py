"""The wire format of streams: server-sent event bytes to events, and back.

Sending the bytes and interpreting an event's data is left to callers. There are two levels:

* :class:`FrameBuffer` cuts a stream of bytes after its last complete frame. A frame is an event
  with the blank line that ends it. The server forwards complete frames unchanged, so a client never
  sees half an event, and no event is parsed just to be forwarded.
* :func:`split_frames` and :func:`decode_frame` read frames for callers that need the events.

Bytes are cut at CR, LF and CRLF only, never at U+2028 or U+0085, which may occur in JSON; and never
inside a character, because no byte of a multi-byte UTF-8 character is CR or LF.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (parsing an event stream).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["DONE", "Event", "FrameBuffer", "decode_frame", "encode_event", "split_frames"]

DONE = "[DONE]"
"""The data of the last event of a complete answer."""

# A lone CR at the end of the data may be half of a CRLF. It still counts as a line end: the LF that
# follows becomes an empty frame, which is harmless.
_LINE_END = rb"(?:\r\n|\n|\r(?!\n))"
_LINE = re.compile(_LINE_END)
_FRAME_END = re.compile(_LINE_END + _LINE_END)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event.

    ``name`` is the ``event`` field ("message" if absent); ``data`` is the lines of the ``data``
    fields, joined by newlines; ``id`` is the ``id`` field, or None.
    """

    data: str
    name: str = "message"
    id: str | None = None


class FrameBuffer:
    """The bytes received that do not form a complete frame yet."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._has_returns = False
        self._is_first = True

    def feed(self, data: bytes) -> bytes:
        """Add the next bytes of the stream, which may be cut anywhere.

        Returns:
            The bytes of all frames that are complete now; empty if there are none.
        """
        if self.is_whole(data):
            return data
        # A frame's end can begin only in the last three bytes of the rest, so a huge event that
        # arrives in small pieces is searched once, not once per piece.
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
        """Return whether the next bytes alone are complete frames, as most reads are.

        Such bytes do not change the buffer and can be forwarded as they are.
        """
        is_between_frames = not self._rest and not self._is_first
        return is_between_frames and data.endswith(b"\n\n") and data.find(b"\r") < 0

    @property
    def pending(self) -> int:
        """How many bytes are waiting for the end of their frame."""
        return len(self._rest)

    @property
    def rest(self) -> bytes:
        """These bytes."""
        return bytes(self._rest)

    def _last_frame_end(self, start: int) -> int:
        # Most streams end their lines with LF: one search from the end, no regular expression.
        if not self._has_returns:
            found = self._rest.rfind(b"\n\n", start)
            return found + 2 if found >= 0 else 0
        end = 0
        for match in _FRAME_END.finditer(self._rest, start):
            end = match.end()
        return end


def split_frames(frames: bytes) -> Iterator[bytes]:
    """Split complete frames, as :meth:`FrameBuffer.feed` returns them, into single ones."""
    start = 0
    for match in _FRAME_END.finditer(frames):
        yield frames[start : match.end()]
        start = match.end()
    if start < len(frames):
        # An extra blank line has no meaning, but nothing is dropped here.
        yield frames[start:]


def decode_frame(frame: bytes) -> Event | None:
    """Read one frame.

    Returns:
        The event, or None if the frame has no data (a comment, a heartbeat).
    """
    if frame.startswith(b"data: ") and frame.find(b"\n") == len(frame) - 2 and b"\r" not in frame:
        # One line of data, as most frames of most servers.
        return Event(frame[6:-2].decode("utf-8", errors="replace"))
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
