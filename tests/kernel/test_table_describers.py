"""What a model sees of a table is what a person sees on the screen, or it is said."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import dask.array
import dask.dataframe
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

from aqueduct_jupyter.kernel.context import fit
from aqueduct_jupyter.kernel.describers import describe


def test_a_pandas_table() -> None:
    frame = pd.DataFrame({"city": ["Rome", None] * 10, "size": range(20)})
    text = describe("df", frame).text
    assert text.startswith("<df>\npandas table of 20 rows and 2 columns\ncolumns:\n")
    assert "size: int64, 0 null" in text
    assert "city: " in text
    assert ", 10 null" in text
    assert "mean" in text
    assert "first 5 rows as CSV:\ncity,size\nRome,0\n,1\n" in text
    assert "last 5 rows as CSV:\ncity,size\n,15\n" in text
    assert "left out" not in text


def test_small_tables_are_whole() -> None:
    frame = pd.DataFrame({"x": range(10)})
    text = describe("df", frame).text
    assert "all 10 rows as CSV:\nx\n0\n1\n" in text
    assert text.endswith("\n9\n</df>")


PLAIN = pd.DataFrame({"g": ["a", "a", "b"], "h": [1, 2, 1], "v": [1.5, 2.5, 4.0]})


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (PLAIN.groupby("g").v.sum(), "g,v\na,4.0\nb,4.0"),
        (PLAIN.groupby(["g", "h"]).v.sum(), "g,h,v\na,1,1.5\na,2,2.5\nb,1,4.0"),
        (PLAIN.set_index("g"), "g,h,v\na,1,1.5\na,2,2.5\nb,1,4.0"),
        (PLAIN.pivot_table(index="g", columns="h", values="v"), "g,1,2\na,1.5,2.5\nb,4.0,"),
        (PLAIN.g.value_counts(), "g,count\na,2\nb,1"),
        (PLAIN[PLAIN.v > 2], "index,g,h,v\n1,a,2,2.5\n2,b,1,4.0"),
        (pd.Series([1, 2], ["x", "y"], name="n"), "index,n\nx,1\ny,2"),
        (
            pd.Series([1], pd.to_datetime(["2026-01-31"]), name="n"),
            "index,n\n2026-01-31 00:00:00,1",
        ),
        (PLAIN.agg({"v": ["sum", "mean"]}).T, "index,sum,mean\nv,8.0,2.6666666666666665"),
        (
            PLAIN.groupby("g").agg({"v": ["min", "max"]}),
            "g,v / min,v / max\na,1.5,2.5\nb,4.0,4.0",
        ),
        (PLAIN.groupby("g"), "g,rows\na,2\nb,1"),
        (PLAIN.groupby("g").v, "g,rows\na,2\nb,1"),
        (PLAIN.style.format(precision=1), "g,h,v\na,1,1.5"),
        (pd.Index([3, 4], name="year"), "year\n3\n4"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_pandas_object_is_indexed_by_is_sent(value: Any, seen: str) -> None:
    assert seen in describe("x", value).text


def test_an_index_and_levels_are_described() -> None:
    dates = pd.Series([1, 2], pd.date_range("2026-01-01", periods=2, name="day"))
    text = describe("s", dates).text
    assert "index: day, datetime64" in text
    assert "from 2026-01-01 00:00:00 to 2026-01-02 00:00:00" in text
    assert "index of 2 levels: g, h" in describe("s", PLAIN.groupby(["g", "h"]).v.sum()).text
    wide = PLAIN.pivot_table(index="g", columns="h", values="v")
    assert "columns are named by: h" in describe("s", wide).text
    assert "index" not in describe("s", PLAIN).text


def test_tables_without_rows_or_columns() -> None:
    assert "0 rows and 0 columns" in describe("a", pd.DataFrame()).text
    assert "0 rows and 1 column\n" in describe("a", pd.DataFrame({"x": []})).text
    assert "of 0 rows" in describe("a", pl.DataFrame({"x": []})).text
    assert "left out" not in describe("a", pd.DataFrame({"x": []})).text
    assert "2 rows and 0 columns" in describe("a", pd.DataFrame(index=["x", "y"])).text
    assert "0 rows and 0 columns" in describe("t", pl.DataFrame()).text


def test_of_a_wide_table_the_middle_is_left_out() -> None:
    wide = pd.DataFrame([range(300)], columns=[f"c{number}" for number in range(300)])
    text = describe("a", wide).text
    assert "c49: int64, 0 null\nand 200 more columns in the middle\nc250: " in text
    assert "c49,...,c250" in text
    assert "49,...,250" in text


def test_a_polars_table_and_columns_of_both() -> None:
    frame = pl.DataFrame({"size": [1, 2, None]})
    text = describe("df", frame).text
    assert "polars table of 3 rows and 1 column\n" in text
    assert "size: Int64, 1 null" in text
    assert "all 3 rows as CSV:\nsize\n1\n2\n" in text
    assert "pandas series of 2 values" in describe("s", pd.Series([1, 2])).text
    assert "polars series of 3 values" in describe("s", frame["size"]).text


def test_twins_nested_and_foreign_types_are_shown() -> None:
    twins = pd.DataFrame([[1, "a"], [2, "b"]], columns=["x", "x"])
    text = describe("t", twins).text
    assert "x: int64, 0 null\nx: " in text
    assert "x,x\n1,a\n2,b" in text
    assert "left out" not in text
    lists = pl.DataFrame({"a": [[1], [2]], "b": [{"c": 1}, {"c": 2}], "d": [b"x", b"y"]})
    assert "[1],{'c': 1},b'x'" in describe("t", lists).text
    objects = pl.DataFrame({"o": [object()]})
    assert "1 row and 1 column\n" in describe("t", objects).text
    unhashable = describe("t", pd.DataFrame({"x": [[1], {"a": 2}], "n": [1, 2]})).text
    assert "[1],1" in unhashable
    assert "mean" in unhashable
    struct = pa.array([{"x": 1}, {"x": 2}])
    arrow = pd.DataFrame({"s": pd.Series(struct, dtype=pd.ArrowDtype(struct.type))})
    assert "{'x': 1}" in describe("t", arrow).text
    sparse = pd.DataFrame({"x": pd.arrays.SparseArray([0, 0, 1])})
    assert "x: Sparse[int64, 0], 0 null" in describe("t", sparse).text
    kinds = pd.DataFrame(
        {
            "c": pd.Categorical(["a", None]),
            "i": pd.array([1, None], dtype="Int64"),
            "t": pd.to_timedelta([1, None], unit="s"),
            "p": pd.period_range("2026-01", periods=2, freq="M"),
            "z": pd.to_datetime(["2026-01-01", None]).tz_localize("UTC"),
        }
    )
    assert "a,1,0 days 00:00:01,2026-01,2026-01-01 00:00:00+00:00\n,,,2026-02," in (
        describe("t", kinds).text
    )


def test_arrow_tables() -> None:
    table = pa.table({"x": list(range(20)), "y": [None, {"a": 1}] * 10})
    for value, rows in ((table, 20), (table.to_batches()[0], 20), (table.slice(0, 0), 0)):
        text = describe("t", value).text
        assert f"Arrow table of {rows} rows and 2 columns" in text
        assert "x: int64, 0 null" in text
    assert "first 5 rows as CSV:\nx,y\n0,\n1,{'a': 1}" in describe("t", table).text
    assert "left out: statistics of this table cannot be shown" in describe("t", table).text


def test_nothing_lazy_is_computed() -> None:
    computed = list[int]()

    def note(part: Any) -> Any:
        computed.append(1)
        return part

    frame = dask.dataframe.from_pandas(PLAIN, npartitions=2)
    frame = frame.map_partitions(note, meta=PLAIN.iloc[:0])
    computed.clear()  # dask tries the function on an empty table
    for value in (frame, frame.v):
        text = describe("d", value).text
        assert "in 2 partitions, not computed yet" in text
        assert "v: float64" in text
        assert "left out: rows of this table cannot be shown" in text
    array = dask.array.ones((1000, 1000), chunks=100).map_blocks(note, dtype=float)
    computed.clear()
    assert "dask array of shape (1000, 1000)" in describe("d", array).text
    lazy = pl.LazyFrame({"x": [1]}).with_columns(y=pl.col("x") + 1)
    text = describe("d", lazy).text
    assert "polars table of 2 columns, not computed yet" in text
    assert "y: Int64" in text
    assert computed == []


def test_xarray() -> None:
    data = xr.Dataset({"t": (("x", "y"), [[1.0, 2.0]])}, coords={"y": [10, 20]})
    text = describe("d", data).text
    assert "(x: 1, y: 2)" in text
    assert "1.0 2.0" in text
    assert "xarray.DataArray" in describe("d", data.t).text


def test_a_long_cell_is_shortened_before_rows_are_left_out() -> None:
    frame = pd.DataFrame({"text": ["x" * 300_000, "short"], "n": [1, 2]})
    found = describe("df", frame)
    assert len(found.text) < 5000
    assert "... (300000 characters)" in found.text
    tight = describe("df", pd.DataFrame({f"c{n}": ["y" * 400] * 9 for n in range(9)}))
    said = fit([tight], 1500)
    assert "first 5 rows" not in said
    assert "y" * 30 + "... (400 characters)" in tight.text
    assert any(note.startswith("df: parts of") for note in said)


def test_a_wide_table_keeps_its_first_and_last_columns() -> None:
    wide = describe("df", pd.DataFrame(np.zeros((9, 5000)), columns=[f"c{n}" for n in range(5000)]))
    said = fit([wide], 500)
    assert "c0,c1,c2,c3,c4,...,c4995" in wide.text
    assert "c0: float64" in wide.text
    assert "and 4990 more columns in the middle" in wide.text
    assert "df: parts of columns" in said


@pytest.mark.slow
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_large_table_costs_little_and_says_that_it_was_sampled(library: str) -> None:
    rows = 2_000_000
    words = np.array(["Rome", "Segovia", "Nîmes"], dtype=object)
    data = {"n": np.arange(rows), "t": words[np.arange(rows) % 3]}
    frame: Any = pd.DataFrame(data) if library == "pandas" else pl.DataFrame(data)
    small: Any = frame[: rows // 10]
    tracemalloc.start()
    text = describe("df", frame).text
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "statistics of a sample of 100000 rows as CSV:" in text
    assert peak < 0.5 * rows * 16

    def seconds(value: Any) -> float:
        begun = time.perf_counter()
        describe("df", value)
        return time.perf_counter() - begun

    # Ten times as many rows cost less than three times as much.
    assert seconds(frame) < 3 * seconds(small) + 0.2
