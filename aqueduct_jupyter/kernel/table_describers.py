"""How tables look to a model: pandas, polars, Arrow, dask and xarray.

A table is described by its columns, statistics and rows. Statistics of a large table come from a
sample, which is said. Nothing lazy is computed. No data library is imported here: whoever has such
an object has imported its library.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .context import Context, Piece, Rank, register
from .tables import (
    MOST_COLUMNS,
    SHOWN_ROWS,
    Rows,
    Table,
    computed,
    counted,
    ends,
    joined,
    sampled,
)

__all__: list[str] = []


@register("pandas", "DataFrame")
def _pandas_frame(name: str, frame: Any) -> Context:
    return _pandas_table(frame, f"pandas table of {counted(*frame.shape)}").describe(name)


def _pandas_table(frame: Any, title: str) -> Table:
    rows, width = frame.shape
    # By position, because several columns may have the same name.
    positions = ends(width, MOST_COLUMNS)
    shown = frame.iloc[:, positions] if width > MOST_COLUMNS else frame
    step, sample = sampled(rows)
    thinned = shown.iloc[::step] if step > 1 else shown
    # The values of sparse and foreign types, too, have an isna().
    nulls = [int(thinned.iloc[:, at].isna().sum()) for at in range(len(positions))]
    about = "about " if sample else ""
    lines = [
        f"{joined(column)}: {kind}, {about}{count * step} null"
        for column, kind, count in zip(shown.columns, shown.dtypes, nulls, strict=True)
    ]
    described = computed(lambda: thinned.describe(include="all"))
    if described is None:
        described = computed(thinned.describe)  # lists and dicts cannot be counted
    statistics = None
    if described is not None and rows:
        rows_of_it = _pandas_rows(described, has_index=True)
        statistics = f"statistics{sample}", ["", *map(joined, shown.columns)], rows_of_it
    has_index = not _is_plain(frame.index)
    names = [joined(column) for column in frame.columns]
    header = [*(_index_names(frame.index) if has_index else ()), *names]
    if has_index:
        title += f"\n{_index_line(frame.index)}"
    if levels := [str(level) for level in frame.columns.names if level is not None]:
        title += f"\ncolumns are named by: {' / '.join(levels)}"
    return Table(
        title,
        rows,
        width,
        lines,
        header,
        lambda: _pandas_rows(
            frame.iloc[: 2 * SHOWN_ROWS if rows <= 2 * SHOWN_ROWS else SHOWN_ROWS],
            has_index=has_index,
        ),
        lambda: _pandas_rows(frame.iloc[-SHOWN_ROWS:], has_index=has_index),
        statistics,
        [] if statistics or not rows or not width else ["statistics"],
        lambda step: _pandas_rows(shown.iloc[::step], has_index=has_index),
    )


def _pandas_rows(frame: Any, *, has_index: bool) -> Rows:
    columns = [frame.iloc[:, at].tolist() for at in range(frame.shape[1])]
    rows = (
        [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in frame.index]
    )
    if not has_index:
        return rows
    keys = [key if isinstance(key, tuple) else (key,) for key in frame.index]
    return [[*key, *row] for key, row in zip(keys, rows, strict=True)]


def _is_plain(index: Any) -> bool:
    iscounted = type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1)
    return iscounted and index.name is None


def _index_names(index: Any) -> list[str]:
    names = list(index.names)
    if len(names) == 1:
        return [str(names[0]) if names[0] is not None else "index"]
    return [str(name) if name is not None else f"level {at}" for at, name in enumerate(names)]


def _index_line(index: Any) -> str:
    names = ", ".join(_index_names(index))
    if len(index.names) > 1:
        return f"index of {len(index.names)} levels: {names}"
    ends_of_it = f", from {index[0]} to {index[-1]}" if len(index) else ""
    return f"index: {names}, {index.dtype}{ends_of_it}"


@register("pandas", "Series")
def _pandas_series(name: str, series: Any) -> Context:
    title = f"pandas series of {len(series)} values"
    named = series.name if series.name is not None else "values"
    return _pandas_table(series.to_frame(named), title).describe(name)


@register("pandas", "Index")
def _pandas_index(name: str, index: Any) -> Context:
    frame = index.to_frame(index=False)
    title = f"pandas {type(index).__name__} of {len(index)} values"
    return _pandas_table(frame, title).describe(name)


@register("pandas", "DataFrameGroupBy")
@register("pandas", "SeriesGroupBy")
def _pandas_groups(name: str, groups: Any) -> Context:
    sizes = groups.size()
    found = _pandas_series(name, sizes.rename("rows"))
    table = groups.obj.to_frame() if hasattr(groups.obj, "to_frame") else groups.obj
    rest = _pandas_table(table, f"of a pandas table of {counted(*table.shape)}").describe(name)
    title = f"pandas groups by {', '.join(map(joined, sizes.index.names))}: {len(sizes)} groups"
    pieces = [Piece(title), *found.pieces[1:], *rest.pieces]
    key = f"{found.key} of {rest.key}"
    return Context(name, pieces, cut=found.cut + rest.cut, key=key)


@register("pandas", "Styler")
def _pandas_styler(name: str, styler: Any) -> Context:
    return _pandas_frame(name, styler.data)


@register("polars", "DataFrame")
def _polars_frame(name: str, frame: Any) -> Context:
    return _polars_table(frame, f"polars table of {counted(*frame.shape)}").describe(name)


def _polars_table(frame: Any, title: str) -> Table:
    rows, width = frame.shape
    columns = [frame.columns[at] for at in ends(width, MOST_COLUMNS)]
    # A table without columns does not even have a row of counts.
    nulls = frame.select(columns).null_count().row(0) if columns else ()
    lines = [
        f"{joined(column)}: {frame.schema[column]}, {null} null"
        for column, null in zip(columns, nulls, strict=False)
    ]
    step, sample = sampled(rows)

    thinned = frame.select(columns)
    thinned = thinned.gather_every(step) if step > 1 else thinned
    described = computed(thinned.describe) if rows and columns else None
    statistics = None
    if described is not None:
        statistics = f"statistics{sample}", ["", *columns], described.rows()
    first = 2 * SHOWN_ROWS if rows <= 2 * SHOWN_ROWS else SHOWN_ROWS
    return Table(
        title,
        rows,
        width,
        lines,
        frame.columns,
        lambda: frame.head(first).rows(),
        lambda: frame.tail(SHOWN_ROWS).rows(),
        statistics,
        [] if statistics or not rows or not width else ["statistics"],
        lambda step: frame.select(columns).gather_every(step).rows(),
    )


@register("polars", "Series")
def _polars_series(name: str, series: Any) -> Context:
    title = f"polars series of {len(series)} values"
    return _polars_table(series.to_frame(), title).describe(name)


@register("polars", "LazyFrame")
def _polars_lazy(name: str, frame: Any) -> Context:
    schema = frame.collect_schema()
    lines = [f"{joined(column)}: {kind}" for column, kind in list(schema.items())[:MOST_COLUMNS]]
    title = f"polars table of {len(schema)} columns, not computed yet"
    return Table(title, None, len(schema), lines, left_out=["rows"]).describe(name)


@register("pyarrow", "Table")
@register("pyarrow", "RecordBatch")
def _arrow_table(name: str, table: Any) -> Context:
    rows, width = table.num_rows, table.num_columns
    positions = ends(width, MOST_COLUMNS)
    lines = [
        f"{joined(table.schema.field(at).name)}: {table.schema.field(at).type}, "
        f"{table.column(at).null_count} null"
        for at in positions
    ]

    def read(start: int, length: int) -> Rows:
        part = table.slice(start, length)
        columns = [part.column(at).to_pylist() for at in range(width)]
        return [list(row) for row in zip(*columns, strict=True)]

    first = 2 * SHOWN_ROWS if rows <= 2 * SHOWN_ROWS else SHOWN_ROWS
    return Table(
        f"Arrow table of {counted(rows, width)}",
        rows,
        width,
        lines,
        [table.schema.field(at).name for at in range(width)],
        lambda: read(0, first),
        lambda: read(max(0, rows - SHOWN_ROWS), SHOWN_ROWS),
        left_out=["statistics"] if rows and width else [],
        thinned=lambda step: [read(start, 1)[0] for start in range(0, rows, step)],
    ).describe(name)


@register("dask", "DataFrame")
@register("dask", "Series")
def _dask_frame(name: str, frame: Any) -> Context:
    is_series = "Series" in type(frame).__name__
    kinds: Iterable[tuple[Any, Any]] = (
        [(frame.name, frame.dtype)] if is_series else frame.dtypes.items()
    )
    lines = [f"{joined(column)}: {kind}" for column, kind in kinds]
    title = (
        f"dask table of {len(lines)} columns in {frame.npartitions} partitions, not computed yet"
    )
    shown = [lines[at] for at in ends(len(lines), MOST_COLUMNS)]
    return Table(title, None, len(lines), shown, left_out=["rows"]).describe(name)


@register("xarray", "Dataset")
@register("xarray", "DataArray")
def _xarray(name: str, data: Any) -> Context:
    # Its repr() shows dimensions, coordinates and the first values, and computes nothing.
    title, _, rest = repr(data).partition("\n")
    return Context(name, [Piece(title), Piece(rest, Rank.STRUCTURE, "dimensions and values")])
