"""Text from elsewhere, made fit for the place that shows it: the one door to a person's eyes.

Names, notes and errors come from upstreams, recordings, uploads and imported conversations, so they
may hold anything. Whatever shows them passes them through here first. The answer itself is not such
a text: it is Markdown, and is left to the kernel's ``safe_markdown`` and to the browser's view.

* Every function cuts before it looks: the cost depends on the bound and not on the input.
* What comes out is one line of printable characters. Controls, marks that turn the direction of
  writing, characters without width and halves of surrogate pairs are gone.
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
"""Characters of a name, a code or a reason for an end that are shown."""

LONGEST_SENTENCE = 2000
"""Characters of an error's message that are shown."""

LONGEST_FILENAME = 200
"""Bytes of a file's name before its ending; most file systems take 255 with it."""

_CUT = "\u2026"
# The colon and the dot, because some readers make links of bare addresses.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#!|$&~@^\":]|(?<=www)\.", re.IGNORECASE)
_QUOTES = str.maketrans(dict.fromkeys("\"'`<>"))
_NOT_IN_FILENAMES = re.compile(r'[\\/:*?"<>|]+')
_CONTROLS = re.compile(r"[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]")


def plain_text(text: object, most: int = LONGEST_WORD) -> str:
    """Give a text as one printable line.

    Args:
        text: what came from elsewhere; anything but a string gives "".
        most: how many characters it may have; a longer one is cut, and ends with an ellipsis.
    """
    if not isinstance(text, str):
        return ""
    # Blanks and controls may vanish: what is cut here is cut again below.
    words = " ".join(text[: 2 * most].split())
    shown = "".join(filter(str.isprintable, words))
    return shown if len(shown) <= most and len(text) <= 2 * most else shown[: most - 1] + _CUT


def plain_lines(text: str) -> str:
    """Give a text of several lines, such as an answer, without what would steer a terminal."""
    return _CONTROLS.sub("", text)


def as_markdown(text: object, most: int = LONGEST_WORD) -> str:
    """Give a text that Markdown shows letter for letter, whoever reads it.

    Signs become character references: a backslash before them would begin formulas in JupyterLab.
    """
    return _MARKDOWN.sub(lambda sign: f"&#{ord(sign[0])};", plain_text(text, most))


def as_html(text: object, most: int = LONGEST_WORD) -> str:
    """Give a text that HTML shows letter for letter, between tags and in attributes."""
    return html.escape(plain_text(text, most))


def as_filename(text: object, most: int = LONGEST_WORD) -> str:
    """Give a text as the name of a file without its ending: never a path, hidden or too long."""
    name = _NOT_IN_FILENAMES.sub(" ", plain_text(text, most)).strip(" .")
    return name.encode()[:LONGEST_FILENAME].decode(errors="ignore").rstrip(" .") or "untitled"


def in_quotes(text: object, most: int = LONGEST_WORD) -> str:
    """Give a text that a sentence can hold in quotes: it has none of its own, and no brackets."""
    kept = text[: 2 * most].translate(_QUOTES) if isinstance(text, str) else ""
    return plain_text(kept, most)
