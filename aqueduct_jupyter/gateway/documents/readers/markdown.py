"""The Markdown that readers write: tables, fences and links, whatever text is in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["fenced", "linked", "one_line", "table", "without_data"]

_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=]+")
_SAFE_TARGET = re.compile(r"[^\s<>()]+")


def table(rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its first row is the head, and rows may have different lengths."""
    lines = [[_cell(cell) for cell in row] for row in rows]
    width = max(map(len, lines), default=0)
    if width == 0:
        return ""
    written = [f"| {' | '.join([*line, *[''] * (width - len(line))])} |" for line in lines]
    return "\n".join([written[0], f"|{' --- |' * width}", *written[1:]])


def _cell(text: str) -> str:
    # A bar would end the cell, and a line break the row.
    return re.sub(r"\s*[\n\v\f\r]+\s*", "<br>", text.strip()).replace("|", "\\|")


def one_line(text: str) -> str:
    """Return a text without line breaks and repeated spaces."""
    return " ".join(text.split())


def fenced(text: str, language: str = "") -> str:
    """Return a block of code, between fences that it cannot end."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", text))])
    return f"{fence}{language}\n{text}\n{fence}"


def linked(text: str, target: str) -> str:
    """Return a link with its target, unless the text is the target itself."""
    if not text.strip() or not _SAFE_TARGET.fullmatch(target) or text.strip() == target:
        return text or target
    start, words, end = re.split(r"(\S(?:.*\S)?)", text, maxsplit=1, flags=re.DOTALL)
    return f"{start}[{words}]({target}){end}"


def without_data(text: str) -> str:
    """Return a text without the base64 of the pictures in it."""
    return _DATA_URI.sub("data:", text)
