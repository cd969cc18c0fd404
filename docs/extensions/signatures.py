"""This file shows the arguments of a widget's class, which traitlets' own ``__new__`` hides."""

from __future__ import annotations

import inspect
from typing import Any

from sphinx.application import Sphinx
from traitlets import HasTraits

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at every class that is described."""
    app.connect("autodoc-process-signature", _constructor_of)
    return {"parallel_read_safe": True}


def _constructor_of(_app: Sphinx, kind: str, _name: str, thing: Any, *_: Any) -> Any:
    has_own = kind == "class" and issubclass(thing, HasTraits) and "__init__" in vars(thing)
    if not has_own:
        return None
    own = inspect.signature(thing.__init__)
    shown = own.replace(parameters=list(own.parameters.values())[1:], return_annotation=own.empty)
    return str(shown).replace("'", ""), None
