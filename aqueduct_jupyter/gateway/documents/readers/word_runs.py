"""The text in a Word document's paragraphs: characters, fields, links, notes and formulas.

Source: ECMA-376 part 1, 17.3 (paragraphs and runs), 17.16 (fields), 17.11 (notes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from .formulas import formula_text
from .markdown import linked, one_line
from .packages import Element, Relationship, children, first, inside, path, texts
from .word_numbering import counted

__all__ = ["Notes", "Runs"]

_SKIPPED = ("w:del", "w:moveFrom", "w:pPr", "w:rPr", "w:sdtPr", "w:instrText", "w:delText", "w:rt")
_CHARACTERS = {
    "w:tab": "\t",
    "w:ptab": "\t",
    "w:br": "\n",
    "w:cr": "\n",
    "w:noBreakHyphen": "\u2011",
}
_DRAWINGS = ("w:drawing", "w:pict", "w:object")
_OFF = ("0", "false", "off", "none")
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_CAN_BE_MOVED = re.compile(r"[0-9+\-=()]+|n")
# Wingdings' boxes and arrows, as they are mostly used; other fonts' signs are told by number.
_SIGNS = {
    "FE": "☑",
    "FD": "☒",
    "A8": "☐",
    "6F": "☐",
    "FC": "✓",
    "FB": "✗",
    "E0": "→",
    "DF": "←",
    "A7": "▪",
    "6C": "●",
    "6E": "■",
    "D8": "➢",
    "4A": "☺",
}
_LINK_FIELD = re.compile(r'\s*HYPERLINK\s+"([^"]+)"')


class Notes:
    """The notes and comments that a text refers to, numbered in its order.

    Args:
        comments: the part with the comments, if there is one.
    """

    def __init__(self, comments: Element | None) -> None:
        self._comments = {one.get("w:id", ""): one for one in children(comments, "w:comment")}
        self._labels: dict[str, dict[str, str]] = {"footnotes": {}, "endnotes": {}}

    def label(self, kind: str, id_: str) -> str:
        """Return a note's label, as Word shows it: numbers for footnotes, Roman for endnotes."""
        labels = self._labels[kind]
        form = "decimal" if kind == "footnotes" else "lowerRoman"
        return labels.setdefault(id_, counted(len(labels) + 1, form))

    def labels(self, kind: str) -> list[tuple[str, str]]:
        """Return the ids and labels of all notes so far."""
        return list(self._labels[kind].items())

    def comment(self, id_: str) -> str:
        """Return a comment with its author."""
        comment = self._comments.get(id_)
        if comment is None:
            return ""
        author = one_line(comment.get("w:author", ""))
        paragraphs = ("".join(texts(one, "w:t")) for one in comment.iter("w:p"))
        return f" [Comment{f' by {author}' if author else ''}: {one_line(' '.join(paragraphs))}]"


@dataclass(slots=True)
class _Field:
    """A field whose end has not come: its instruction, and where its result begins."""

    instruction: str = ""
    start: int = 0
    is_result: bool = False


