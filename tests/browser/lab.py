"""This file is JupyterLab or Notebook in a browser: a server, a notebook and a page, thrown away.

The chat on the page is left to :mod:`.chat`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, expect, sync_playwright

from aqueduct_jupyter.command.throwaway import throwaway_server

from ..standin import StandIn

__all__ = ["Lab", "lab"]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
QUIET = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
"""JupyterLab's own questions to a new user would cover the page."""

TRIES = 5

LOOK_MS = 100
LOOKS, LOOKS_IN_A_ROW = 40, 20
"""How often it is looked whether a cell runs, and how long a mark must stay to be believed."""

LAYOUT_MS = 3_000

PATIENCE = 30_000
"""Milliseconds for whatever a slow machine does."""


class Lab:
    """A notebook that is open in JupyterLab."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self._address = address

    def open(self) -> None:
        """Open the notebook, or open it again as a new reader would."""
        self.page.goto(self._address)
        expect(self.page.locator(".jp-Notebook")).to_be_visible()
        expect(
            self.page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        ).to_be_visible()

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
        expect(self.page.locator(".jp-Notebook")).to_be_visible()

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

    def save(self) -> None:
        """Save the notebook."""
        self.page.keyboard.press("Control+s")
        expect(self.page.locator(".jp-mod-dirty")).to_have_count(0)


@contextmanager
def lab(
    folder: Path,
    standin: StandIn,
    *cells: str,
    app: str = "lab/tree",
    python: str = sys.executable,
    arguments: Sequence[str] = (),
) -> Iterator[Lab]:
    """Open a notebook of these cells, on a server before the stand-in.

    Args:
        folder: where all of it lies.
        standin: the only upstream, where ``arguments`` do not say otherwise.
        *cells: the notebook's cells.
        app: ``lab/tree``, or ``notebooks`` for Notebook 7.
        python: the interpreter that runs the server.
        arguments: more of the server's.
    """
    config = folder / "config" / "labconfig"
    config.mkdir(parents=True)
    (config / "page_config.json").write_text(json.dumps(QUIET))
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
    )
    nbformat.write(notebook, folder / "work.ipynb")
    upstreams = {"campus": {"base_url": standin.url}}
    expect.set_options(timeout=PATIENCE)
    with (
        throwaway_server(
            folder, [f"--AqueductApp.upstreams={upstreams}", *arguments], python=python
        ) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(PATIENCE)
        query = "&reset" if app == "lab/tree" else ""
        opened = Lab(page, f"{server.url}/{app}/work.ipynb?token={server.token}{query}")
        opened.open()
        yield opened
        browser.close()
