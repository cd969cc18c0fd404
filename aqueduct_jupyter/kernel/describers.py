"""How an object looks to a model: the describer of its type, its picture, its source, or its text.

Tables are in :mod:`.table_describers`, arrays in :mod:`.array_describers`, pictures in
:mod:`.picture_describers`. No data library is imported here: types are
recognized by name, and a user who has such an object has already imported its library. Cutting is
in :mod:`.context`.
"""

from __future__ import annotations

import inspect
import mimetypes
import traceback
import warnings
from collections.abc import Iterator, Sized
from itertools import islice
from pathlib import Path
from typing import Any

from IPython.lib.pretty import pretty

from ..protocol.errors import CellError
from . import array_describers, table_describers  # noqa: F401  # they register their types
from .context import Context, FilePart, ImagePart, Piece, Rank, register, registered
from .picture_describers import show_itself
from .stable_text import shown, stable, without_addresses

__all__ = ["describe", "describe_file"]

MOST_ELEMENTS = 1000
"""How many elements of each list, set and dict are shown."""

LONGEST_LINE = 200
TRACEBACK_FRAMES = 4
"""How many frames of a traceback are shown, from its end."""

_IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def describe(name: str, value: Any) -> Context:
    """Return what a model sees of an object.

    Objects of other libraries may raise anything, even while they are only displayed. Then this
    falls back to less, and says so.

    Raises:
        CellError: the object can only be sent in another form; the message says which.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries, about what nobody asked for
            return _described(name, value)
    except CellError:
        raise
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic in polars is not meant to end the program
        return _fallback(name, value, error)


def _described(name: str, value: Any) -> Context:
    if describer := registered(value):
        return describer(name, value)
    if not isinstance(value, str) and (picture := show_itself(name, value)):
        return picture
    if callable(value) or inspect.ismodule(value):
        return _source(name, value)
    return _plain(name, value)


def _plain(name: str, value: Any) -> Context:
    if isinstance(value, str):
        return Context(name, [Piece(value)])
    text: str = pretty(value, max_width=100, max_seq_length=MOST_ELEMENTS)  # type: ignore[no-untyped-call]  # not annotated
    is_long = any(len(part) > MOST_ELEMENTS for part in _sequences(value))
    return Context(name, [Piece(without_addresses(text))], cut=["elements"] if is_long else [])


def _sequences(value: Any) -> Iterator[Sized]:
    """Yield a container and those directly in it."""
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(value, list | tuple | set | frozenset | dict):
        yield value
        yield from (
            part
            for part in islice(inner, MOST_ELEMENTS)
            if isinstance(part, list | tuple | set | frozenset | dict)
        )


def _fallback(name: str, value: Any, error: BaseException) -> Context:
    """Fall back to ``repr()`` for an object whose description failed, and say so."""
    note = f"its description failed ({type(error).__name__}); this is its repr()"
    try:
        text = without_addresses(repr(value))
    except Exception as worse:
        kind = type(value)
        text = f"an object of {kind.__module__}.{kind.__qualname__}"
        note = f"its description failed ({type(worse).__name__}), and so did its repr()"
    return Context(name, [Piece(f"[{note}]"), Piece(text, Rank.SAMPLE, "repr")])


def describe_file(path: Path) -> Context:
    """Return what a model sees of a file: an image as an image, other files through the server.

    Raises:
        CellError: it does not exist or cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CellError(f"The file {path} cannot be read: {error.strerror}.") from None
    kind = mimetypes.guess_type(path.name)[0]
    if kind in _IMAGE_TYPES:
        return Context(path.name, parts=[ImagePart(data, str(kind))])
    return Context(path.name, parts=[FilePart(path.name, data)])


@register("pathlib", "PurePath")
def _path(_name: str, path: Any) -> Context:
    return describe_file(Path(path))


@register("builtins", "BaseException")
def _exception(name: str, error: Any) -> Context:
    """Describe the exception and the last frames of its traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-TRACEBACK_FRAMES:]
    lines = shown("".join(line[: LONGEST_LINE * 3] for line in traceback.format_list(last)))
    what = shown("".join(traceback.format_exception_only(error)).strip())
    pieces = [Piece(what)]
    if lines:
        left = len(frames) - TRACEBACK_FRAMES
        before = f"[{left} more before]\n" if left > 0 else ""
        traced = f"traceback, innermost last:\n{before}{lines.rstrip()}"
        pieces.insert(0, Piece(traced, Rank.STRUCTURE, "traceback"))
    # Libraries' frames differ with their versions; those of cells are the user's own.
    own = [frame.line or "" for frame in frames if _is_cell(frame.filename)]
    return Context(name, pieces, key="\n".join([*own, stable(what)]))


def _is_cell(filename: str) -> bool:
    return "ipykernel_" in filename or filename.startswith("<ipython-input")


def _source(name: str, value: Any) -> Context:
    try:
        source = inspect.getsource(value)
    except (OSError, TypeError):
        document = inspect.getdoc(value) or ""
        shown = Piece(without_addresses(repr(value)))
        return Context(name, [shown, Piece(document, Rank.SUMMARY, "documentation")])
    return Context(name, [Piece(f"```python\n{source.rstrip()}\n```")])