class Runs:
    """Reads the paragraphs of one part.

    Args:
        relationships: the part's.
        notes: the document's notes.
        boxed: is called with each drawing.
    """

    def __init__(
        self,
        relationships: Mapping[str, Relationship],
        notes: Notes,
        boxed: Callable[[Element], None],
    ) -> None:
        self._relationships = relationships
        self._notes = notes
        self._boxed = boxed
        self._fields: list[_Field] = []

    def text(self, paragraph: Element) -> str:
        """Return the text of a paragraph."""
        pieces: list[str] = []
        for field in self._fields:
            field.start = 0
        for child in paragraph:
            self._read(child, pieces)
        return "".join(pieces)

    def _read(self, element: Element, pieces: list[str]) -> None:
        tag = element.tag
        if tag in _SKIPPED:
            if tag == "w:instrText" and self._fields and not self._fields[-1].is_result:
                self._fields[-1].instruction += element.text or ""
        elif tag == "w:fldChar":
            self._field(element, pieces)
        elif tag in _DRAWINGS:
            self._drawing(element, pieces)
        elif tag == "w:hyperlink":
            self._link(element, pieces)
        elif tag == "w:r":
            self._run(element, pieces)
        elif tag == "mc:AlternateContent":
            chosen = "mc:Choice" if first(element, "mc:Choice") is not None else "mc:Fallback"
            for child in inside(element, chosen):
                self._read(child, pieces)
        elif all(field.is_result for field in self._fields):
            self._content(element, pieces)

    def _content(self, element: Element, pieces: list[str]) -> None:
        tag = element.tag
        if tag == "w:t":
            pieces.append(element.text or "")
        elif tag in _CHARACTERS:
            pieces.append(_CHARACTERS[tag])
        elif tag == "w:sym":
            pieces.append(_sign(element))
        elif tag in ("w:footnoteReference", "w:endnoteReference"):
            kind = "footnotes" if tag == "w:footnoteReference" else "endnotes"
            pieces.append(f"[^{self._notes.label(kind, element.get('w:id', ''))}]")
        elif tag == "w:commentReference":
            pieces.append(self._notes.comment(element.get("w:id", "")))
        elif tag in ("m:oMath", "m:oMathPara"):
            pieces.append("; ".join(_formulas(element)))
        elif tag == "w:ruby":
            for child in inside(element, "w:rubyBase"):
                self._read(child, pieces)
            pieces.append(f"({''.join(texts(first(element, 'w:rt'), 'w:t'))})")
        else:
            for child in element:
                self._read(child, pieces)

    def _run(self, run: Element, pieces: list[str]) -> None:
        properties = first(run, "w:rPr")
        if _is_on(properties, "w:vanish") or _is_on(properties, "w:del"):
            return
        own: list[str] = []
        # A field's result may begin in this run, so its place counts from the paragraph's begin.
        target = pieces if any(True for _ in children(run, "w:fldChar")) else own
        for child in run:
            self._read(child, target)
        text = "".join(own)
        moved = path(properties, "w:vertAlign", attribute="w:val")
        if moved in ("superscript", "subscript") and _CAN_BE_MOVED.fullmatch(text):
            text = text.translate(_RAISED if moved == "superscript" else _LOWERED)
        elif text.strip() and (_is_on(properties, "w:strike") or _is_on(properties, "w:dstrike")):
            text = f"~~{text}~~"
        pieces.append(text)

    def _link(self, link: Element, pieces: list[str]) -> None:
        own: list[str] = []
        for child in link:
            self._read(child, own)
        target = self._relationships.get(link.get("r:id", ""))
        text = "".join(own)
        pieces.append(linked(text, target.target) if target and target.is_external else text)

    def _field(self, element: Element, pieces: list[str]) -> None:
        kind = element.get("w:fldCharType")
        if kind == "begin":
            self._fields.append(_Field())
            box = first(element, "w:ffData", "w:checkBox")
            if box is not None:
                marks = [one.get("w:val", "1") for one in children(box, "w:checked", "w:default")]
                pieces.append("☑" if marks and marks[-1] not in _OFF else "☐")
        elif kind == "separate" and self._fields:
            self._fields[-1].is_result = True
            self._fields[-1].start = len(pieces)
        elif kind == "end" and self._fields:
            field = self._fields.pop()
            target = _LINK_FIELD.match(field.instruction)
            if field.is_result and target:
                text = "".join(pieces[field.start :])
                pieces[field.start :] = [linked(text, target[1])]

    def _drawing(self, drawing: Element, pieces: list[str]) -> None:
        described = (one_line(one.get("descr", "")) for one in drawing.iter("wp:docPr"))
        pieces.extend(f"[Picture: {text}]" for text in described if text)
        self._boxed(drawing)


def _formulas(element: Element) -> Iterator[str]:
    whole = [element] if element.tag == "m:oMath" else children(element, "m:oMath")
    yield from map(formula_text, whole)


def _is_on(properties: Element | None, name: str) -> bool:
    found = first(properties, name)
    return found is not None and found.get("w:val", "1") not in _OFF


def _sign(element: Element) -> str:
    font, code = element.get("w:font", ""), element.get("w:char", "").upper()
    if font.startswith("Wingdings"):
        return _SIGNS.get(code[-2:], "□")
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    # Fonts of signs have theirs in an area that means nothing by itself.
    return "□" if 0xE000 <= number <= 0xF8FF or number > 0x10FFFF else chr(number)
