"""Chunks of chat that differ only in their text, as most servers send them, read all at once.

Such a chunk is a text between two runs of bytes that are the same in all of them. So what a read
brings is taken apart by a search for these bytes, and its texts are decoded as one. All other
chunks are left to the reader.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

__all__ = ["AlikeChunks"]

_TEXT = re.compile(rb'"(content|reasoning_content|reasoning)": ?"((?:[^"\\\r\n]|\\.)+)"')

_PROBE = "aqueduct: is this where the text stands?"
"""A text that is put into a chunk to see what it holds besides."""

_SPARE = 4
"""How many chunks may be learned in vain."""


class AlikeChunks:
    """Recognizes chunks by one that it has learned.

    Attributes:
        field: the field of the delta that holds the text of these chunks.
    """

    def __init__(self) -> None:
        self.field = ""
        self._before = self._between = self._after = self._escaped = b""
        self._recognized = self._learned = 0

    def text(self, frames: bytes) -> str | None:
        """Return the texts of complete frames, joined, if all are such chunks; otherwise None.

        Halves of characters that do not meet are left to the reader, too.
        """
        before, after = self._before, self._after
        if not before or not (frames.startswith(before) and frames.endswith(after)):
            return None
        # A backslash escapes the quote that looks like the end of a text.
        if len(frames) < len(before) + len(after) or self._escaped in frames:
            return None
        body = frames[len(before) : -len(after)].replace(self._between, b"")
        try:
            # A frame of another kind leaves quotes and line ends, which no string can hold.
            text: str = from_json(b'"%b"' % body)
        except ValueError:
            return None
        self._recognized += 1
        return text

    def learn(self, frames: bytes) -> None:
        """Learn the last of complete frames, if it holds nothing but a piece of a text.

        Where each chunk is unlike the one before, this is soon given up.
        """
        if self._learned > self._recognized + _SPARE:
            return
        frame = frames.removesuffix(b"\n\n").rpartition(b"\n\n")[2] + b"\n\n"
        found = _TEXT.search(frame) if frame.startswith(b"data:") else None
        if found is None:
            return
        self._learned += 1
        field, (start, end) = found[1].decode(), found.span(2)
        before, after = frame[:start], frame[end:]
        try:
            chunk = from_json(b"%b%b%b" % (before[len("data:") :], _PROBE.encode(), after))
        except ValueError:
            return
        if _holds_only(chunk, field):
            self.field, self._before, self._after = field, before, after
            self._between, self._escaped = after + before, b"\\" + after


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
