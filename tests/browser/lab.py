"""JupyterLab or Notebook in a browser: a server for many tests, a notebook and a page for each.

The chat on the page is left to :mod:`.chat`.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nbformat
from playwright.sync_api import Browser, Locator, Page, expect

from aqueduct_jupyter.command.throwaway import ThrowawayServer

from ..forked_servers import throwaway_server
from ..real_server import until
from ..standin import StandIn
from .chromium import PATIENCE, begin_anew, context_of

__all__ = ["Lab", "LabServer", "lab", "lab_server"]

WITH_PAGES = {"JUPYTER_CONFIG_PATH": ""}
"""The tests' other servers are without JupyterLab."""

QUIET = {
    # JupyterLab's own questions to a new user would cover the page.
    "disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True},
    # Whether JupyterLab itself should be built again: for each page, Node would look for an answer.
    "buildAvailable": False,
    "buildCheck": False,
}
"""What pages are told to leave alone."""

OWN = ("config", "data", "runtime", "server.log")
"""What of a server's folder is its own, and not what somebody made there."""

TRIES = 5

NOTEBOOK = "work.ipynb"
"""The file that each test's cells are in."""

LOOK_MS = 100
LOOKS, LOOKS_IN_A_ROW = 40, 20
"""How often it is looked whether a cell runs, and how long a mark must stay to be believed."""

LAYOUT_MS = 3_000


class Lab:
    """JupyterLab with a notebook, or alone."""

    def __init__(self, page: Page, server: LabServer, address: str, has_notebook: bool) -> None:
        self.page = page
        self._server = server
        self._address = address
        self._has_notebook = has_notebook

    def open(self) -> None:
        """Open it, or open it again as a new reader would."""
        self.page.goto(self._address)
        self._expect_shown()
        if self._has_notebook:
            self._expect_kernel()

    def _expect_shown(self) -> None:
        document = ".jp-Notebook" if self._has_notebook else ".jp-Launcher"
        expect(self.page.locator(document)).to_be_visible()

    def _expect_kernel(self) -> None:
        expect(
            self.page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        ).to_be_visible()
        # The mark says so before there is a kernel, too; whoever runs a cell then is asked for one.
        for _ in range(PATIENCE // LOOK_MS):
            if self._server.has_idle_kernel():
                return
            self.page.wait_for_timeout(LOOK_MS)
        raise AssertionError("the page has no kernel")

    def run(self, number: int) -> None:
        """Run a cell, counted from 0, without waiting for its end."""
        cell = self.page.locator(".jp-CodeCell").nth(number)
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        for _ in range(TRIES):
            cell.locator(".jp-InputArea-editor").click()
            self.page.keyboard.press("Control+Enter")
            if self._is_run(prompt, before):
                return
        raise AssertionError("the cell did not run")

    def _is_run(self, prompt: Locator, before: str) -> bool:
        """Tell whether a cell runs now or has run."""
        # A page that is still settling marks a cell, and forgets it a moment later.
        marked = 0
        for _ in range(LOOKS):
            now = prompt.inner_text()
            if now != before and re.fullmatch(r"\[\d+\]:", now):
                return True
            marked = marked + 1 if now == "[*]:" else 0
            if marked == LOOKS_IN_A_ROW:
                return True
            self.page.wait_for_timeout(LOOK_MS)
        return False

    def reload(self) -> None:
        """Open the page again as its own user does: with the layout and all that was kept."""
        # JupyterLab keeps its layout some time after the last change of it.
        self.page.wait_for_timeout(LAYOUT_MS)
        self.page.goto(self._address.removesuffix("&reset"))
        self._expect_shown()

    def run_all(self) -> None:
        """Run every cell; waits until the first has run, not for the others."""
        prompt = self.page.locator(".jp-CodeCell .jp-InputPrompt").first
        before = prompt.inner_text()
        for _ in range(TRIES):
            self.page.locator(".jp-Notebook").click()
            self.page.get_by_role("menuitem", name="Run", exact=True).click()
            self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            if self._is_run(prompt, before):
                return
        raise AssertionError("the cells did not run")

    def output(self, number: int) -> str:
        """Give the words of a cell's outputs, counted from 0."""
        cell = self.page.locator(".jp-CodeCell").nth(number)
        return "\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts())

    def expect_output(self, number: int, words: str) -> None:
        """Wait until a cell has shown some words."""
        cell = self.page.locator(".jp-CodeCell").nth(number)
        expect(cell.locator(".jp-OutputArea").first).to_contain_text(words)

    @property
    def upstream(self) -> StandIn:
        """What the server asks."""
        return self._server.standin

    @property
    def path(self) -> Path:
        """The notebook's file."""
        return self._server.folder / NOTEBOOK

    def save(self) -> None:
        """Save the notebook; waits until its file is written."""
        # Notebook 7 marks nothing as unsaved, so only the file tells.
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        for _ in range(PATIENCE // LOOK_MS):
            if self.path.stat().st_mtime_ns != before:
                expect(self.page.locator(".jp-mod-dirty")).to_have_count(0)
                return
            self.page.wait_for_timeout(LOOK_MS)
        raise AssertionError("the notebook was not saved")


@dataclass(frozen=True, slots=True)
class LabServer:
    """A server whose pages are looked at; ``folder`` is what it serves, and holds all it writes."""

    process: ThrowawayServer
    folder: Path
    standin: StandIn

    def has_idle_kernel(self) -> bool:
        """Tell whether a page is connected to a kernel that has nothing to do."""
        with self._client() as http:
            kernels = _listed(http, "api/kernels")
        return any(
            kernel["connections"] and kernel["execution_state"] == "idle"
            for kernel in kernels or ()
        )

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


_left: list[int] = []
"""Ports of servers that have ended: the browser has the scripts of who comes there, compiled."""


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
    config = folder / "config" / "labconfig"
    config.mkdir(parents=True, exist_ok=True)
    (config / "page_config.json").write_text(json.dumps(QUIET))
    upstreams = {"campus": {"base_url": standin.url}}
    options = [f"--AqueductApp.upstreams={upstreams}", *arguments]
    own = port or (_left.pop() if _left else None)
    with throwaway_server(folder, options, WITH_PAGES, python=python, port=own) as process:
        yield LabServer(process, folder, standin)
    if port is None:
        _left.append(httpx.URL(process.url).port or 0)


@contextmanager
def lab(server: LabServer, browser: Browser, *cells: str, app: str = "lab/tree") -> Iterator[Lab]:
    """Open a notebook of these cells, as somebody who was never here before.

    Args:
        server: what serves it; it is left as it was.
        browser: where it is opened; it keeps nothing of it but the server's own scripts.
        *cells: the notebook's cells; without any, no notebook is opened and no kernel started.
        app: ``lab/tree``, or ``notebooks`` for Notebook 7.
    """
    if cells:
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
        )
        nbformat.write(notebook, server.folder / NOTEBOOK)
    context = context_of(browser)
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        query = "&reset" if app == "lab/tree" else ""
        process = server.process
        place = f"{app}/{NOTEBOOK}" if cells else "lab"
        address = f"{process.url}/{place}?token={process.token}{query}"
        opened = Lab(page, server, address, has_notebook=bool(cells))
        opened.open()
        yield opened
    except BaseException:
        # That the server is gone, too, would hide what went wrong first.
        with suppress(Exception):
            begin_anew(context, server.process.url)
            server.forget()
        raise
    begin_anew(context, server.process.url)
    server.forget()
