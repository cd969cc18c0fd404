"""This file lets pages of the repository's root link to each other in the documentation, too.

``SECURITY.md`` and its like are included in pages of other names; on the repository's own pages,
their links lead from file to file.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at the links of every page that was read."""
    app.connect("doctree-read", _lead_to_pages)
    return {"parallel_read_safe": True}


def _lead_to_pages(app: Sphinx, document: nodes.document) -> None:
    for link in document.findall(addnodes.pending_xref):
        name, _, anchor = link["reftarget"].partition("#")
        page = name.removesuffix(".md").lower()
        is_file = link["reftype"] == "myst" and name.endswith(".md")
        if is_file and page in app.env.found_docs:
            # A pending link is an element, whose attributes are reached by their names.
            link["refdomain"], link["reftarget"] = "doc", page
            link["reftargetid"] = anchor or None
