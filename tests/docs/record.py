"""This file runs the cells of the documentation on the embedded model, and keeps what it said.

``make notebooks`` ends with it; the documentation is built from what it keeps.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from aqueduct_jupyter.command.throwaway import throwaway_server
from aqueduct_jupyter.gateway.embedded.weights import pull_weights, weights_path

from .examples import PAGES, ROOT, examples, run_cells

import cells  # isort: skip  # the documentation's own, found by .examples


def main() -> None:
    weights = pull_weights(ROOT / "build" / "jupyter" / "data" / "aqueduct")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = weights_path(folder / "data" / "aqueduct")
        target.parent.mkdir(parents=True)
        target.symlink_to(weights)
        with throwaway_server(folder) as server:
            given = cells.workplace(folder / "page", server.url, server.token, "record")
            kept = folder / "page" / "work" / cells.RECORDING
            kept.unlink(missing_ok=True)
            for page in PAGES:
                found = [one for one in examples(page) if one.directive == "code-cell"]
                if found:
                    run_cells(found, folder, {**os.environ, **given})
        shutil.copy(kept, cells.EXAMPLES)


if __name__ == "__main__":
    main()
