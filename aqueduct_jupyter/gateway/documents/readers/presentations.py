"""Presentations (PPTX): each slide in the order of the show, with its own notes and comments.

Source: ECMA-376 part 1, 19 (PresentationML) and 21.1 (DrawingML).
"""

from __future__ import annotations

from collections.abc import Iterator

from .charts import drawing_text
from .formulas import formula_text
from .markdown import linked, one_line, table
from .packages import Element, Package, Relationship, children, first, inside, path, texts

__all__ = ["read"]

_TITLES = ("title", "ctrTitle")
# They repeat on every slide, or are the number that is there anyway.
_REPEATED = ("sldNum", "dt", "ftr", "hdr", "sldImg")
_SHAPES = ("p:sp", "p:grpSp", "p:pic", "p:graphicFrame", "mc:AlternateContent", "p:contentPart")


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a presentation, as Markdown."""
    package = Package(data)
    main = package.main("ppt/presentation.xml")
    relationships = package.relationships(main)
    authors = _authors(package, main)
    slides = children(first(package.xml(main), "p:sldIdLst"), "p:sldId")
    parts = [
        relationships[id_].target for one in slides if (id_ := one.get("r:id", "")) in relationships
    ]
    written = (_Slide(package, part, authors).text(number) for number, part in enumerate(parts, 1))
    return "\n\n".join(written) if parts else ""


def _authors(package: Package, main: str) -> dict[str, str]:
    found = {}
    for kind in ("commentAuthors", "authors"):
        for part in package.related(main, kind):
            root = package.xml(part)
            for author in root if root is not None else ():
                found[author.get("id", "")] = author.get("name", "")
    return found


class _Slide:
    """One slide.

    Args:
        package: the presentation.
        part: the name of the slide's part.
        authors: the names of those who comment, by id.
    """

    def __init__(self, package: Package, part: str, authors: dict[str, str]) -> None:
        self._package = package
        self._part = part
        self._authors = authors
        self._relationships = package.relationships(part)
        self._title = ""

    def text(self, number: int) -> str:
        """Return the slide, with its number in the show."""
        root = self._package.xml(self._part)
        shapes = list(self._shapes(first(root, "p:cSld", "p:spTree"))) if root is not None else []
        hidden = " (hidden)" if root is not None and root.get("show") in ("0", "false") else ""
        head = f"## Slide {number}{hidden}" + (f": {self._title}" if self._title else "")
        return "\n\n".join([head, *shapes, *self._comments(), *self._notes()])

    def _shapes(self, tree: Element | None) -> Iterator[str]:
        for shape in children(tree, *_SHAPES):
            yield from filter(str.strip, self._shape(shape))

    def _shape(self, shape: Element) -> Iterator[str]:
        if shape.tag == "mc:AlternateContent":
            choice = first(shape, "mc:Choice")
            yield from self._shapes(choice if choice is not None else first(shape, "mc:Fallback"))
        elif shape.tag == "p:grpSp":
            yield from self._shapes(shape)
        elif shape.tag == "p:pic":
            yield _picture(path(shape, "p:nvPicPr", "p:cNvPr", attribute="descr"))
        elif shape.tag == "p:graphicFrame":
            yield from self._frame(shape)
        elif shape.tag == "p:sp":
            yield from self._words(shape)

    def _words(self, shape: Element) -> Iterator[str]:
        kind = path(shape, "p:nvSpPr", "p:nvPr", "p:ph", attribute="type")
        if kind in _REPEATED:
            return
        text = self._paragraphs(first(shape, "p:txBody"))
        if kind in _TITLES and not self._title:
            self._title = one_line(text)
        elif text.strip():
            yield text
        elif description := path(shape, "p:nvSpPr", "p:cNvPr", attribute="descr"):
            yield f"[Shape: {one_line(description)}]"

    def _frame(self, frame: Element) -> Iterator[str]:
        data = first(frame, "a:graphic", "a:graphicData")
        grid = first(data, "a:tbl")
        if grid is not None:
            rows = children(grid, "a:tr")
            yield table([self._cell(cell) for cell in children(row, "a:tc")] for row in rows)
        yield drawing_text(self._package, self._part, frame)
        description = path(frame, "p:nvGraphicFramePr", "p:cNvPr", attribute="descr")
        if description:
            yield f"[Shape: {one_line(description)}]"

    def _cell(self, cell: Element) -> str:
        is_merged = any(cell.get(name) in ("1", "true") for name in ("hMerge", "vMerge"))
        return "" if is_merged else self._paragraphs(first(cell, "a:txBody"))

    def _paragraphs(self, body: Element | None) -> str:
        lines = []
        for paragraph in children(body, "a:p"):
            level = path(paragraph, "a:pPr", attribute="lvl")
            indent = "  " * (int(level) if level.isdecimal() else 0)
            text = "".join(self._inline(child) for child in paragraph)
            lines.append(f"{indent}- {text}" if indent and text.strip() else text)
        return "\n".join(lines).strip("\n")

    def _inline(self, element: Element) -> str:
        if element.tag == "a:br":
            return "\n"
        if element.tag == "mc:AlternateContent":
            return "".join(self._inline(child) for child in inside(element, "mc:Choice"))
        if element.tag in ("a:r", "a:fld"):
            text = "".join(texts(element, "a:t"))
            target = self._relationships.get(
                path(element, "a:rPr", "a:hlinkClick", attribute="r:id")
            )
            return linked(text, target.target) if target and target.is_external else text
        formulas = element.iter("m:oMath")
        return "; ".join(formula_text(formula) for formula in formulas)

    def _related(self, kind: str) -> list[Relationship]:
        return [one for one in self._relationships.values() if one.kind == kind]

    def _comments(self) -> Iterator[str]:
        for part in self._related("comments"):
            root = self._package.xml(part.target)
            for comment in root.iter() if root is not None else ():
                if comment.tag.rpartition(":")[2].rpartition("}")[2] not in ("cm", "reply"):
                    continue
                text = one_line(" ".join(_comment_words(comment)))
                author = self._authors.get(comment.get("authorId", ""), "")
                yield f"[Comment{f' by {author}' if author else ''}: {text}]"

    def _notes(self) -> Iterator[str]:
        for part in self._related("notesSlide"):
            tree = first(self._package.xml(part.target), "p:cSld", "p:spTree")
            notes = _Slide(self._package, part.target, {})
            text = "\n".join(notes._shapes(tree))
            if text.strip():
                yield f"Notes: {text}"


def _comment_words(comment: Element) -> Iterator[str]:
    """Yield the words of a comment, without those of the answers to it."""
    for child in comment:
        name = child.tag.rpartition("}")[2]
        if child.tag == "p:text":
            yield child.text or ""
        elif name == "txBody":
            yield from texts(child, "a:t")


def _picture(description: str) -> str:
    return f"[Picture: {one_line(description)}]" if description.strip() else "[Picture]"
