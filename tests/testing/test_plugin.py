"""The pytest plugin on notebooks of a user: what nbval alone gets wrong, and what answers them."""

from __future__ import annotations

import os
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
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


PLUGIN = ("-p", "aqueduct_jupyter.testing.plugin")


@pytest.mark.parametrize("cell", [GROWING, CLEARED])
def test_an_honest_cell_passes_with_us_and_fails_without(tmp_path: Path, cell: str) -> None:
    path = executed(tmp_path / "a.ipynb", cell)
    assert check(path).returncode == 1
    assert check(path, *PLUGIN).returncode == 0


def test_a_changed_output_fails(tmp_path: Path) -> None:
    path = executed(tmp_path / "a.ipynb", GROWING)
    text = path.read_text()
    path.write_text(text.replace("step 2", "step 1"))
    assert check(path, *PLUGIN).returncode == 1


def test_an_update_from_another_cell_does_not_disturb(tmp_path: Path) -> None:
    path = executed(tmp_path / "a.ipynb", GROWING, ELSEWHERE)
    notebook: Any = nbformat.read(path, as_version=4)
    notebook.cells[0].outputs[0].data["text/plain"] = "'step 2'"
    nbformat.write(notebook, path)
    done = check(path, *PLUGIN)
    assert done.returncode == 0, done.stdout


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
