"""A Jupyter server for many of the tests in a browser, each of which finds it as if it were new."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from aqueduct_jupyter.command.throwaway import ThrowawayServer, throwaway_server

from ..forked_servers import MODULES, ForkedProcess
from ..ports import port_of, reserve_port
from ..real_server import until
from ..standin import StandIn
from .commands import EXPOSED, plugins

__all__ = ["LabServer", "lab_server"]

WITH_PAGES = {"JUPYTER_CONFIG_PATH": ""}
"""The tests' other servers are without JupyterLab."""

PAGES = (
    "IPython",
    "anyio._backends._asyncio",
    "babel.dates",
    "httpcore",
    "ipykernel.kernelspec",
    "jupyter_lsp",
    "jupyter_server.kernelspecs.handlers",
    "jupyter_server.services.api.handlers",
    "jupyter_server.services.kernelspecs.handlers",
    "jupyter_server.view.handlers",
    "jupyterlab_server",
    "nbconvert.exporters",
    "psutil",
    "requests",
    "urllib3.contrib",
)
"""What a server imports besides, for its pages and their first kernel.

JupyterLab itself is not among it: it looks for its folders when it is imported.
"""

QUESTIONS = "@jupyterlab/apputils-extension:announcements"
"""JupyterLab's own to a new user, which would cover the page."""

QUIET = {
    # Whether JupyterLab itself should be built again: for each page, Node would look for an answer.
    "buildAvailable": False,
    "buildCheck": False,
    **EXPOSED,
}
"""What pages are told to leave alone."""

JUPYTERLAB = """
    application apputils cell-toolbar codemirror docmanager filebrowser launcher mainmenu
    markedparser notebook rendermime services statusbar theme-light translation ui-components
"""
FOR_A_CHAT = {
    "aqueduct-jupyter",
    *(f"@jupyterlab/{name}-extension" for name in JUPYTERLAB.split()),
}
"""The extensions that a page with a chat needs; it loads in two thirds of the time."""

OWN = ("config", "data", "runtime", "server.log")
"""What of a server's folder is its own, and not what somebody made there."""

_left: list[socket.socket] = []
"""Ports of servers that have ended: the browser has the scripts of who comes there, compiled."""


@dataclass(frozen=True, slots=True)
class LabServer:
    """A server whose pages are looked at; ``folder`` is what it serves, and holds all it writes."""

    process: ThrowawayServer
    folder: Path
    standin: StandIn
    pages: list[Page] = field(default_factory=list)
    """The page that a test has left for the next one, if it has."""

    def has_idle_kernel(self) -> bool:
        """Tell whether a page is connected to a kernel that has nothing to do."""
        with self._client() as http:
            kernels = _listed(http, "api/kernels")
        return any(
            kernel["connections"] and kernel["execution_state"] == "idle"
            for kernel in kernels or ()
        )

    @contextmanager
    def bare(self, page: Page) -> Iterator[None]:
        """Let pages that are loaded meanwhile be without what no chat needs of this page."""
        found = {plugin.partition(":")[0] for plugin in plugins(page)}
        self.tell(found.difference(FOR_A_CHAT))
        try:
            yield
        finally:
            self.tell()

    def tell(self, without: Iterable[str] = ()) -> None:
        """Say what pages are told, and which extensions of JupyterLab they leave out, too."""
        disabled = dict.fromkeys([QUESTIONS, *without], True)
        config = self.folder / "config" / "labconfig" / "page_config.json"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(json.dumps({**QUIET, "disabledExtensions": disabled}))

    def forget(self) -> None:
        """End what a test started and remove what it left, so that the next one finds nothing."""
        with self._client() as http:
            # Kernels first: one that still runs may ask the upstream, or write a file.
            until(lambda: _listed(http, "api/sessions") is not None, "no kernel is starting")
            for session in http.get("api/sessions").raise_for_status().json():
                http.delete(f"api/sessions/{session['id']}").raise_for_status()
            address = "aqueduct/conversations"
            for conversation in http.get(address).raise_for_status().json()["data"]:
                http.delete(f"{address}/{conversation['id']}").raise_for_status()
        shutil.rmtree(self.folder / "config" / "lab", ignore_errors=True)
        for path in self.folder.iterdir():
            if path.name in OWN:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.process.token}"}
        return httpx.Client(
            base_url=self.process.url,
            headers=headers,
            timeout=60,
            trust_env=False,
            verify=False,  # many times a test it would load certificates, which nobody has
        )


def _listed(http: httpx.Client, address: str) -> list[dict[str, Any]] | None:
    """Give what Jupyter lists; it fails at it while a kernel starts, and then None."""
    answer = http.get(address)
    return answer.json() if answer.is_success else None


@contextmanager
def lab_server(
    folder: Path,
    standin: StandIn,
    *,
    python: str,
    arguments: Sequence[str] = (),
    port: int | None = None,
) -> Iterator[LabServer]:
    """Start a server before the stand-in.

    Args:
        folder: where all of it lies.
        standin: the only upstream, where ``arguments`` do not say otherwise.
        python: the interpreter that runs the server.
        arguments: more of the server's.
        port: its port, for one that comes back.
    """
    upstreams = {"campus": {"base_url": standin.url}}
    options = [f"--AqueductApp.upstreams={upstreams}", *arguments]
    reserved = None if port else _left.pop() if _left else reserve_port()
    own = port_of(reserved) if reserved else port
    # Of this interpreter most servers are without pages.
    modules = MODULES if python == sys.executable else (*MODULES, *PAGES)
    popen = partial(ForkedProcess, modules=modules)
    with throwaway_server(
        folder, options, WITH_PAGES, python=python, port=own, popen=popen
    ) as process:
        server = LabServer(process, folder, standin)
        server.tell()
        yield server
    if reserved:
        _left.append(reserved)
