"""The wheel of this tree, and an environment of its own in which it is installed.

Both are kept in build/ and made anew where what went into them has changed. Several processes may
ask for them: one of them makes what the others wait for.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["build_wheel", "install_wheel", "one_at_a_time"]

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
WHEELS = BUILD / "wheels"
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
UV = Path(sys.executable).with_name("uv")
"""It is not there where make found that only pip can install."""
BESIDE = ("jupyterlab", "notebook", "ipykernel")

UNASKED = "rfc3987-syntax"
"""Its grammar takes 1.3 s to load, for a check of IRIs that nobody asks for."""

SOURCES = (
    *("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"),
    *("aqueduct_jupyter/**/*", "jupyter-config/**/*", "labextension/*.*"),
    *(f"labextension/{folder}/**/*" for folder in ("schema", "src", "style")),
)
"""What a wheel is made of."""

BUILT = ("aqueduct_jupyter/labextension/", "aqueduct_jupyter/widget/")
"""Of these what is made from the others."""


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Keep other processes out of the same block until this one is through."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_wheel() -> Path:
    """Give the path of the tree's wheel, which is built where this very tree has none yet."""
    with one_at_a_time("wheels"):
        folder = WHEELS / _tree_hash()[:16]
        if not list(folder.glob("*.whl")):
            shutil.rmtree(WHEELS, ignore_errors=True)
            _run(*PIP, "wheel", ROOT, "--no-deps", "--wheel-dir", folder)
        (wheel,) = folder.glob("*.whl")
    return wheel


def install_wheel(wheel: Path) -> Path:
    """Install a wheel beside JupyterLab and Notebook, and give the interpreter that has them."""
    with one_at_a_time("installed"):
        folder = BUILD / "installed"
        python = folder / "bin" / "python"
        pins = ROOT / "constraints.txt"
        base, ours = folder / "base.sha256", folder / "wheel.sha256"
        # The others' wheels stay where only ours is another: they are most of the work.
        if _says(base) != (beside := _digest(pins.read_bytes() + sys.version.encode())):
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder)
        if _says(ours) != (digest := _digest(wheel.read_bytes())):
            ours.unlink(missing_ok=True)
            _pip("uninstall", python, "--yes", "aqueduct-jupyter")
            _pip("install", python, "--constraint", pins, wheel, *BESIDE)
            _pip("uninstall", python, "--yes", UNASKED)
            base.write_text(beside)
            ours.write_text(digest)
    return python


def _tree_hash() -> str:
    """Hash the names and contents of all that a wheel is made of."""
    tree = hashlib.sha256()
    for name in sorted(_sources()):
        content = (ROOT / name).read_bytes()
        tree.update(f"{name}\0{len(content)}\0".encode())
        tree.update(content)
    return tree.hexdigest()


def _sources() -> Iterator[str]:
    for path in (path for pattern in SOURCES for path in ROOT.glob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        is_made = path.suffix in (".pyc", ".tsbuildinfo") or name.startswith(BUILT)
        if path.is_file() and not is_made:
            yield name


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _says(mark: Path) -> str:
    return mark.read_text() if mark.is_file() else ""


def _pip(command: str, python: Path, *arguments: str | Path) -> None:
    # With this environment's tools, which are newer and faster than what venv has.
    if UV.exists():
        _run(UV, "pip", command, "--quiet", "--python", python, *arguments)
    else:
        _run(*PIP, "--python", python, command, *arguments)


def _run(*command: str | Path) -> None:
    subprocess.run([*map(str, command)], check=True, timeout=600)
