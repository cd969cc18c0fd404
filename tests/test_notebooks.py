"""The example notebooks: compared strictly with what is stored, and run on the embedded model."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from aqueduct_jupyter.gateway.embedded.weights import weights_path

from .forked_servers import throwaway_server

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
EXAMPLES = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
PLUGIN = ("-p", "aqueduct_jupyter.testing.plugin")
OTHERS = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")
"""Plugins that only these tests' environment has, and that take half of a start."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy, so that nothing is written beside the examples."""
    return Path(shutil.copytree(NOTEBOOKS, tmp_path / "notebooks"))


def nbval(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *OTHERS, *map(str, words)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def strict(path: Path) -> subprocess.CompletedProcess[str]:
    return nbval(*PLUGIN, "--nbval", "--aqueduct=strict", path)


def test_every_example_is_what_is_stored(folder: Path) -> None:
    done = strict(folder)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def change(path: Path, edit: Callable[[Any], None]) -> None:
    """Edit the first stored answer of a notebook."""
    notebook = nbformat.read(path, as_version=4)
    answered = [cell for cell in notebook.cells if cell.source.startswith("%%chat\n")]
    edit(answered[0])
    nbformat.write(notebook, path)


def empty(cell: Any) -> None:
    cell.outputs = []


def blank(cell: Any) -> None:
    cell.outputs[0].data = {"text/plain": "\u2026"}


def reword(cell: Any) -> None:
    cell.outputs[0].data["text/markdown"] += "!"


def ask_anew(cell: Any) -> None:
    cell.source = "%%chat\nAnother question"


CHANGES = [empty, blank, reword, ask_anew]


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is said of each cell that fails, by change; in one run, whose start takes longest."""
    folder = tmp_path_factory.mktemp("changed")
    name = Path(EXAMPLES[0]).stem
    for read in NOTEBOOKS.glob("*.pdf"):
        shutil.copy(read, folder)
    for edit in CHANGES:
        for path in NOTEBOOKS.glob(f"{name}.*"):
            shutil.copy(path, folder / path.name.replace(name, edit.__name__))
        change(folder / f"{edit.__name__}.ipynb", edit)
    done = strict(folder)
    assert done.returncode == 1, done.stdout
    _, *said = re.split(r"^_+ (\w+)\.ipynb::Cell \d+ _+$", done.stdout, flags=re.MULTILINE)
    found: dict[str, list[str]] = {edit.__name__: [] for edit in CHANGES}
    for name, words in zip(said[::2], said[1::2], strict=True):
        found[name].append(words)
    assert f"{sum(map(len, found.values()))} failed" in done.stdout
    return found


@pytest.mark.parametrize("edit", [empty, blank, reword])
def test_a_stored_answer_that_was_changed_by_hand_fails(
    failures: dict[str, list[str]], edit: Callable[[Any], None]
) -> None:
    assert len(failures[edit.__name__]) == 1


def test_an_answer_that_was_not_recorded_fails(failures: dict[str, list[str]]) -> None:
    assert any("ReplayError" in words for words in failures["ask_anew"])


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short_and_holds_no_secret(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    nbformat.validate(notebook)
    assert sum(cell.cell_type == "code" for cell in notebook.cells) <= 12
    for path in NOTEBOOKS.glob(f"{Path(name).stem}*"):
        text = path.read_text()
        assert not [
            secret for secret in ("aqk.", "Bearer ey", "127.0.0.1", "/tmp/") if secret in text
        ]


def test_every_cell_runs_on_the_embedded_model(folder: Path, tmp_path: Path, weights: Path) -> None:
    target = weights_path(tmp_path / "data" / "aqueduct")
    target.parent.mkdir(parents=True)
    target.symlink_to(weights)
    with throwaway_server(tmp_path) as server:
        # nbval starts its kernels itself, so it is given what the server would give them.
        done = nbval(
            *PLUGIN,
            "--nbval-lax",
            folder,
            AQUEDUCT_BASE_URL=server.url,
            AQUEDUCT_API_KEY=server.token,
            OPENAI_BASE_URL=f"{server.url}/v1",
            OPENAI_API_KEY=server.token,
        )
    assert done.returncode == 0, done.stdout
