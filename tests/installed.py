"""This file is the wheel of this tree, and an environment of its own in which it is installed.

The environment is kept in build/ and made anew where the wheel has changed.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

__all__ = ["build_wheel", "install_wheel"]

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "wheel"
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")
BESIDE = ("jupyterlab", "notebook", "ipykernel")


def build_wheel() -> Path:
    """Build the wheel and give its path."""
    shutil.rmtree(BUILD, ignore_errors=True)
    _run(sys.executable, *PIP, "wheel", ROOT, "--no-deps", "--wheel-dir", BUILD)
    (wheel,) = BUILD.glob("*.whl")
    return wheel


def install_wheel(wheel: Path) -> Path:
    """Install a wheel beside JupyterLab and Notebook, and give the interpreter that has them."""
    folder = ROOT / "build" / "installed"
    python = folder / "bin" / "python"
    mark = folder / "wheel.sha256"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() == digest:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    pins = ROOT / "constraints.txt"
    _run(python, *PIP, "install", "--constraint", pins, wheel, *BESIDE)
    mark.write_text(digest)
    return python


def _run(*command: str | Path) -> None:
    subprocess.run([*map(str, command)], check=True, timeout=600)
