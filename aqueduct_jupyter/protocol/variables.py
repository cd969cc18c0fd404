"""A kernel's variables as pages see them: their names, and what a model gets of one.

``labextension/src/carriers/variables.ts`` reads the same forms.
"""

from __future__ import annotations

from typing import TypedDict

__all__ = ["MEDIA_TYPE", "Described", "DescribedFile", "Variable"]

MEDIA_TYPE = "application/vnd.aqueduct.variables+json"
"""The media type of a kernel's answer to a page."""


class Variable(TypedDict):
    """A variable in a list; ``shape`` is its size for people, and may be empty."""

    name: str
    type: str
    shape: str


class DescribedFile(TypedDict):
    """A picture or a file that belongs to a variable; ``data`` is in base64."""

    name: str
    media_type: str
    data: str


class Described(TypedDict):
    """What a model gets of a variable; ``cut`` says what was left out."""

    name: str
    text: str
    cut: list[str]
    files: list[DescribedFile]
