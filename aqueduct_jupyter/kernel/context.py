"""The text and parts that a model sees of an object, and how they are cut to a budget.

:mod:`.describers` describes each type; :mod:`.references` finds the object for a name. An object
becomes pieces of text, each with a rank. If they exceed the budget, the piece with the highest rank
is shortened, and at last left out; among equals, the last one goes first:

==========================  ====================================================
``Rank.NEEDED``             what it is: never left out, only shortened as a last resort
``Rank.STRUCTURE``          its columns, its types
``Rank.SUMMARY``            statistics
``Rank.SAMPLE``             rows and values
==========================  ====================================================

Images and files are never cut.
"""

from __future__ import annotations

import hashlib
import mimetypes
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from typing import Any

from ..protocol.tokens import CHARACTERS_PER_TOKEN
from .stable_text import stable

__all__ = ["Context", "FilePart", "ImagePart", "Piece", "Rank", "fit", "register", "registered"]


class Rank(IntEnum):
    """How expendable a piece is; the highest rank is cut first."""

    NEEDED = 0
    STRUCTURE = 1
    SUMMARY = 2
    SAMPLE = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text about an object."""

    text: str
    rank: Rank = Rank.NEEDED
    what: str = "the rest"
    """What it is, for the note that it was cut."""
    shorter: Sequence[Callable[[], str]] = ()
    """Write it shorter and shorter: with shorter cells, with fewer columns."""
    is_shortened: bool = False


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image."""

    data: bytes
    media_type: str = "image/png"
    key: str = ""
    """What was drawn, for a recording: the bytes depend on the library that drew it."""
    is_drawn: bool = False
    """Whether a library draws it anew each time, and nobody knows from what."""

    def part(self) -> dict[str, Any]:
        """Return the message part."""
        url = f"data:{self.media_type};base64,{b64encode(self.data).decode()}"
        part = {"type": "image_url", "image_url": {"url": url}}
        return {**part, "key": self.key} if self.key else part


@dataclass(frozen=True)  # without slots, for the cached hash
class FilePart:
    """A file for the server, which extracts its text for the model."""

    filename: str
    data: bytes = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        """The hash of its bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def part(self) -> dict[str, Any]:
        """Return the message part as stored and hashed: by content, not by a server's id."""
        return {"type": "file", "file": {"filename": self.filename, "sha256": self.sha256}}

    def inline_part(self) -> dict[str, Any]:
        """Return the message part with the bytes in it."""
        kind = mimetypes.guess_type(self.filename)[0] or "application/octet-stream"
        uri = f"data:{kind};base64,{b64encode(self.data).decode()}"
        return {"type": "file", "file": {"filename": self.filename, "file_data": uri}}


@dataclass(slots=True)
class Context:
    """What is sent about one object: pieces of text, and parts such as images and files."""

    name: str
    pieces: list[Piece] = field(default_factory=list)
    parts: list[ImagePart | FilePart] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    """Descriptions of what was left out."""
    key: str = ""
    """What was meant, for a recording; by default the text."""

    @property
    def body(self) -> str:
        """The text without the object's name; empty if there are no pieces."""
        if not self.pieces:
            return ""
        note = f"\n[left out: {', '.join(self.cut)}]" if self.cut else ""
        return "\n".join(piece.text for piece in self.pieces) + note

    @property
    def text(self) -> str:
        """The text, under the object's name; empty if there are no pieces."""
        return f"<{self.name}>\n{self.body}\n</{self.name}>" if self.pieces else ""

    def part(self) -> dict[str, Any]:
        """Return the message part with the text."""
        text = self.text
        key = self.key or stable(text)
        part = {"type": "text", "text": text}
        return part if key == text else {**part, "key": f"{self.name}: {key}"}


def fit(contexts: Sequence[Context], most_tokens: int) -> list[str]:
    """Cut text until all of it fits a budget.

    Args:
        contexts: the objects to send; they are changed.
        most_tokens: the budget, by estimate.

    Returns:
        Descriptions of what was cut, in order.
    """
    most = most_tokens * CHARACTERS_PER_TOKEN
    cut: list[str] = []
    # Nothing is left out as long as something can be shorter.
    while _size(contexts) > most and (found := _least_needed(contexts, can_be_shorter=True)):
        context, piece = found
        text = piece.shorter[0]()
        shorter = replace(piece, shorter=piece.shorter[1:])
        if len(text) < len(piece.text):
            shorter = replace(shorter, text=text, is_shortened=True)
        context.pieces[context.pieces.index(piece)] = shorter
    while _size(contexts) > most and (found := _least_needed(contexts)):
        context, piece = found
        context.pieces.remove(piece)
        context.cut.append(piece.what)
        cut.append(f"{context.name}: {piece.what}")
    for context in contexts:
        parts = [f"parts of {piece.what}" for piece in context.pieces if piece.is_shortened]
        context.cut += parts
        cut += [f"{context.name}: {part}" for part in parts]
    for context in reversed(contexts):
        over = _size(contexts) - most
        if over <= 0:
            break
        cut += _shorten(context, over)
    return cut


def _size(contexts: Sequence[Context]) -> int:
    return sum(len(piece.text) for context in contexts for piece in context.pieces)


def _least_needed(
    contexts: Sequence[Context], *, can_be_shorter: bool = False
) -> tuple[Context, Piece] | None:
    found: tuple[Context, Piece] | None = None
    for context in contexts:
        for piece in context.pieces:
            if piece.rank == Rank.NEEDED or (can_be_shorter and not piece.shorter):
                continue
            if found is None or piece.rank >= found[1].rank:
                found = context, piece
    return found


def _shorten(context: Context, over: int) -> list[str]:
    text = "\n".join(piece.text for piece in context.pieces)
    kept = max(0, len(text) - over)
    if kept >= len(text):
        return []
    what = f"{len(text) - kept} of {len(text)} characters"
    context.pieces = [Piece(text[:kept])]
    context.cut.append(what)
    return [f"{context.name}: {what}"]


Describer = Callable[[str, Any], Context]

_REGISTERED: dict[tuple[str, str], Describer] = {}


def register(
    module: str, name: str, describer: Describer | None = None
) -> Callable[[Describer], Describer]:
    """Register a describer for a type; a decorator, or a call with the function.

    Args:
        module: the top-level module of the type, such as ``pandas``; it is not imported.
        name: the type's name.
        describer: takes an object's name and the object, and returns its context.
    """

    def keep(given: Describer) -> Describer:
        _REGISTERED[module, name] = given
        return given

    if describer is not None:
        keep(describer)
    return keep


def registered(value: Any) -> Describer | None:
    """Return the describer of an object's type, or of its nearest base class that has one."""
    for kind in type(value).__mro__:
        if found := _REGISTERED.get((kind.__module__.partition(".")[0], kind.__name__)):
            return found
    return None
