"""The text in a paragraph of an OpenDocument file: spaces, tabs, links, notes and comments.

Source: ODF 1.3 part 3, 6 (Paragraph Elements Content).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .markdown import linked, one_line
from .packages import Element, first

__all__ = ["Notes", "paragraph_text"]

MOST_SPACES = 1_000
"""Spaces that one element may stand for."""

_SKIPPED = (
    *("text:tracked-changes", "text:ruby-text", "text:hidden-text", "text:note-citation"),
    *("office:annotation-end", "svg:title", "svg:desc"),
)


class Notes:
    """The notes of a document, in the order of their labels."""

    def __init__(self) -> None:
        self._bodies: dict[str, Element] = {}

    def label(self, note: Element) -> str:
        """Keep a note, and return its label, which is what the page shows."""
        citation = first(note, "text:note-citation")
        shown = one_line("".join(citation.itertext())) if citation is not None else ""
        label = shown or str(len(self._bodies) + 1)
        # A mark such as an asterisk may stand for several notes.
        while label in self._bodies:
            label += "+"
        body = first(note, "text:note-body")
        if body is not None:
            self._bodies[label] = body
        return label

    def definitions(self, read: Callable[[Element], str]) -> Iterator[str]:
        """Yield each note's text."""
        for label, body in list(self._bodies.items()):
            yield f"[^{label}]: {read(body)}"


def paragraph_text(paragraph: Element, notes: Notes, frames: list[Element]) -> str:
    """Return the text of a paragraph; its frames are added to ``frames``."""
    pieces = list(_pieces(paragraph, notes, frames))
    return "".join(pieces)


def _pieces(element: Element, notes: Notes, frames: list[Element]) -> Iterator[str]:
    # Line breaks and repeated spaces of the XML itself mean one space.
    yield _spaces(element.text)
    for child in element:
        yield from _piece(child, notes, frames)
        yield _spaces(child.tail)


def _piece(element: Element, notes: Notes, frames: list[Element]) -> Iterator[str]:
    tag = element.tag
    if tag == "text:tab":
        yield "\t"
    elif tag == "text:line-break":
        yield "\n"
    elif tag == "text:s":
        count = element.get("text:c", "1")
        yield " " * (min(int(count), MOST_SPACES) if count.isdecimal() else 1)
    elif tag == "text:note":
        yield f"[^{notes.label(element)}]"
    elif tag == "office:annotation":
        yield _comment(element)
    elif tag == "text:a":
        yield linked("".join(_pieces(element, notes, frames)), element.get("xlink:href", ""))
    elif tag.startswith("draw:"):
        frames.append(element)
    elif tag not in _SKIPPED:
        yield from _pieces(element, notes, frames)


def _comment(annotation: Element) -> str:
    creator = first(annotation, "dc:creator")
    author = one_line(creator.text or "") if creator is not None else ""
    words = one_line(" ".join("".join(one.itertext()) for one in annotation.iter("text:p")))
    return f" [Comment{f' by {author}' if author else ''}: {words}]"


def _spaces(text: str | None) -> str:
    if not text:
        return ""
    start = " " if text[0].isspace() else ""
    end = " " if text[-1].isspace() and text.strip() else ""
    return f"{start}{' '.join(text.split(None))}{end}" if text.strip() else " "
