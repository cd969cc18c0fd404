"""The pytest plugin: nbval support for streamed cells, and a server that answers them.

Enable it with ``-p aqueduct_jupyter.testing.plugin`` on the command line, or with
``pytest_plugins`` in a ``conftest.py``. Streams are handled in :mod:`.streams`.

``--aqueduct`` selects what answers the notebooks' questions:

* ``demo``: a temporary Jupyter server with the scripted models, in place of an upstream;
* ``strict``: the answers recorded beside each notebook, and the same server for direct requests;
* ``outside`` (the default): the server that the environment names.

The fixture ``aqueduct_server`` provides the same server to Python tests.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ..command.throwaway import ThrowawayServer, throwaway_server
from .streams import Rewriter

__all__ = ["aqueduct_server", "pytest_addoption", "pytest_configure", "pytest_unconfigure"]

RECORDING = "AQUEDUCT_CHAT_RECORDING"
"""The environment variable that sets ``%%chat``'s recording mode from the start."""

NOTEBOOK = "JPY_SESSION_NAME"
"""The environment variable in which Jupyter gives a kernel the path of its notebook."""

_STACK = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option ``--aqueduct``."""
    parser.getgroup("aqueduct").addoption(
        "--aqueduct",
        choices=["outside", "demo", "strict"],
        default="outside",
        help="what answers the notebooks' questions: the environment's own server, a demo server, "
        "or recorded answers",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the server and patch nbval."""
    stack = config.stash[_STACK] = ExitStack()
    if config.pluginmanager.hasplugin("nbval"):
        stack.enter_context(_patched_nbval())
    chosen = config.getoption("aqueduct")
    if chosen != "outside":
        stack.enter_context(_answering(is_strict=chosen == "strict"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and restore nbval."""
    config.stash[_STACK].close()


@pytest.fixture(scope="session")
def aqueduct_server() -> Iterator[ThrowawayServer]:
    """A Jupyter server with the scripted models: its ``url`` and its ``token``."""
    with tempfile.TemporaryDirectory() as folder, throwaway_server(Path(folder)) as server:
        yield server


def _answering(*, is_strict: bool) -> ExitStack:
    stack = ExitStack()
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    server = stack.enter_context(throwaway_server(Path(folder)))
    variables = {
        "AQUEDUCT_BASE_URL": server.url,
        "AQUEDUCT_API_KEY": server.token,
        "OPENAI_BASE_URL": f"{server.url}/v1",
        "OPENAI_API_KEY": server.token,
        RECORDING: "strict" if is_strict else "off",
    }
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    for name, value in variables.items():
        # nbval's kernels inherit this process's environment.
        patch.setenv(name, value)
    return stack


def _patched_nbval() -> ExitStack:
    from nbval.plugin import IPyNbCell, IPyNbFile

    stack = ExitStack()
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    get_message, setup, run = IPyNbFile.get_kernel_message, IPyNbFile.setup, IPyNbCell.runtest

    def rewriter(file: Any) -> Rewriter:
        found: Rewriter = file.__dict__.setdefault("_aqueduct_rewriter", Rewriter())
        return found

    def get_rewritten(file: Any, *args: Any, **kwargs: Any) -> Any:
        message = get_message(file, *args, **kwargs)
        collected = getattr(file.__dict__.get("_aqueduct_cell"), "test_outputs", None)
        rewriter(file).outputs = [] if collected is None else collected
        return rewriter(file).rewrite(message)

    def set_up(file: Any) -> None:
        patch.setenv(NOTEBOOK, str(file.path))
        setup(file)

    def run_noted(cell: Any) -> None:
        cell.parent.__dict__["_aqueduct_cell"] = cell
        run(cell)

    patch.setattr(IPyNbFile, "get_kernel_message", get_rewritten)
    patch.setattr(IPyNbFile, "setup", set_up)
    patch.setattr(IPyNbCell, "runtest", run_noted)
    return stack
