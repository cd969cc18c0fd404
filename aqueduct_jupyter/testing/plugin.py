"""This file is the pytest plugin: streamed cells for nbval, and something that answers them.

Off unless asked for: ``-p aqueduct_jupyter.testing.plugin`` on the command line, or
``pytest_plugins`` in a ``conftest.py``. How nbval understands a stream is left to :mod:`.streams`.

``--aqueduct`` says what answers the notebooks' questions:

* ``demo``: a Jupyter server of its own with the scripted models, a stand-in for any upstream;
* ``strict``: the answers recorded beside each notebook, and that server for what asks it directly;
* ``outside`` (the default): whatever the environment names.

The fixture ``aqueduct_server`` gives tests in Python the same server.
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
"""The variable that tells ``%%chat`` what to do with recorded answers from the start."""

NOTEBOOK = "JPY_SESSION_NAME"
"""The variable in which Jupyter tells a kernel its notebook."""

_STACK = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Know the option ``--aqueduct``."""
    parser.getgroup("aqueduct").addoption(
        "--aqueduct",
        choices=["outside", "demo", "strict"],
        default="outside",
        help="what answers notebooks' questions: recorded answers, a demo server, or the "
        "environment's own",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start what answers, and teach nbval."""
    stack = config.stash[_STACK] = ExitStack()
    if config.pluginmanager.hasplugin("nbval"):
        stack.enter_context(_taught())
    chosen = config.getoption("aqueduct")
    if chosen != "outside":
        stack.enter_context(_answering(is_strict=chosen == "strict"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started, and leave nbval as it was."""
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


def _taught() -> ExitStack:
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
