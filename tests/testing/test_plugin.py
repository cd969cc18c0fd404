"""The pytest plugin on notebooks of a user: what nbval alone gets wrong, and what answers them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

GROWING = (
    "from IPython.display import display\n"
    "handle = display('wait', display_id=True)\n"
    "for step in range(3):\n"
    "    handle.update(f'step {step}')"
)
CLEARED = (
    "from IPython.display import clear_output\n"
    "print('gone')\n"
    "clear_output(wait=True)\n"
    "print('kept')"
)
ELSEWHERE = "handle.update('changed from below')"
ASKING = "%load_ext aqueduct_jupyter\n%config ChatMagics.model = 'demo/echo'"


OTHERS = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest")
"""Plugins that only these tests' environment has, and that take half of a start."""


def executed(path: Path, *cells: str) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60).execute()
    nbformat.write(notebook, path)
    return path


def check(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *OTHERS, "--nbval", *words, path],
        env={name: value for name, value in os.environ.items() if "AQUEDUCT" not in name},
        cwd=path if path.is_dir() else path.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


PLUGIN = ("-p", "aqueduct_jupyter.testing.plugin")


CELLS = {"growing": [GROWING], "cleared": [CLEARED], "changed": [GROWING]}
CELLS["elsewhere"] = [GROWING, ELSEWHERE]


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of notebooks with what their cells said, and in two of them something else."""
    folder = tmp_path_factory.mktemp("notebooks")
    for name, cells in CELLS.items():
        executed(folder / f"{name}.ipynb", *cells)
    changed = folder / "changed.ipynb"
    changed.write_text(changed.read_text().replace("step 2", "step 1"))
    path = folder / "elsewhere.ipynb"
    notebook: Any = nbformat.read(path, as_version=4)
    notebook.cells[0].outputs[0].data["text/plain"] = "'step 2'"
    nbformat.write(notebook, path)
    return folder


def failing(folder: Path, *words: str) -> set[str]:
    """Check all notebooks in one run, because its start takes longest, and give those that fail."""
    done = check(folder, *words)
    failed = re.findall(r"^_+ (\w+)\.ipynb::Cell \d+ _+$", done.stdout, flags=re.MULTILINE)
    assert done.returncode == (1 if failed else 0), done.stdout
    every = sum(map(len, CELLS.values()))
    assert f"{len(failed)} failed, {every - len(failed)} passed" in done.stdout
    return set(failed)


@pytest.fixture(scope="module")
def failing_with_us(notebooks: Path) -> set[str]:
    return failing(notebooks, *PLUGIN)


@pytest.fixture(scope="module")
def failing_without(notebooks: Path) -> set[str]:
    return failing(notebooks)


@pytest.mark.parametrize("name", ["growing", "cleared"])
def test_an_honest_cell_passes_with_us_and_fails_without(
    failing_with_us: set[str], failing_without: set[str], name: str
) -> None:
    assert name in failing_without
    assert name not in failing_with_us


def test_a_changed_output_fails(failing_with_us: set[str]) -> None:
    assert "changed" in failing_with_us


def test_an_update_from_another_cell_does_not_disturb(failing_with_us: set[str]) -> None:
    assert "elsewhere" not in failing_with_us


def test_a_demo_server_answers_where_it_is_asked_for(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in (ASKING, "%%chat\nHi", "_chat")]
    )
    for cell in notebook.cells:
        cell.execution_count = 1
    notebook.cells[1].metadata["tags"] = ["nbval-ignore-output"]
    answer = repr("(demo, no language model) Hi")
    notebook.cells[2].outputs = [
        nbformat.v4.new_output("execute_result", {"text/plain": answer}, execution_count=1)
    ]
    path = tmp_path / "a.ipynb"
    nbformat.write(notebook, path)
    done = check(path, *PLUGIN, "--aqueduct=demo")
    assert done.returncode == 0, done.stdout
    strict = check(path, *PLUGIN, "--aqueduct=strict")
    assert "ReplayError" in strict.stdout


def test_the_fixture_gives_tests_a_server(tmp_path: Path) -> None:
    test = tmp_path / "test_own.py"
    test.write_text(
        "import httpx\n"
        "def test_it(aqueduct_server):\n"
        "    headers = {'Authorization': f'Bearer {aqueduct_server.token}'}\n"
        "    response = httpx.get(f'{aqueduct_server.url}/v1/models', headers=headers)\n"
        "    assert response.json()['data'][0]['id'] == 'demo/echo'\n"
    )
    assert check(test, *PLUGIN).returncode == 0
