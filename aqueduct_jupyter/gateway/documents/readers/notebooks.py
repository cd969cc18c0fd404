"""Notebooks: their cells, with what they put out, and without pictures' bytes.

Sources: nbformat's documentation, "The notebook file format", and its changes from 2 to 3 and 4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..unreadable import UnreadableError
from . import plain_text
from .markdown import fenced, without_data

__all__ = ["MAX_OUTPUT_CHARACTERS", "read", "read_decoded"]

MAX_OUTPUT_CHARACTERS = 4000
"""Characters that are kept of each output of a cell, and of an error's message."""

_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
# Earlier formats name an output's forms by themselves.
_TEXTS = (
    *("text/plain", "text/markdown", "text/latex", "text", "latex"),
    *("application/json", "json", "text/html", "html"),
)
_PICTURES = re.compile(r"image/[\w.+-]+|png|jpeg|svg")
_NOTE = re.compile(r"\[Picture: [\w.+/-]+\]")
_LEVELS = range(1, 7)


def read(data: bytes, charset: str | None) -> str:
    """Return the text of a notebook.

    Raises:
        UnreadableError: it is not JSON, or its charset cannot be told.
    """
    return read_decoded(plain_text.read(data, charset))


def read_decoded(text: str) -> str:
    """Return the text of a notebook whose JSON has been decoded."""
    notebook = json.loads(text)
    metadata = _fields(notebook.get("metadata"))
    language = _fields(metadata.get("language_info")).get("name")
    language = str(language or _fields(metadata.get("kernelspec")).get("language") or "")
    parts = [_cell_text(cell, language) for cell in _cells(notebook)]
    return without_data("\n\n".join(part for part in parts if part.strip()))


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    # Formats 2 and 3 have worksheets.
    if not {"cells", "worksheets", "nbformat"} & set(notebook):
        raise UnreadableError("broken")
    yield from notebook.get("cells", ())
    for sheet in notebook.get("worksheets", ()):
        yield from sheet.get("cells", ())


def _joined(lines: Any) -> str:
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines or "")


def _cell_text(cell: dict[str, Any], language: str) -> str:
    kind = cell["cell_type"]
    source = _joined(cell.get("source", cell.get("input")))
    if kind == "heading":
        level = cell.get("level", 1)
        return f"{'#' * level if level in _LEVELS else '#'} {source}"
    attached = [f"[Attachment: {name}]" for name in cell.get("attachments") or ()]
    if kind != "code" or not source.strip():
        return "\n".join([source, *attached])
    outputs = [_output_text(output) for output in cell.get("outputs", [])]
    shown = [text if _NOTE.fullmatch(text) else fenced(text) for text in outputs if text.strip()]
    code = fenced(source, cell.get("language") or language)
    return "\n".join([code, *(f"Output:\n{text}" for text in shown), *attached])


def _output_text(output: dict[str, Any]) -> str:
    kind = output["output_type"]
    if kind == "stream":
        return _shortened(_clean(_joined(output["text"])))
    if kind in ("error", "pyerr"):
        return _error_text(output)
    # Format 2 and 3 have the forms beside the output's type.
    forms = output.get("data") or output
    text = next((_form(forms[form]) for form in _TEXTS if forms.get(form)), "")
    if text.strip():
        return _shortened(_clean(text))
    return next((f"[Picture: {name}]" for name in forms if _PICTURES.fullmatch(name)), "")


def _form(form: Any) -> str:
    return json.dumps(form, ensure_ascii=False) if isinstance(form, dict) else _joined(form)


def _error_text(output: dict[str, Any]) -> str:
    message = _clean(f"{output.get('ename')}: {output.get('evalue')}")
    trace = _clean("\n".join(map(str, output.get("traceback") or ())))
    # The last line of a traceback has the message, but not in every kernel.
    first = message.partition("\n")[0]
    if first not in trace:
        trace = f"{trace}\n{message}" if trace else message
    if len(trace) <= MAX_OUTPUT_CHARACTERS:
        return trace
    # The error is at the end, so the middle is what can be missed.
    half = MAX_OUTPUT_CHARACTERS // 2
    left_out = len(trace) - 2 * half
    return f"{trace[:half]}\n[{left_out} characters left out]\n{trace[-half:]}"


def _clean(text: str) -> str:
    return _TERMINAL_CODES.sub("", text).rstrip()


def _shortened(text: str) -> str:
    rest = len(text) - MAX_OUTPUT_CHARACTERS
    return f"{text[:MAX_OUTPUT_CHARACTERS]}\n[{rest} more characters]" if rest > 0 else text
