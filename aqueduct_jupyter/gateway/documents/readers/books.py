"""Electronic books (EPUB): their chapters in the order of the spine.

Source: EPUB 3.3, 5.7 (the spine) and 4.2.6 (what META-INF holds).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from ..unreadable import UnreadableError
from . import web_pages
from .markdown import one_line
from .packages import Element, Package, inside

__all__ = ["read"]

_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")


def read(data: bytes, _charset: str | None) -> str:
    """Return the text of a book, as Markdown.

    Raises:
        UnreadableError: its chapters are encrypted.
    """
    package = Package(data)
    container = package.xml("META-INF/container.xml")
    files = () if container is None else container.iter("container:rootfile")
    main = next((one.get("full-path", "") for one in files), "")
    root = package.xml(main)
    chapters = list(_chapters(root, posixpath.dirname(main)))
    if _encrypted(package) & set(chapters):
        raise UnreadableError("encrypted")
    titles = [
        one.text or ""
        for one in inside(root, "opf:metadata")
        if one.tag in ("dc:title", "dc:creator")
    ]
    written = [
        web_pages.read(package.read(name), None).strip() for name in chapters if package.has(name)
    ]
    if not any(written):
        return ""
    return "\n\n".join(filter(None, [one_line(", ".join(titles)), *written]))


def _chapters(root: Element | None, folder: str) -> Iterator[str]:
    items = {one.get("id", ""): one for one in inside(root, "opf:manifest")}
    for reference in inside(root, "opf:spine"):
        item = items.get(reference.get("idref", ""))
        if item is not None and item.get("media-type") in _PAGES:
            yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))


def _encrypted(package: Package) -> set[str]:
    root = package.xml("META-INF/encryption.xml")
    found = () if root is None else root.iter()
    return {unquote(one.get("URI", "")) for one in found if one.tag.endswith("CipherReference")}
