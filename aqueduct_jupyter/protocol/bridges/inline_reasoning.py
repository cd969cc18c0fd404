"""Reasoning that a model writes at the beginning of its text, between ``<think>`` and ``</think>``.

A server without a parser for its model's reasoning sends it as text. Blanks around the tags are
left out. Where no such tag comes first, all of it is text, and nothing more is looked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

__all__ = ["InlineReasoning"]

_OPENING, _CLOSING = "<think>", "</think>"
_BLANKS = " \t\r\n"

_Piece = tuple[Literal["text", "reasoning"], str]


class InlineReasoning:
    """Splits the text of one answer, which may be cut anywhere, into reasoning and text.

    It takes time in proportion to the text.

    Attributes:
        is_over: whether all that follows is text.
        has_tag: whether the opening tag came first.
    """

    def __init__(self) -> None:
        self.is_over = self.has_tag = False
        self._add = self._before
        self._seen: list[str] = []
        self._rest = ""

    def add(self, piece: str) -> Iterator[_Piece]:
        """Yield what is known now, each as its kind and its text."""
        return self._add(piece)

    def end(self) -> Iterator[_Piece]:
        """Yield what was held back; all that follows is text."""
        kind: Literal["text", "reasoning"] = "text" if self._seen else "reasoning"
        held = "".join(self._seen) or self._rest
        self.is_over, self._add, self._rest = True, self._text, ""
        self._seen.clear()
        if held:
            yield kind, held

    def _before(self, piece: str) -> Iterator[_Piece]:
        self._seen.append(piece)
        self._rest = (self._rest + piece).lstrip(_BLANKS)
        if self._rest.startswith(_OPENING):
            piece, self._rest = self._rest.removeprefix(_OPENING), ""
            self._seen.clear()
            self._add, self.has_tag = self._opened, True
            yield from self._add(piece)
        elif not _OPENING.startswith(self._rest):
            yield from self.end()

    def _opened(self, piece: str) -> Iterator[_Piece]:
        piece = piece.lstrip(_BLANKS)
        if piece:
            self._add = self._inside
            yield from self._add(piece)

    def _inside(self, piece: str) -> Iterator[_Piece]:
        reasoning, tag, rest = (self._rest + piece).partition(_CLOSING)
        if tag:
            self._rest, self._add = "", self._closed
        else:
            # The end may be the beginning of the tag.
            sizes = range(len(_CLOSING) - 1, 0, -1)
            held = next((size for size in sizes if reasoning.endswith(_CLOSING[:size])), 0)
            end = len(reasoning) - held
            reasoning, self._rest = reasoning[:end], reasoning[end:]
        if reasoning:
            yield "reasoning", reasoning
        if rest:
            yield from self._add(rest)

    def _closed(self, piece: str) -> Iterator[_Piece]:
        piece = piece.lstrip(_BLANKS)
        if piece:
            self.is_over, self._add = True, self._text
            yield "text", piece

    @staticmethod
    def _text(piece: str) -> Iterator[_Piece]:
        yield "text", piece
