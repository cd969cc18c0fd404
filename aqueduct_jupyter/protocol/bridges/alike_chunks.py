"""Chunks of chat that differ only in their text, as most servers send them, read all at once.

Such a chunk is a text between two runs of bytes that are the same in all of them. So the texts of
consecutive chunks are cut out and decoded as one. All other chunks are left to the reader.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

__all__ = ["AlikeChunks"]

_TEXT = re.compile(rb'"(content|reasoning_content|reasoning)": ?"((?:[^"\\\r\n]|\\.)+)"')

_PROBE = "aqueduct: is this where the text stands?"
"""A text that is put into a chunk to see what it holds besides."""

_MOST_TRIES = 8
"""How many chunks may be learned in vain, one after the other."""


class AlikeChunks:
    """Recognizes chunks by one that it has learned.

    Attributes:
        field: the field of the delta that holds the text of these chunks.
    """

    def __init__(self) -> None:
        self.field = ""
        self._before = self._after = b""
        self._tries = _MOST_TRIES

    def find(self, frames: bytes, start: int) -> tuple[int, str | None]:
        """Find such chunks at the start of complete frames, whose lines end with LF.

        Args:
            frames: the frames.
            start: where to begin.

        Returns:
            Where the chunks end, which is ``start`` if there are none, and their texts, joined;
            None if they cannot be decoded in this way.
        """
        before, after, end = self._before, self._after, start
        if not before:
            return start, None
        pieces = []
        while frames.startswith(before, end):
            text = end + len(before)
            next_end = frames.find(b"\n\n", text) + 2
            if not frames.endswith(after, text, next_end):
                break
            pieces.append(frames[text : next_end - len(after)])
            end = next_end
        if not pieces:
            return start, None
        # A backslash escapes the quote that looks like the end of a text.
        if frames.find(b"\\" + after, start, end) >= 0:
            return end, None
        try:
            # A text that ended earlier leaves a quote, after which nothing may follow.
            joined: str = from_json(b'"%b"' % b"".join(pieces))
        except ValueError:
            return end, None
        self._tries = _MOST_TRIES
        return end, joined

    def learn(self, frame: bytes) -> None:
        """Learn a frame, if it holds nothing but a piece of a text.

        Where each chunk is unlike the one before, this is soon given up.
        """
        found = _TEXT.search(frame) if self._tries and frame.startswith(b"data:") else None
        if found is None:
            return
        self._tries -= 1
        field, (start, end) = found[1].decode(), found.span(2)
        before, after = frame[:start], frame[end:]
        try:
            chunk = from_json(b"%b%b%b" % (before[len("data:") :], _PROBE.encode(), after))
        except ValueError:
            return
        if _holds_only(chunk, field):
            self.field, self._before, self._after = field, before, after


def _holds_only(chunk: Any, field: str) -> bool:
    """Return whether a chunk holds the probe in this field, and nothing else that is read."""
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    choice = choices[0] if isinstance(choices, list) and len(choices) == 1 else None
    if not isinstance(choice, dict) or choice.get("index", 0) not in (0, None):
        return False
    if any(chunk.get(name) for name in ("error", "usage")):
        return False
    if any(choice.get(name) for name in ("finish_reason", "logprobs")):
        return False
    delta = choice.get("delta")
    if not isinstance(delta, dict) or delta.get(field) != _PROBE:
        return False
    return not any(value for name, value in delta.items() if name not in (field, "role"))
