"""What a description of a table costs, however large the table is: seconds and memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from aqueduct_jupyter.kernel.describers import describe

__all__ = ["measure_describing"]

ROWS = (1_000, 1_000_000, 10_000_000)
WORDS = ("Rome", "Segovia", "N\u00eemes", "Istanbul", "Tarragona")


def measure_describing() -> Iterator[str]:
    """Give a line for each library and size."""
    makers: dict[str, Callable[[dict[str, Any]], Any]] = {
        "pandas": pd.DataFrame,
        "polars": pl.DataFrame,
    }
    for library, make in makers.items():
        describe("warm", make(_data(10)))
        first = 0.0
        for rows in ROWS:
            table = make(_data(rows))
            size = _bytes_of(table)
            begun = time.perf_counter()
            describe("table", table)
            seconds = time.perf_counter() - begun
            first = first or seconds
            tracemalloc.start()
            describe("table", table)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            yield (
                f"{library}, {rows:,} rows: {seconds * 1e3:.0f} ms ({seconds / first:.1f} times "
                f"the smallest), {peak / 1e6:.1f} MB at most, {peak / size:.3f} of the table"
            )


def _data(rows: int) -> dict[str, Any]:
    random = np.random.default_rng(7)
    words = np.array(WORDS, dtype=object)
    return {
        "number": np.arange(rows),
        "measure": random.random(rows),
        "word": words[random.integers(0, len(words), rows)],
    }


def _bytes_of(table: Any) -> int:
    if isinstance(table, pl.DataFrame):
        return int(table.estimated_size())
    return int(table.memory_usage(deep=True).sum())
