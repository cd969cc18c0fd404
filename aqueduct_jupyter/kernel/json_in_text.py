"""The JSON values in an answer: bare, in a fence, or with words around them.

A thought is never looked at: whatever it contains was not meant as the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Self

__all__ = ["ExactFloat", "read_bare_word", "read_json_values", "without_thoughts"]

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_BEGIN = re.compile(r"[{\[]")
_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>", re.IGNORECASE)

_END = "</think>"

_AROUND = "*_`\"' \n\t"
"""What may stand around a word in Markdown."""

LONGEST_WORD = 100
"""Longest answer without JSON that is read as a word, in characters."""

MOST_VALUES = 50
"""How many values of one text are looked at."""


class ExactFloat(float):
    """A number that remembers how it was written, so that a Decimal can be read from it."""

    _text: str

    def __new__(cls, text: str) -> Self:
        """Read a number."""
        number = super().__new__(cls, text)
        number._text = text
        return number

    def __str__(self) -> str:
        """Return the number as it was written."""
        return self._text


def without_thoughts(text: str) -> str:
    """Return an answer without the thoughts that a model wrote before it.

    A thought that does not end is all of the answer.
    """
    while found := _THOUGHT.match(text.lstrip()):
        text = text.lstrip()
        end = re.search(rf"</{found[1]}>", text, re.IGNORECASE)
        text = text[end.end() :] if end else ""
    # Some templates write only the end.
    if _END in text and not _is_json(text):
        text = text.rpartition(_END)[2]
    return text


def read_json_values(text: str) -> list[tuple[str, Any]]:
    """Find the JSON values that an answer may mean.

    Args:
        text: the answer.

    Returns:
        Each value as it is written and as it is read, in the order in which they are likely to be
        meant: the whole text first, then the longest.
    """
    answer = without_thoughts(text).strip()
    found = list[tuple[str, Any]]()
    whole = _read(answer)
    if whole is not None:
        return [whole]
    for block in _blocks(answer):
        if (value := _read(block.strip())) is not None:
            found.append(value)
    found += _scanned(answer)
    return sorted(found, key=lambda value: -len(value[0]))[:MOST_VALUES]


def read_bare_word(text: str) -> list[tuple[str, Any]]:
    """Read a short answer without JSON: a number in bold, or a word that may be meant as a text.

    Args:
        text: the answer.

    Returns:
        The values that it may mean, as :func:`read_json_values` does; none of a longer text.
    """
    word = without_thoughts(text).strip(_AROUND).removesuffix(".").strip(_AROUND)
    if not word or len(word) > LONGEST_WORD or "\n" in word:
        return []
    number = _read(word)
    return [*([number] if number else ()), (json.dumps(word), word)]


def _is_json(text: str) -> bool:
    return _read(text.strip()) is not None


def _read(text: str) -> tuple[str, Any] | None:
    try:
        return text, json.loads(text, parse_float=ExactFloat)
    except (ValueError, RecursionError):
        return None


def _blocks(text: str) -> Iterator[str]:
    """Yield what is in the fences of a text."""
    fence, lines = "", list[str]()
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence and mark and mark[1].startswith(fence):
            yield "\n".join(lines)
            fence, lines = "", []
        elif fence:
            lines.append(line)
        elif mark:
            fence = mark[1]


def _scanned(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the outermost objects and lists in a text, left to right."""
    decoder = json.JSONDecoder(parse_float=ExactFloat)
    at = tries = 0
    # Each try may read to the end of the text, so their number is bounded.
    while (begin := _BEGIN.search(text, at)) and tries < MOST_VALUES:
        tries += 1
        try:
            value, at = decoder.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            at = begin.end()
            continue
        yield text[begin.start() : at], value
