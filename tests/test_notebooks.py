"""The example notebooks, run with nbval in kernels that have what a Jupyter server gives them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aqueduct_jupyter.command.throwaway import throwaway_server
from aqueduct_jupyter.gateway.weights import weights_path

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_cell_runs(path: Path, tmp_path: Path, weights: Path) -> None:
    target = weights_path(tmp_path / "data" / "aqueduct")
    target.parent.mkdir(parents=True)
    target.symlink_to(weights)
    with throwaway_server(tmp_path) as server:
        # nbval starts its kernels itself, so it is given what the server would give them.
        given = {"AQUEDUCT_BASE_URL": server.url, "AQUEDUCT_API_KEY": server.token}
        sdk = {"OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": server.token}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-p", "no:cacheprovider", path],
            env={**os.environ, **given, **sdk},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stdout
