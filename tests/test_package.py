"""The package as a whole: its import rules, its versions, what it loads, what a wheel holds."""

from __future__ import annotations

import ast
import importlib
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

import aqueduct_jupyter

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
UNINSTALLED = ("rfc3987-syntax",)
"""Pinned for those who install us; the Makefile removes it."""
MODULES = [
    module.name
    for module in pkgutil.walk_packages(aqueduct_jupyter.__path__, "aqueduct_jupyter.")
    if not module.ispkg
]


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, command)],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_and_what_it_offers(name: str) -> None:
    module = importlib.import_module(name)
    assert (module.__doc__ or "").split("\n", 1)[0].endswith((".", ":")), name
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), f"{name}.{public}"


NETWORKS = {"aiohttp", "ftplib", "requests", "smtplib", "socketserver", "telnetlib", "urllib3"}
NETWORKS |= {"websocket", "websockets", "http.client", "http.server", "urllib.request", "httpcore"}
OPENERS = {"open_connection", "open_unix_connection", "start_server", "start_unix_server"}
OPENERS |= {"create_connection", "create_server", "create_datagram_endpoint", "sock_connect"}
OPENERS |= {"create_unix_connection", "urlopen", "socketpair", "fromfd"}
OPENERS |= {"socket.socket", "httpx.stream", "httpx.request"}
OPENERS |= {f"httpx.{verb}" for verb in ("get", "post", "put", "patch", "delete", "head")}
HARMLESS = {"urllib.request.getproxies", "urllib.request.proxy_bypass"}


def opened_in(source: str) -> set[str]:
    """Give what of a module's imports and calls opens a connection."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names} - HARMLESS
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            last = called.rpartition(".")[2]
            is_opener = {called, last} & OPENERS or re.search(r"(Client|HTTPTransport)$", last)
            found |= {called} if is_opener else set()
            continue
        else:
            continue
        found |= {name for name in names if any(f"{name}.".startswith(f"{of}.") for of in NETWORKS)}
    return found


@pytest.mark.parametrize(
    "source",
    [
        *("import requests", "from urllib.request import urlopen", "import http.client as c"),
        *("socket.socket(1)", "asyncio.open_connection('x', 1)", "httpx.get('x')"),
        *("loop.create_connection(x)", "httpx.AsyncClient()", "c = AsyncHTTPTransport()"),
    ],
)
def test_what_opens_sockets_is_found(source: str) -> None:
    assert opened_in(source)


def test_only_these_modules_open_sockets() -> None:
    package = ROOT / "aqueduct_jupyter"
    opening = {
        path.relative_to(package).as_posix(): opened_in(path.read_text())
        for path in package.rglob("*.py")
    }
    # The kernel's client is the one that opens; others only use it.
    opening = {path: calls - {"Client"} for path, calls in opening.items()}
    assert {path for path, calls in opening.items() if calls} == {
        "gateway/network/transport.py",
        "gateway/stores/postgresql.py",  # shuts those down that the database's driver has opened
        "kernel/connections.py",
    }


def test_importing_us_loads_nothing_heavy() -> None:
    script = (
        "import sys, aqueduct_jupyter\n"
        "heavy = {'tornado', 'httpx', 'pydantic', 'traitlets', 'jupyter_server', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run(sys.executable, "-c", script).stdout == "[]\n"


def test_the_extension_loads_no_engine_and_no_sdk() -> None:
    script = (
        "import sys\n"
        "import aqueduct_jupyter.server.jupyter.app\n"
        "heavy = {'openai', 'xllamacpp', 'kreuzberg', 'ipykernel', 'httptools',\n"
        "    'genai_prices', 'olefile', 'pypdfium2', 'python_calamine', 'xml.etree'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run(sys.executable, "-c", script).stdout == "[]\n"


def test_the_kernel_side_loads_no_server_code() -> None:
    script = (
        "import sys\n"
        "import aqueduct_jupyter.kernel.magics\n"
        "heavy = {'tornado', 'jupyter_server', 'pydantic', 'markdown_it', 'pyflakes', 'tqdm',\n"
        "    'pandas', 'aqueduct_jupyter.gateway', 'aqueduct_jupyter.server'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run(sys.executable, "-c", script).stdout == "[]\n"


def test_an_agents_start_loads_no_server() -> None:
    script = (
        "import sys\n"
        "import aqueduct_jupyter.command.agent, aqueduct_jupyter.command.status\n"
        "heavy = {'tornado', 'jupyter_server', 'pydantic', 'aqueduct_jupyter.server'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run(sys.executable, "-c", script).stdout == "[]\n"


def test_the_changelog_knows_this_version() -> None:
    assert f"\n## {aqueduct_jupyter.__version__} " in (ROOT / "CHANGELOG.md").read_text()


def test_jupyter_finds_the_extension_and_can_load_it() -> None:
    done = run(BIN / "jupyter", "server", "extension", "list")
    said = re.sub("\x1b\\[[0-9;]*m", "", done.stdout + done.stderr)
    assert "aqueduct_jupyter enabled" in said
    assert f"aqueduct_jupyter {aqueduct_jupyter.__version__} OK" in said


def test_the_wheel_holds_the_package_and_switches_the_extension_on(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (switch,) = (
            name for name in names if name.endswith("jupyter_server_config.d/aqueduct_jupyter.json")
        )
        config = json.loads(archive.read(switch))
    assert "/data/data/etc/jupyter/" in f"/{switch}".replace(".data/", "/data/")
    assert config == {"ServerApp": {"jpserver_extensions": {"aqueduct_jupyter": True}}}
    assert "aqueduct_jupyter/py.typed" in names
    assert {"aqueduct_jupyter/widget/panel.js", "aqueduct_jupyter/widget/panel.css"} <= set(names)
    front = [name for name in names if "/share/jupyter/labextensions/aqueduct-jupyter/" in name]
    assert any(name.endswith("/package.json") for name in front)
    others = ("tests/", "notebooks/", "labextension/", "aqueduct_jupyter/labextension/")
    assert not [name for name in names if name.startswith(others)]


def test_in_an_empty_environment_without_node_both_extensions_are_ok(installed: Path) -> None:
    """What JupyterLab and the server say of the wheel's halves, with nothing else on the PATH."""
    jupyter = installed.parent / "jupyter"
    assert shutil.which("node", path=str(installed.parent)) is None
    for words in (("labextension",), ("server", "extension")):
        done = run(jupyter, *words, "list", PATH=str(installed.parent))
        said = re.sub("\x1b\\[[0-9;]*m", "", done.stdout + done.stderr)
        name = "aqueduct-jupyter v" if words == ("labextension",) else "aqueduct_jupyter "
        (line,) = (
            line for line in said.splitlines() if name + aqueduct_jupyter.__version__ in line
        )
        assert "OK" in line, said


