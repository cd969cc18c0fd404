"""What all tests share: a stand-in upstream, real weights, a clean environment."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.gateway.embedded.weights import pull_weights

from .distribution import ModuleScheduling, arrange
from .examples import register_profiles
from .installed import build_wheel, install_wheel, one_at_a_time
from .standin import StandIn

register_profiles()

pytest_plugins = ["pytest_jupyter.jupyter_server"]


def pytest_configure() -> None:
    # A shell that starts us in the background has us ignore it, and then some children would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Switches JupyterLab and Notebook off: they are two fifths of the start of a server, and only
    # the tests in a browser and of JupyterHub, whose servers do not read this, look at their pages.
    os.environ["JUPYTER_CONFIG_PATH"] = str(Path(__file__).with_name("config"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    arrange(items)


def pytest_collection_finish() -> None:
    # What was imported and collected stays to the end, so no collection need look through it again.
    gc.collect()
    gc.freeze()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModuleScheduling:
    return ModuleScheduling(config, log)


@pytest.fixture(autouse=True)
def jp_server_cleanup(request: pytest.FixtureRequest) -> None:
    """What ends a server; pytest-jupyter's own makes one after every test, to end it."""
    if "jp_serverapp" in request.fixturenames:
        request.getfixturevalue("jp_server_cleanup")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AQUEDUCT_BASE_URL", "AQUEDUCT_TOKEN", "AQUEDUCT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "JUPYTERHUB_USER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test's own folder for temporary files; tests of another worker use the common one."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="session")
def weights() -> Path:
    """The embedded model's weights, where ``make`` puts them."""
    with one_at_a_time("weights"):
        return pull_weights(Path(__file__).parents[1] / "build" / "jupyter" / "data" / "aqueduct")


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel of this tree."""
    return build_wheel()


@pytest.fixture(scope="session")
def installed(wheel: Path) -> Path:
    """An environment's interpreter: the wheel is in it, JupyterLab and Notebook, and no Node."""
    return install_wheel(wheel)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin
