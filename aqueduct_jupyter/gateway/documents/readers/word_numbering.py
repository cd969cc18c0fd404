"""The labels of a Word document's lists, counted as Word counts them.

Source: ECMA-376 part 1, 17.9 (Numbering).
"""

from __future__ import annotations

import re

from .packages import Element, children, path

__all__ = ["Numbering", "counted"]

_LEVELS = 9
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_LARGEST = 4000


def counted(number: int, form: str) -> str:
    """Return a number in a form of Word's, such as ``lowerRoman``; in digits if not known."""
    if form in ("lowerLetter", "upperLetter") and 0 < number < _LARGEST:
        # After z come aa, bb and so on.
        letters = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letters.upper() if form == "upperLetter" else letters
    if form in ("lowerRoman", "upperRoman") and 0 < number < _LARGEST:
        roman, rest = "", number
        for value, sign in _ROMAN:
            roman += sign * (rest // value)
            rest %= value
        return roman.upper() if form == "upperRoman" else roman
    return f"{number:02}" if form == "decimalZero" else str(number)


class Numbering:
    """Counts the items of all lists.

    Args:
        root: the part with the numbering, if there is one.
    """

    def __init__(self, root: Element | None) -> None:
        self._lists = {one.get("w:numId", ""): one for one in children(root, "w:num")}
        self._abstract = {
            one.get("w:abstractNumId", ""): one for one in children(root, "w:abstractNum")
        }
        self._counts: dict[str, list[int | None]] = {}
        self._restarted: set[tuple[str, int]] = set()

    def label(self, numbered: Element | None, *, is_shown: bool) -> tuple[str, int]:
        """Count an item; return its label, "" for none, and its level.

        Args:
            numbered: the paragraph's ``numPr``.
            is_shown: whether the paragraph has text; others are counted, too.
        """
        list_id = path(numbered, "w:numId", attribute="w:val")
        level_text = path(numbered, "w:ilvl", attribute="w:val")
        level = min(int(level_text), _LEVELS - 1) if level_text.isdecimal() else 0
        if list_id not in self._lists or not is_shown:
            return "", 0
        kind = path(self._lists[list_id], "w:abstractNumId", attribute="w:val")
        definition = self._level(list_id, kind, level)
        form = path(definition, "w:numFmt", attribute="w:val") or "decimal"
        counts = self._counts.setdefault(kind, [None] * _LEVELS)
        start = self._start(list_id, kind, level)
        count = counts[level]
        is_new = (list_id, level) not in self._restarted and self._restarts(list_id, level)
        counts[level] = start if count is None or is_new else count + 1
        self._restarted.add((list_id, level))
        counts[level + 1 :] = [None] * (_LEVELS - level - 1)
        if form == "none":
            return "", level
        if form == "bullet":
            return "-", level
        text = path(definition, "w:lvlText", attribute="w:val") or f"%{level + 1}."
        return re.sub(
            r"%([1-9])", lambda match: self._one(list_id, kind, match[1], counts), text
        ), level

    def _one(self, list_id: str, kind: str, place: str, counts: list[int | None]) -> str:
        level = int(place) - 1
        count = counts[level]
        form = path(self._level(list_id, kind, level), "w:numFmt", attribute="w:val")
        return counted(self._start(list_id, kind, level) if count is None else count, form)

    def _level(self, list_id: str, kind: str, level: int) -> Element | None:
        for override in children(self._lists[list_id], "w:lvlOverride"):
            if override.get("w:ilvl") == str(level):
                for found in children(override, "w:lvl"):
                    return found
        levels = children(self._abstract.get(kind), "w:lvl")
        return next((one for one in levels if one.get("w:ilvl") == str(level)), None)

    def _start(self, list_id: str, kind: str, level: int) -> int:
        start = self._override(list_id, level) or path(
            self._level(list_id, kind, level), "w:start", attribute="w:val"
        )
        return int(start) if start.isdecimal() else 1

    def _restarts(self, list_id: str, level: int) -> bool:
        return bool(self._override(list_id, level))

    def _override(self, list_id: str, level: int) -> str:
        overrides = children(self._lists[list_id], "w:lvlOverride")
        found = (one for one in overrides if one.get("w:ilvl") == str(level))
        return path(next(found, None), "w:startOverride", attribute="w:val")
