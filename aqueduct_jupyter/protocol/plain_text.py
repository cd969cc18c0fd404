"""Foreign text made safe to display: everything shown to a user passes through here.

Names, notes and errors come from upstreams, recordings, uploads and imported conversations, so they
may contain anything. Code that displays them calls these functions first. The answer itself is
Markdown; :mod:`.safe_markdown` and the browser's view handle it.

* Every function cuts before it reads: the cost depends on the bound, not on the input.
* The result is one line of printable characters. Control characters, marks that change the
  direction of writing, zero-width characters and halves of surrogate pairs are removed.
"""

from __future__ import annotations

import html
import re

__all__ = [
    "LONGEST_SENTENCE",
    "LONGEST_WORD",
    "as_filename",
    "as_html",
    "as_markdown",
    "in_quotes",
    "plain_lines",
    "plain_text",
]

LONGEST_WORD = 200
"""Characters shown of a name, a code or a finish reason."""

LONGEST_SENTENCE = 2000
"""Characters shown of an error's message."""

LONGEST_FILENAME = 200
"""Bytes of a filename before its extension; most file systems allow 255 in total."""

_CUT = "\u2026"
# The colon and the dot are here because some readers turn bare addresses into links.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#!|$&~@^\":]|(?<=www)\.", re.IGNORECASE)
_QUOTES = str.maketrans(dict.fromkeys("\"'`<>"))
_NOT_IN_FILENAMES = re.compile(r'[\\/:*?"<>|]+')
_CONTROLS = re.compile(r"[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]")


def plain_text(text: object, most: int = LONGEST_WORD) -> str:
    """Return a text as one printable line.

    Args:
        text: the foreign text; anything but a string gives "".
        most: the most characters; a longer text is cut and ends with an ellipsis.
    """
    if not isinstance(text, str):
        return ""
    # Whitespace and control characters may vanish, so this cut leaves room for the one below.
    line = " ".join(text[: 2 * most].split())
    shown = "".join(filter(str.isprintable, line))
    return shown if len(shown) <= most and len(text) <= 2 * most else shown[: most - 1] + _CUT


def plain_lines(text: str) -> str:
    """Return a text of several lines, such as an answer, without terminal control characters."""
    return _CONTROLS.sub("", text)


def as_markdown(text: object, most: int = LONGEST_WORD) -> str:
    """Return a text that every Markdown reader shows literally.

    Special characters become character references: a backslash before them would begin a formula
    in JupyterLab.
    """
    return _MARKDOWN.sub(lambda sign: f"&#{ord(sign[0])};", plain_text(text, most))


def as_html(text: object, most: int = LONGEST_WORD) -> str:
    """Return a text that HTML shows literally, between tags and in attributes."""
    return html.escape(plain_text(text, most))


def as_filename(text: object, most: int = LONGEST_WORD) -> str:
    """Return a text as a filename without extension: never a path, hidden or too long."""
    name = _NOT_IN_FILENAMES.sub(" ", plain_text(text, most)).strip(" .")
    return name.encode()[:LONGEST_FILENAME].decode(errors="ignore").rstrip(" .") or "untitled"


def in_quotes(text: object, most: int = LONGEST_WORD) -> str:
    """Return a text for use in quotes in a sentence: without quotes and angle brackets."""
    kept = text[: 2 * most].translate(_QUOTES) if isinstance(text, str) else ""
    return plain_text(kept, most)
