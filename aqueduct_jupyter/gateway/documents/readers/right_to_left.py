"""Lines of a page in right-to-left scripts: from where the characters stand to how they are read.

A page has characters at places, and no order. On a line with Hebrew or Arabic, order from left to
right is not how it is read; numbers and Latin words in it are.

Source: Unicode Standard Annex 9 (Bidirectional Algorithm), whose rules for the levels of numbers
and neutral characters are followed backwards.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Glyph", "is_right_to_left", "leans_right", "read_line"]

_SCRIPTS = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_LEAST_GAP = 0.2
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_OPENING, _CLOSING = "([{«", ")]}»"
_SEPARATORS = ".,:/"


def is_right_to_left(text: str) -> bool:
    """Return whether a text has characters of a script that is read from right to left."""
    return _SCRIPTS.search(text) is not None


@dataclass(slots=True)
class Glyph:
    """Characters at one place on a line; ``size`` is their height."""

    text: str
    left: float
    right: float
    size: float


def leans_right(text: str) -> bool:
    """Return whether most letters of a page are of scripts that are read from right to left."""
    kinds = [_class(character) for character in text]
    return kinds.count("R") > kinds.count("L")


def read_line(glyphs: Sequence[Glyph], *, leans_right: bool) -> str:
    """Return the characters of a line in the order in which they are read.

    Args:
        glyphs: the characters, in any order.
        leans_right: whether the whole page is in such a script; then its lines are, too.
    """
    line = _spaced(_with_marks(glyphs))
    kinds = [_kind(glyph) for glyph in line]
    if leans_right or kinds.count("R") >= kinds.count("L"):
        line.reverse()
        _restore(line, "LN")
        return _with_brackets("".join(map(_characters, line)))
    # Right-to-left words within others: each sequence of them is read backwards by itself.
    start = 0
    while start < len(line):
        if _kind(line[start]) == "R":
            end = max(place for place in _reach(line, start, "RN") if _kind(line[place]) == "R") + 1
            part = line[start:end]
            part.reverse()
            _restore(part, "N")
            line[start:end] = part
            start = end
        start += 1
    return "".join(map(_characters, line))


def _with_marks(glyphs: Sequence[Glyph]) -> list[Glyph]:
    """Sort glyphs by place, and put vowel signs and other marks to the letters they stand on."""
    marks = [glyph for glyph in glyphs if unicodedata.category(glyph.text[0]) == "Mn"]
    bases = [glyph for glyph in glyphs if unicodedata.category(glyph.text[0]) != "Mn"]
    bases.sort(key=lambda glyph: glyph.left + glyph.right)
    letters = [base for base in bases if not base.text.isspace()]
    middles = [base.left + base.right for base in letters]
    for mark in marks if letters else ():
        middle = mark.left + mark.right
        place = bisect(middles, middle)
        beside = letters[max(place - 1, 0) : place + 1]
        nearest = beside[0]
        if abs(beside[-1].left + beside[-1].right - middle) < abs(
            middles[max(place - 1, 0)] - middle
        ):
            nearest = beside[-1]
        nearest.text += mark.text
    joined: list[Glyph] = []
    for glyph in bases:
        before = joined[-1] if joined else None
        if (
            before
            and (before.left, before.right) == (glyph.left, glyph.right)
            and glyph.right > glyph.left
        ):
            # One sign for two letters, lam and alef, of which lam is read first.
            texts = sorted((before.text, glyph.text), key=lambda text: text[0] != "\u0644")
            before.text = "".join(texts)
        else:
            joined.append(glyph)
    return joined


def _spaced(glyphs: list[Glyph]) -> list[Glyph]:
    """Insert the spaces that are only gaps, and leave one of several."""
    line: list[Glyph] = []
    for glyph in glyphs:
        if line:
            before = line[-1]
            is_gap = glyph.left - before.right > _LEAST_GAP * max(glyph.size, before.size)
            if glyph.text.isspace() and before.text.isspace():
                continue
            if is_gap and not glyph.text.isspace() and not before.text.isspace():
                line.append(Glyph(" ", before.right, glyph.left, glyph.size))
        line.append(glyph)
    while line and line[0].text.isspace():
        del line[0]
    while line and line[-1].text.isspace():
        line.pop()
    return line


@lru_cache(maxsize=4096)
def _class(character: str) -> str:
    kind = unicodedata.bidirectional(character)
    if kind in ("R", "AL"):
        return "R"
    if kind in ("EN", "AN"):
        return "N"
    return kind if kind in ("L", "ET") else ""


def _kind(glyph: Glyph) -> str:
    return _class(glyph.text[0])


def _restore(line: list[Glyph], kinds: str) -> None:
    """Reverse what is read from left to right in a line that is in right-to-left order."""
    start = 0
    while start < len(line):
        if (_kind(line[start]) or "-") in kinds or _is_sign(line, start, 1):
            end = max(_reach(line, start, kinds)) + 1
            line[start:end] = line[start:end][::-1]
            start = end
        start += 1


def _is_sign(line: list[Glyph], place: int, step: int) -> bool:
    """Return whether a sign such as % or $ stands beside a number."""
    while 0 <= place < len(line) and _kind(line[place]) == "ET":
        place += step
        if 0 <= place < len(line) and _kind(line[place]) == "N":
            return True
    return False


def _reach(line: list[Glyph], start: int, kinds: str) -> list[int]:
    """Return the places of a sequence of these kinds, with what stands between them."""
    places = [start]
    place = start + 1
    opposite = "R" if kinds != "RN" else "L"
    while place < len(line):
        kind = _kind(line[place])
        if kind == opposite:
            break
        if kind in kinds and kind:
            if _belongs(line, places[-1], place, kinds):
                places.append(place)
            else:
                break
        elif kind == "ET" and places[-1] == place - 1:
            # A sign belongs to the number before it.
            if _kind(line[places[-1]]) in ("N", "ET"):
                places.append(place)
        elif kind == "ET" and _is_sign(line, place, 1) and _belongs(line, places[-1], place, kinds):
            places.append(place)
        place += 1
    return places


def _belongs(line: list[Glyph], last: int, place: int, kinds: str) -> bool:
    between = "".join(glyph.text for glyph in line[last + 1 : place])
    if kinds == "RN" or not between:
        return True
    ends = {_kind(line[last]), _kind(line[place])}
    if "L" in ends:
        return True
    # Two numbers with more than a separator between them are two.
    return len(between) == 1 and between in _SEPARATORS


def _characters(glyph: Glyph) -> str:
    if "\ufb1d" <= glyph.text[0] <= "\ufefc":
        # Forms that a letter has at the begin or the end of a word are the same letter.
        return unicodedata.normalize("NFKC", glyph.text)
    return glyph.text


def _with_brackets(text: str) -> str:
    """Turn brackets round if they close before they open: some pages have what is drawn."""
    depth = 0
    for character in text:
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        if depth < 0:
            return text.translate(_MIRRORED)
    return text
