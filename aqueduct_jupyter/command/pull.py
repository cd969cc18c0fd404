"""``jupyter aqueduct pull``: downloads the embedded model's weights and reports on them."""

from __future__ import annotations

from pathlib import Path

from ..gateway.embedded.engine import is_engine_installed
from ..gateway.embedded.weights import MODEL_NAME, WEIGHTS_BYTES, pull_weights
from .running import data_folder

__all__ = ["pull"]


def pull(folder: str | None) -> int:
    """Download the weights into the data folder.

    Args:
        folder: the data folder, or None for Jupyter's own.

    Raises:
        UnavailableError: they could not be downloaded.
    """
    print(f"Downloading {MODEL_NAME} ({WEIGHTS_BYTES // 2**20} MB) ...", flush=True)
    path = pull_weights(Path(folder) if folder else data_folder())
    print(f"The weights are in {path}.")
    if not is_engine_installed():
        print("Its engine is missing: pip install 'aqueduct-jupyter[local]'.")
        return 1
    print("Restart the Jupyter server. Without other upstreams, it answers with this model.")
    return 0
