"""``make notebooks``: it runs the examples on the embedded model and keeps what came.

Outputs go into the notebooks, answers into the files beside them, from which tests answer again.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from aqueduct_jupyter.command.throwaway import throwaway_server
from aqueduct_jupyter.gateway.embedded.weights import pull_weights, weights_path
from aqueduct_jupyter.kernel.notebook_chat import RECORDING

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"


def record(path: Path, url: str, token: str) -> None:
    path.with_suffix(RECORDING).unlink(missing_ok=True)
    notebook = nbformat.read(path, as_version=4)
    given = {
        "AQUEDUCT_BASE_URL": url,
        "AQUEDUCT_API_KEY": token,
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": token,
        "AQUEDUCT_CHAT_RECORDING": "record",
        "JPY_SESSION_NAME": str(path),
    }
    client = NotebookClient(
        notebook,
        timeout=300,
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
    )
    client.execute(env={**os.environ, **given})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, path)


def main() -> None:
    weights = pull_weights(ROOT / "build" / "jupyter" / "data" / "aqueduct")
    with tempfile.TemporaryDirectory() as folder:
        target = weights_path(Path(folder, "data", "aqueduct"))
        target.parent.mkdir(parents=True)
        target.symlink_to(weights)
        with throwaway_server(Path(folder)) as server:
            for path in sorted(NOTEBOOKS.glob(sys.argv[1] if len(sys.argv) > 1 else "*.ipynb")):
                print(path.name, flush=True)
                record(path, server.url, server.token)


if __name__ == "__main__":
    main()