def test_the_front_end_is_small() -> None:
    """The prebuilt extension's own JavaScript, before compression."""
    scripts = (ROOT / "aqueduct_jupyter" / "labextension" / "static").glob("*.js")
    assert sum(script.stat().st_size for script in scripts) < 400_000


def test_the_pins_satisfy_what_we_depend_on() -> None:
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {requirement.partition(">")[0] for requirement in project["dependencies"]}
    assert named <= pinned


def test_every_pin_is_for_the_oldest_python_that_we_allow() -> None:
    """Debian 12's own Python is 3.11.2, and a version for 3.11.5 would not install there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    needs = {
        name: Distribution.from_name(name).metadata.get("Requires-Python")
        for name in (pin.partition("==")[0] for pin in pins)
        if name not in UNINSTALLED
    }
    too_new = {name for name, need in needs.items() if oldest not in SpecifierSet(need or "")}
    assert too_new == set()


def test_the_oldest_versions_that_are_tested_are_those_that_we_allow() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    allowed = [*project["dependencies"], *project["optional-dependencies"]["openai"]]
    bounds = {requirement.partition(",")[0].replace(">=", "==") for requirement in allowed}
    pins = (ROOT / "tests" / "oldest.txt").read_text().splitlines()
    assert {line for line in pins if not line.startswith("#")} == bounds


def test_no_lock_or_pin_names_a_host() -> None:
    locks = ("labextension/package-lock.json", "tests/hub/proxy/package-lock.json")
    for path in ("constraints.txt", "tests/oldest.txt", "pyproject.toml", "Makefile", *locks):
        assert "://" not in (ROOT / path).read_text(), path
