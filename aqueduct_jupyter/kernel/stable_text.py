"""Text without what differs in each process, or on each machine: for recordings and for models.

Addresses in memory, process ids, temporary folders and the paths of libraries say nothing about
what was meant.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable
from typing import Any

from IPython.lib.pretty import pretty

__all__ = ["fingerprint", "inserted", "shown", "stable", "without_addresses"]

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{4,}")
# A path is looked for only where a word begins, so a long word takes no longer than its length.
_CELL = re.compile(r"(?<![^\s\"'<>])[^\s\"'<>]*[/\\]ipykernel_\d+[/\\]\d+\.py")
_INTERACTIVE = re.compile(r"<ipython-input-\d+-[0-9a-f]+>")
_INSTALLED = re.compile(r"(?<![^\s\"'])[^\s\"']*[/\\](?:site|dist)-packages[/\\]")
_STANDARD = re.compile(r"(?<![^\s\"'])[^\s\"']*[/\\]lib[/\\]python3\.\d+[/\\]")
_LIBRARY_LINE = re.compile(r"(<library>[^\n]*?, line )\d+")
_FOLDER = re.escape(tempfile.gettempdir())
_TEMPORARY = re.compile(rf"{_FOLDER}[/\\][^\s\"':,;)\]]*")


def without_addresses(text: str) -> str:
    """Leave out addresses in memory."""
    return _ADDRESS.sub("", text)


def shown(text: str) -> str:
    """Return a text for a model: cells are named as such, and libraries without their folders."""
    text = without_addresses(text)
    text = _INTERACTIVE.sub("<cell>", _CELL.sub("<cell>", text))
    return _STANDARD.sub("", _INSTALLED.sub("", text))


def stable(text: str) -> str:
    """Return a text for a recording: the same in every process, with any library's version."""
    text = without_addresses(text)
    text = _INTERACTIVE.sub("<cell>", _CELL.sub("<cell>", text))
    text = _STANDARD.sub("<library>", _INSTALLED.sub("<library>", text))
    return _TEMPORARY.sub("<temporary>", _LIBRARY_LINE.sub(r"\1?", text))


def fingerprint(*values: object) -> str:
    """Return a hash of values by their text."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(f"{value}\0".encode(errors="surrogatepass"))
    return digest.hexdigest()


def inserted(value: Any) -> str:
    """Return a value as it is inserted into a prompt; sets have one order, and no address stays."""
    if isinstance(value, list | tuple | dict | set | frozenset) and _has_set([value]):
        text: str = pretty(value, max_width=10**9, max_seq_length=0)  # type: ignore[no-untyped-call]  # not annotated
        return text
    return value if type(value) is str else without_addresses(str(value))


def _has_set(values: Iterable[Any], depth: int = 0) -> bool:
    for value in values:
        if isinstance(value, set | frozenset):
            return True
        if depth < 5 and isinstance(value, list | tuple | dict):
            inner = value.values() if isinstance(value, dict) else value
            if _has_set(inner, depth + 1):
                return True
    return False
