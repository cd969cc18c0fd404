"""This file is ``jupyter aqueduct pull``: the embedded model's weights, brought and told about."""

from __future__ import annotations

from pathlib import Path

from ..gateway.embedded.engine import is_engine_installed
from ..gateway.embedded.weights import MODEL_NAME, WEIGHTS_BYTES, pull_weights
from .running import data_folder

__all__ = ["pull"]


def pull(folder: str | None) -> int:
    """Bring the weights into the data folder.

    Args:
        folder: the data folder, or None for Jupyter's own.

    Raises:
        UnavailableError: they could not be downloaded.
    """
    print(f"Bringing {MODEL_NAME} ({WEIGHTS_BYTES // 2**20} MB) ...", flush=True)
    path = pull_weights(Path(folder) if folder else data_folder())
    print(f"The weights are at {path}.")
    if not is_engine_installed():
        print("Its engine is missing: pip install 'aqueduct-jupyter[local]'.")
        return 1
    print("Restart the Jupyter server; without other upstreams it answers with this model.")
    return 0
