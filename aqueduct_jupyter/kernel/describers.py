"""This file is what is known of each type: how a table, a figure or an exception looks to a model.

No library is imported here; a type is known by its name, and whoever has such an object has
imported its library. How pieces are cut is left to :mod:`.context`.
"""

from __future__ import annotations

import inspect
import io
import mimetypes
import pprint
import traceback
from pathlib import Path
from typing import Any

from ..protocol.errors import CellError
from .context import Context, FilePart, ImagePart, Piece, Rank, register, registered

__all__ = ["describe", "describe_file"]

SAMPLE_ROWS = 5
MOST_COLUMNS = 100
LONGEST_LINE = 200
TRACEBACK_FRAMES = 4
"""Frames of a traceback that are shown, from its end."""

_IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def describe(name: str, value: Any) -> Context:
    """Give what a model gets to see of an object.

    Raises:
        CellError: nothing can be shown of it.
    """
    if describer := registered(value):
        return describer(name, value)
    if callable(value) or inspect.ismodule(value):
        return _source(name, value)
    text = value if isinstance(value, str) else pprint.pformat(value, width=100, compact=True)
    return Context(name, [Piece(text)])


def describe_file(path: Path) -> Context:
    """Give what a model gets to see of a file: an image as one, all else through the server.

    Raises:
        CellError: it is not there, or cannot be read.
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
    columns = list(frame.columns[:MOST_COLUMNS])
    nulls = frame[columns].isna().sum()
    lines = [
        f"{column!s:.60}: {frame[column].dtype}, {int(nulls[column])} null" for column in columns
    ]
    more = len(frame.columns) - len(columns)
    lines += [f"and {more} more columns"] if more > 0 else []
    sample = frame.head(SAMPLE_ROWS).to_csv(index=False)
    return _table(name, "pandas", frame.shape, lines, _statistics(frame[columns]), sample)


def _statistics(frame: Any) -> str:
    try:
        return str(frame.describe(include="all").to_string())
    except (ValueError, TypeError):
        # A table without columns has none, nor has one of lists.
        return ""


@register("pandas", "Series")
def _pandas_series(name: str, series: Any) -> Context:
    title = series.name if series.name is not None else "values"
    return _pandas_frame(name, series.to_frame(title))


@register("polars", "DataFrame")
def _polars_frame(name: str, frame: Any) -> Context:
    columns = frame.columns[:MOST_COLUMNS]
    nulls = frame.null_count().row(0)
    lines = [
        f"{column:.60}: {frame.schema[column]}, {null} null"
        for column, null in zip(columns, nulls, strict=False)
    ]
    more = len(frame.columns) - len(columns)
    lines += [f"and {more} more columns"] if more > 0 else []
    statistics = frame.select(columns).describe().write_csv()
    return _table(
        name, "polars", frame.shape, lines, statistics, frame.head(SAMPLE_ROWS).write_csv()
    )


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
    first = f"first {min(rows, SAMPLE_ROWS)} rows as CSV:\n{sample.rstrip()}"
    pieces.append(Piece(first, Rank.SAMPLE, "sample rows"))
    return Context(name, pieces)


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
        raise CellError(f"'{name}' is an image somewhere else; it was not loaded.")
    return Context(name, parts=[ImagePart(image.data, f"image/{image.format}")])


@register("builtins", "BaseException")
def _exception(name: str, error: Any) -> Context:
    """Show what was raised, and the last frames on the way to it."""
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
