"""The describers for each type: how a table, a figure or an exception looks to a model.

This module imports no data library: types are recognized by name, and a user who has such an object
has already imported its library. Cutting is in :mod:`.context`.
"""

from __future__ import annotations

import inspect
import io
import mimetypes
import pprint
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..protocol.errors import CellError
from .context import Context, FilePart, ImagePart, Piece, Rank, register, registered

__all__ = ["describe", "describe_file"]

SAMPLE_ROWS = 5
MOST_COLUMNS = 100
LONGEST_LINE = 200
TRACEBACK_FRAMES = 4
"""How many frames of a traceback are shown, from its end."""

_IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def describe(name: str, value: Any) -> Context:
    """Return what a model sees of an object.

    Raises:
        CellError: the object cannot be described.
    """
    try:
        if describer := registered(value):
            return describer(name, value)
        if callable(value) or inspect.ismodule(value):
            return _source(name, value)
        text = value if isinstance(value, str) else pprint.pformat(value, width=100, compact=True)
    except CellError:
        raise
    except Exception as error:
        # Objects of other libraries may raise anything, even while they are only displayed.
        return _fallback(name, value, error)
    return Context(name, [Piece(text)])


def _fallback(name: str, value: Any, error: Exception) -> Context:
    """Fall back to ``repr()`` for an object whose description failed, and say so."""
    try:
        text = repr(value)
    except Exception as worse:
        raise CellError(f"'{name}' cannot be described: {worse!r}.") from error
    note = f"its description failed ({type(error).__name__}); this is its repr()"
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


@register("pandas", "DataFrame")
def _pandas_frame(name: str, frame: Any) -> Context:
    # By position, because several columns may have the same name.
    shown = frame.iloc[:, :MOST_COLUMNS]
    facts = zip(shown.columns, shown.dtypes, shown.isna().sum(), strict=True)
    lines = [f"{column!s:.60}: {kind}, {int(nulls)} null" for column, kind, nulls in facts]
    more = len(frame.columns) - len(lines)
    lines += [f"and {more} more columns"] if more > 0 else []
    statistics = _text_of(lambda: shown.describe(include="all").to_string())
    sample = _text_of(lambda: frame.head(SAMPLE_ROWS).to_csv(index=False))
    return _table(name, "pandas", frame.shape, lines, statistics, sample)


def _text_of(write: Callable[[], object]) -> str:
    """Return the text that a library writes for a table; "" if it fails, as without columns.

    A panic in polars is a BaseException, but is not meant to end the program.
    """
    try:
        return str(write())
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException:
        return ""


@register("pandas", "Series")
def _pandas_series(name: str, series: Any) -> Context:
    title = series.name if series.name is not None else "values"
    return _pandas_frame(name, series.to_frame(title))


@register("polars", "DataFrame")
def _polars_frame(name: str, frame: Any) -> Context:
    columns = frame.columns[:MOST_COLUMNS]
    # A table without columns does not even have a row of counts.
    nulls = frame.null_count().row(0) if columns else ()
    lines = [
        f"{column:.60}: {frame.schema[column]}, {null} null"
        for column, null in zip(columns, nulls, strict=False)
    ]
    more = len(frame.columns) - len(columns)
    lines += [f"and {more} more columns"] if more > 0 else []
    statistics = _text_of(lambda: frame.select(columns).describe().write_csv())
    first = frame.head(SAMPLE_ROWS)
    # CSV cannot represent lists, structs and bytes.
    sample = _text_of(first.write_csv) or _text_of(lambda: first.rows(named=True))
    return _table(name, "polars", frame.shape, lines, statistics, sample)


@register("polars", "Series")
def _polars_series(name: str, series: Any) -> Context:
    return _polars_frame(name, series.to_frame())


def _table(
    name: str,
    library: str,
    shape: tuple[int, int],
    columns: list[str],
    statistics: str,
    sample: str,
) -> Context:
    rows, width = shape
    pieces = [Piece(f"{library} table of {rows} rows and {width} columns")]
    pieces.append(Piece("columns:\n" + "\n".join(columns), Rank.STRUCTURE, "columns"))
    if statistics:
        pieces.append(Piece(f"statistics:\n{statistics}", Rank.SUMMARY, "statistics"))
    if sample:
        first = f"first {min(rows, SAMPLE_ROWS)} rows as CSV:\n{sample.rstrip()}"
        pieces.append(Piece(first, Rank.SAMPLE, "sample rows"))
    left_out = [what for what, text in (("statistics", statistics), ("rows", sample)) if not text]
    note = f"{' and '.join(left_out)} of this table cannot be shown"
    return Context(name, pieces, cut=[note] if left_out and width else [])


@register("numpy", "ndarray")
def _array(name: str, array: Any) -> Context:
    pieces = [Piece(f"numpy array of shape {array.shape} and type {array.dtype}")]
    if array.size and array.dtype.kind in "iufb":
        low, high, mean = array.min(), array.max(), array.mean()
        text = f"least {low}, greatest {high}, mean {mean}"
        pieces.append(Piece(text, Rank.SUMMARY, "statistics"))
    # numpy's own repr shortens large arrays.
    pieces.append(Piece(repr(array), Rank.SAMPLE, "values"))
    return Context(name, pieces)


@register("matplotlib", "Figure")
def _figure(name: str, figure: Any) -> Context:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight")
    return Context(name, parts=[ImagePart(drawn.getvalue())])


@register("matplotlib", "Axes")
def _axes(name: str, axes: Any) -> Context:
    return _figure(name, axes.get_figure())


@register("PIL", "Image")
def _picture(name: str, picture: Any) -> Context:
    saved = io.BytesIO()
    picture.save(saved, format="PNG")
    return Context(name, parts=[ImagePart(saved.getvalue())])


@register("IPython", "Image")
def _displayed(name: str, image: Any) -> Context:
    if not isinstance(image.data, bytes):
        raise CellError(
            f"'{name}' only links to an image, which is not loaded. Create it with embed=True."
        )
    return Context(name, parts=[ImagePart(image.data, f"image/{image.format}")])


@register("builtins", "BaseException")
def _exception(name: str, error: Any) -> Context:
    """Describe the exception and the last frames of its traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    shown = traceback.format_list(frames[-TRACEBACK_FRAMES:])
    lines = "".join(line[: LONGEST_LINE * 3] for line in shown)
    what = "".join(traceback.format_exception_only(error)).strip()
    pieces = [Piece(what)]
    if lines:
        left = len(frames) - TRACEBACK_FRAMES
        before = f"[{left} frames before]\n" if left > 0 else ""
        traced = f"traceback, innermost last:\n{before}{lines.rstrip()}"
        pieces.insert(0, Piece(traced, Rank.STRUCTURE, "traceback"))
    return Context(name, pieces)


def _source(name: str, value: Any) -> Context:
    try:
        source = inspect.getsource(value)
    except (OSError, TypeError):
        document = inspect.getdoc(value) or ""
        return Context(name, [Piece(repr(value)), Piece(document, Rank.SUMMARY, "documentation")])
    return Context(name, [Piece(f"```python\n{source.rstrip()}\n```")])
