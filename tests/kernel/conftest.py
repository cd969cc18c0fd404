"""An IPython shell with our magics in it, before the stand-in upstream."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from aqueduct_jupyter.kernel.client import Client
from aqueduct_jupyter.kernel.magics import ChatMagics

from ..standin import StandIn


class Shell:
    """Runs cells as a notebook would, and gives what was printed or raised."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self.shell = InteractiveShell()
        self.client = Client(standin.url, "key")
        self.magics = ChatMagics(self.shell, self.client)
        self.shell.register_magics(self.magics)

    def end(self) -> None:
        """End what an exit would: each of hundreds would then collect all the garbage there is."""
        self.client.close()
        atexit.unregister(self.shell.atexit_operations)
        history = self.shell.history_manager
        history.end_session()
        history.save_thread.stop()

    @property
    def names(self) -> dict[str, Any]:
        return self.shell.user_ns

    def run(self, cell: str) -> None:
        """Run a cell; what it raises is raised here."""
        self.shell.run_cell(cell, store_history=True).raise_error()

    def ask(self, words: str, options: str = "") -> Any:
        """Ask the words with the options and give the value of ``_chat``."""
        self.run(f"%%chat {options}\n{words}")
        return self.names["_chat"]

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The bodies that the upstream was sent."""
        return [request.json for request in self.standin.chats]


@pytest.fixture
def shell(standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    shell = Shell(standin)
    yield shell
    shell.end()
