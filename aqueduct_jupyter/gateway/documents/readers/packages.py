"""Documents that are ZIP archives of XML: their parts, parsed without harm, and how they relate.

Nothing outside the archive is ever opened. XML that declares a document type is refused: none of
these formats has one, and only there can entities be defined.

Sources: ECMA-376 part 2 (Open Packaging Conventions); ODF 1.3 part 2.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.parsers import expat

from ..unreadable import UnreadableError

__all__ = [
    "Element",
    "Package",
    "Relationship",
    "children",
    "first",
    "inside",
    "parse",
    "path",
    "texts",
]

MOST_PART_BYTES = 2**27
"""Unpacked size limit of one part, in bytes."""

Element = ElementTree.Element

_PIECE = 4096
_DRAWING = "drawingml/2006"
_SPACES = {
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main": "w",
    "http://purl.oclc.org/ooxml/wordprocessingml/main": "w",
    "http://schemas.openxmlformats.org/presentationml/2006/main": "p",
    "http://purl.oclc.org/ooxml/presentationml/main": "p",
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main": "x",
    "http://purl.oclc.org/ooxml/spreadsheetml/main": "x",
    f"http://schemas.openxmlformats.org/{_DRAWING}/main": "a",
    "http://purl.oclc.org/ooxml/drawingml/main": "a",
    f"http://schemas.openxmlformats.org/{_DRAWING}/chart": "c",
    "http://purl.oclc.org/ooxml/drawingml/chart": "c",
    f"http://schemas.openxmlformats.org/{_DRAWING}/diagram": "dgm",
    "http://purl.oclc.org/ooxml/drawingml/diagram": "dgm",
    f"http://schemas.openxmlformats.org/{_DRAWING}/wordprocessingDrawing": "wp",
    "http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing": "wp",
    f"http://schemas.openxmlformats.org/{_DRAWING}/spreadsheetDrawing": "xdr",
    "http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing": "xdr",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r",
    "http://purl.oclc.org/ooxml/officeDocument/relationships": "r",
    "http://schemas.openxmlformats.org/officeDocument/2006/math": "m",
    "http://purl.oclc.org/ooxml/officeDocument/math": "m",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc",
    "http://schemas.openxmlformats.org/package/2006/relationships": "rel",
    "http://schemas.microsoft.com/office/word/2010/wordprocessingShape": "wps",
    "urn:schemas-microsoft-com:vml": "v",
    "urn:oasis:names:tc:opendocument:xmlns:office:1.0": "office",
    "urn:oasis:names:tc:opendocument:xmlns:text:1.0": "text",
    "urn:oasis:names:tc:opendocument:xmlns:table:1.0": "table",
    "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0": "draw",
    "urn:oasis:names:tc:opendocument:xmlns:presentation:1.0": "presentation",
    "urn:oasis:names:tc:opendocument:xmlns:style:1.0": "style",
    "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0": "svg",
    "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0": "manifest",
    "urn:oasis:names:tc:opendocument:xmlns:chart:1.0": "chart",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://www.w3.org/1999/xlink": "xlink",
    "http://www.w3.org/1998/Math/MathML": "math",
    "http://www.idpf.org/2007/opf": "opf",
    "urn:oasis:names:tc:opendocument:xmlns:container": "container",
}


class Relationship(NamedTuple):
    """What a part names: the last word of its kind, and a part of the archive or an address."""

    kind: str
    target: str
    is_external: bool


class Package:
    """An archive of XML parts.

    Args:
        data: the archive, whose directory has been checked in :mod:`..kinds`.
    """

    def __init__(self, data: bytes) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        # Names of parts are equal whatever their case.
        self._names = {name.lower(): name for name in self._archive.namelist()}

    def has(self, name: str) -> bool:
        """Return whether there is a part of this name."""
        return name.lower() in self._names

    def read(self, name: str) -> bytes:
        """Unpack a part.

        Raises:
            UnreadableError: it is too large.
            KeyError: there is none.
        """
        with self._archive.open(self._names[name.lower()]) as part:
            data = part.read(MOST_PART_BYTES + 1)
        if len(data) > MOST_PART_BYTES:
            raise UnreadableError("memory")
        return data

    def xml(self, name: str) -> Element | None:
        """Parse a part; None if there is no such part."""
        return parse(self.read(name)) if self.has(name) else None

    def relationships(self, part: str) -> dict[str, Relationship]:
        """Return what a part names, by id; "" is the package itself."""
        folder, name = posixpath.split(part)
        root = self.xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        found: dict[str, Relationship] = {}
        for one in children(root, "rel:Relationship"):
            is_external = one.get("TargetMode") == "External"
            target = one.get("Target", "")
            if not is_external:
                path = posixpath.join("/", folder, unquote(target))
                target = posixpath.normpath(path).lstrip("/")
            kind = one.get("Type", "").rpartition("/")[2]
            found[one.get("Id", "")] = Relationship(kind, target, is_external)
        return found

    def related(self, part: str, kind: str) -> list[str]:
        """Return the parts of one kind that a part names."""
        found = self.relationships(part).values()
        return [one.target for one in found if one.kind == kind and not one.is_external]

    def main(self, usual: str) -> str:
        """Return the name of the main part."""
        return next(iter(self.related("", "officeDocument")), usual)


def parse(data: bytes) -> Element:
    """Parse XML; tags and attributes get the usual prefixes of their namespaces.

    Raises:
        UnreadableError: it declares a document type.
        ElementTree.ParseError: it is no XML.
    """
    _refuse_document_type(data)
    root = ElementTree.fromstring(data)  # noqa: S314  # without a document type it is harmless
    names: dict[str, str] = {}
    for element in root.iter():
        tag = element.tag
        element.tag = names.get(tag) or names.setdefault(tag, _prefixed(tag))
        if any(name[0] == "{" for name in element.attrib):
            attributes = {_prefixed(name): value for name, value in element.attrib.items()}
            element.attrib.clear()
            element.attrib.update(attributes)
    return root


def _prefixed(name: str) -> str:
    space, _, local = name.rpartition("}")
    prefix = _SPACES.get(space[1:])
    return f"{prefix}:{local}" if prefix else name


def _refuse_document_type(data: bytes) -> None:
    parser = expat.ParserCreate()
    has_begun = False

    def begin(*_: object) -> None:
        nonlocal has_begun
        has_begun = True

    def refuse(*_: object) -> None:
        raise UnreadableError("broken")

    parser.StartElementHandler = begin
    parser.StartDoctypeDeclHandler = refuse
    for start in range(0, len(data), _PIECE):
        parser.Parse(data[start : start + _PIECE], False)
        if has_begun:
            return


def children(element: Element | None, *tags: str) -> Iterator[Element]:
    """Yield the children that have one of these tags."""
    for child in () if element is None else element:
        if child.tag in tags:
            yield child


def first(element: Element | None, *steps: str) -> Element | None:
    """Return the first descendant at the end of these steps from parent to child."""
    for step in steps:
        element = next(children(element, step), None)
    return element


def inside(element: Element | None, *steps: str) -> Iterator[Element]:
    """Yield all children of the first descendant at the end of these steps."""
    found = first(element, *steps)
    yield from () if found is None else found


def path(element: Element | None, *steps: str, attribute: str) -> str:
    """Return an attribute of the first descendant at the end of these steps, or ""."""
    found = first(element, *steps)
    return "" if found is None else found.get(attribute, "")


def texts(element: Element | None, *tags: str) -> list[str]:
    """Return the texts of all descendants with one of these tags."""
    return [
        found.text or ""
        for found in (() if element is None else element.iter())
        if found.tag in tags
    ]
