"""This file ends the build where a page would load something from elsewhere.

The documentation is read on machines without the internet, as the extension is used on them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

__all__ = ["setup"]

_LOADED = re.compile(
    r"""<(?:script|img|iframe|link)\b[^>]*\s(?:src|href)=["'](?:https?:)?//[^>]*>"""
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at every page when all are written."""
    app.connect("build-finished", _look)
    return {"parallel_read_safe": True}


def _look(app: Sphinx, failure: Exception | None) -> None:
    if failure is not None:
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        if loaded := _LOADED.search(path.read_text()):
            raise ExtensionError(f"{path.name} loads from elsewhere: {loaded[0]}")
