"""What a model sees of arrays: one NaN hides nothing."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from aqueduct_jupyter.kernel import array_describers as module
from aqueduct_jupyter.kernel.describers import describe


def test_an_array() -> None:
    text = describe("a", np.arange(12.0).reshape(3, 4)).text
    assert "numpy array of shape (3, 4) and type float64" in text
    assert "least 0.0, greatest 11.0, mean 5.5" in text


@pytest.mark.parametrize(
    ("array", "seen"),
    [
        (np.array([1, np.nan, 3]), "least 1.0, greatest 3.0, mean 2, 1 NaN"),
        (np.array([np.inf, 2.0, -np.inf]), "least 2.0, greatest 2.0, mean 2, 2 infinite"),
        (np.array([np.nan]), "1 NaN"),
        (np.array([100, 100], dtype="int8"), "least 100, greatest 100, mean 100"),
        (np.array([60000, 60000], dtype="float16"), "mean 60000"),
        (np.array([True, False]), "least False, greatest True, mean 0.5"),
        (np.array(3.0), "least 3.0"),
        (np.array(["a", "b"]), "array(['a', 'b']"),
        (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), "[(1, 2.)]"),
        (np.array([], dtype=float), "array([], dtype=float64)"),
        (np.array([1 + 2j]), "1.+2.j"),
        (np.ma.array([1, 2], mask=[0, 1]), "1"),
        (np.array(["2026-01-31"], dtype="datetime64[D]"), "2026-01-31"),
        (np.array([[1], "x"], dtype=object), "list([1])"),
    ],
)
def test_values_and_what_is_no_number(array: Any, seen: str) -> None:
    text = describe("a", array).text
    assert seen in text
    assert "description failed" not in text


@pytest.mark.parametrize("shape", [(100_000,), (1000, 100), (100, 10, 100)])
def test_a_large_array_is_sampled_and_says_so(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_VALUES", 1000)
    text = describe("a", np.ones(shape)).text
    assert "of a sample of 1000 values: least 1.0, greatest 1.0, mean 1" in text


class Tensor:
    """Behaves like torch's as far as a description looks; torch itself has a gigabyte."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)
        self.shape, self.dtype = self.values.shape, SimpleNamespace(is_floating_point=True)
        self.device = SimpleNamespace(type="cpu")
        self.requires_grad, self.is_sparse = True, False

    def detach(self) -> Tensor:
        return self

    float = cpu = detach

    def numpy(self) -> Any:
        return self.values


def test_a_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    Tensor.__module__ = "torch"
    assert "torch" not in sys.modules
    text = describe("t", Tensor([1.0, 2.0])).text
    assert "torch tensor of shape (2,)" in text
    assert "with gradient" in text
    assert "least 1.0, greatest 2.0" in text
