"""The import rules: they hold here, and each of them breaks where somebody breaks it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

# Each rule, a module of the package, and an import that it must not have.
BREACHES = {
    "Imports go down only": ("gateway.offload", "aqueduct_jupyter.server.http.base"),
    "Inside the gateway imports go down only": (
        "gateway.documents.attachments",
        "aqueduct_jupyter.gateway.upstreams.settings",
    ),
    "Operations share nothing but admission and what is below it": (
        "gateway.requests.running",
        "aqueduct_jupyter.gateway.requests.forwarding",
    ),
    "What serves the handlers is above them": (
        "server.http.models",
        "aqueduct_jupyter.server.jupyter.reports",
    ),
    "The handlers know neither Jupyter nor JupyterHub": ("server.http.files", "jupyterhub"),
    "The kernel never imports the gateway, Tornado or the Jupyter server": (
        "kernel.card",
        "aqueduct_jupyter.gateway.entry",
    ),
    "The gateway and the protocol know nothing of Jupyter, Tornado and traitlets": (
        "gateway.entry",
        "tornado",
    ),
    "Only the stores know a database": ("gateway.requests.limits", "sqlite3"),
    "Only documents.readers imports what reads documents": (
        "gateway.documents.reader",
        "kreuzberg",
    ),
    "The protocol does no I/O": ("protocol.sse", "socket"),
}


def lint(folder: Path) -> str:
    done = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=folder, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def rules() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [rule["name"] for rule in project["tool"]["importlinter"]["contracts"]]


def test_imports_keep_every_rule() -> None:
    assert "0 broken" in lint(ROOT)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, which a test may break and must mend."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", folder)
    ignored = shutil.ignore_patterns("labextension", "widget", "__pycache__")
    shutil.copytree(ROOT / "aqueduct_jupyter", folder / "aqueduct_jupyter", ignore=ignored)
    return folder


def test_every_rule_is_broken_on_purpose() -> None:
    assert list(BREACHES) == rules()


@pytest.mark.parametrize("rule", BREACHES)
def test_a_breach_is_found(copy: Path, rule: str) -> None:
    module, imported = BREACHES[rule]
    path = copy / "aqueduct_jupyter" / f"{module.replace('.', '/')}.py"
    kept = path.read_text()
    path.write_text(f"{kept}\nimport {imported}\n")
    try:
        said = " ".join(lint(copy).split())
    finally:
        path.write_text(kept)
    assert f"{rule} BROKEN" in said
    assert f"aqueduct_jupyter.{module} -> {imported} (l.{len(kept.splitlines()) + 2})" in said
