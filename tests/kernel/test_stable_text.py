"""What differs in each process, or on each machine, is neither shown nor part of a recording."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from aqueduct_jupyter.kernel.describers import describe
from aqueduct_jupyter.kernel.prompt import interpolate
from aqueduct_jupyter.kernel.stable_text import shown, stable


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("<X object at 0x7f1c2d3e4f50>", "<X object at 0x55d5>"),
        ('File "/tmp/ipykernel_123/456.py", line 3', 'File "/var/tmp/ipykernel_9/1.py", line 3'),
        ('File "<ipython-input-3-abc0>", line 1', 'File "<ipython-input-9-12ef>", line 1'),
        (
            'File "/a/.venv/lib/python3.11/site-packages/pandas/core/frame.py", line 3807, in x',
            'File "/opt/lib/python3.13/site-packages/pandas/core/frame.py", line 4102, in x',
        ),
        (
            'File "/usr/lib/python3.11/json/decoder.py", line 353, in raw_decode',
            'File "/opt/lib/python3.13/json/decoder.py", line 361, in raw_decode',
        ),
        (
            f"No such file: '{tempfile.gettempdir()}/tmpabc123/data.csv'",
            f"No such file: '{tempfile.gettempdir()}/tmpzzz999/data.csv'",
        ),
    ],
)
def test_what_differs_is_left_out(first: str, second: str) -> None:
    assert stable(first) == stable(second)
    assert "ipykernel" not in shown(first)
    assert "site-packages" not in shown(first)


def test_what_is_meant_stays() -> None:
    text = "a[0x10] at home, line 3 of /data/file.csv"
    assert shown(text) == stable(text) == text


@pytest.mark.parametrize("word", ["ACGT", "a/", "/site-packages/x"])
def test_a_long_word_takes_no_longer_than_its_length(word: str) -> None:
    text = word * (40_000 // len(word))
    begun = perf_counter()
    shown(text)
    stable(text)
    assert perf_counter() - begun < 1


PROGRAM = """
import numpy as np, json
from aqueduct_jupyter.kernel.describers import describe
from aqueduct_jupyter.kernel.prompt import interpolate
names = {"words": {"a", "b", "c", "dd", "ee"}, "deep": {"x": [{"q", "r", "s"}]}}
class Thing: pass
try:
    raise ValueError("the reason: " + repr(Thing()))
except ValueError as error:
    keys = [describe("e", error).part()]
keys += [describe("o", Thing()).part(), describe("w", names["words"]).part()]
keys += [describe("l", [Thing(), {"x", "y", "z"}]).part(), describe("f", print).part()]
print(json.dumps([keys, interpolate("@{words} @{deep}", names)]))
"""


def test_two_processes_mean_the_same() -> None:
    outputs = {
        subprocess.run(  # our own program
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def key_of(value: Any) -> str:
    return str(describe("x", value).part().get("key"))


def test_a_tables_key_is_its_values() -> None:
    data = {"city": ["Rome", None], "size": [1.5, float("nan")]}
    frame = pd.DataFrame(data)
    assert key_of(frame) == key_of(pl.DataFrame({"city": data["city"], "size": [1.5, None]}))
    assert key_of(frame) == key_of(frame.astype({"city": object}))
    assert key_of(frame) != key_of(frame.assign(size=[1.5, 2]))
    assert key_of(frame) != key_of(frame.rename(columns={"size": "area"}))
    long = pd.DataFrame({"n": range(10_000)})
    assert key_of(long) != key_of(long.assign(n=long.n + 1))
    assert key_of(long.groupby("n")) != key_of((long + 1).groupby("n"))


def test_an_arrays_key_is_its_values() -> None:
    numbers = np.arange(10_000.0)
    assert key_of(numbers) == key_of(numbers.copy())
    changed = numbers.copy()
    changed[5000] = 7  # numpy does not print it
    assert key_of(numbers) != key_of(changed)
    assert key_of(numbers) != key_of(numbers.astype("float32"))


def test_a_figures_key_is_what_was_drawn() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    def key(values: list[int], title: str = "t") -> str:
        figure, axes = plt.subplots()
        axes.plot(values)
        axes.bar([1, 2], [3, 4])
        axes.scatter([1], [2])
        axes.imshow([[1, 2]])
        axes.set_title(title)
        (part,) = describe("f", figure).parts
        plt.close(figure)
        found: str = part.part()["key"]
        return found

    assert key([1, 2]) == key([1, 2])
    assert key([1, 2]) != key([1, 3])
    assert key([1, 2]) != key([1, 2], "other")


def test_values_are_inserted_as_they_print() -> None:
    names = {"a": [1, "x"], "b": {"k": (1,)}, "c": 1.5, "d": "text", "e": {3, 1, 2}}
    assert (
        interpolate("@{a} @{b} @{c} @{d} @{e}", names) == "[1, 'x'] {'k': (1,)} 1.5 text {1, 2, 3}"
    )
    assert interpolate("@{o}", {"o": object()}) == "<object object>"
    assert interpolate("@{s}", {"s": "code at 0x7f1c2d3e"}) == "code at 0x7f1c2d3e"
