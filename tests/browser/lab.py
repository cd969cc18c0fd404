"""JupyterLab or Notebook in a browser: a notebook for each test, and a page for one or for many.

The chat on the page is left to :mod:`.chat`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Locator, Page, expect

from ..standin import StandIn
from .chromium import PATIENCE, begin_anew, context_of
from .commands import clear, open_again
from .server import LabServer

__all__ = ["Lab", "lab"]

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
        self._expect_open()

    def _expect_open(self) -> None:
        self._expect_shown()
        if self._has_notebook:
            self._expect_kernel()

    def open_again(self) -> None:
        """Open it in a JupyterLab in which another test's documents were, and are no more."""
        open_again(self.page, NOTEBOOK if self._has_notebook else None)
        self._expect_open()

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


@contextmanager
def lab(
    server: LabServer,
    browser: Browser,
    *cells: str,
    app: str = "lab/tree",
    again: bool = False,
) -> Iterator[Lab]:
    """Open a notebook of these cells, as somebody who was never here before.

    Args:
        server: what serves it; it is left as it was.
        browser: where it is opened; it keeps nothing of it but the server's own scripts.
        *cells: the notebook's cells; without any, no notebook is opened and no kernel started.
        app: ``lab/tree``, or ``notebooks`` for Notebook 7.
        again: whether it may be a JupyterLab that a test before has used, and may be used after.
            Not for a test of a fresh page, nor for one that leaves more than documents and
            conversations behind it.
    """
    if cells:
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
        )
        nbformat.write(notebook, server.folder / NOTEBOOK)
    again = again and app == "lab/tree"
    context = context_of(browser)
    process = server.process
    query = "&reset" if app == "lab/tree" else ""
    place = f"{app}/{NOTEBOOK}" if cells else "lab"
    address = f"{process.url}/{place}?token={process.token}{query}"
    try:
        if again and server.pages and not server.pages[0].is_closed():
            opened = Lab(server.pages[0], server, address, has_notebook=bool(cells))
            opened.open_again()
        else:
            begin_anew(context, process.url)
            server.pages[:] = [context.new_page()]
            server.pages[0].set_default_timeout(PATIENCE)
            opened = Lab(server.pages[0], server, address, has_notebook=bool(cells))
            opened.open()
        yield opened
        if again:
            clear(opened.page)
    except BaseException:
        # That the server is gone, too, would hide what went wrong first.
        with suppress(Exception):
            server.pages.clear()
            begin_anew(context, process.url)
            server.forget()
        raise
    if not again:
        server.pages.clear()
        begin_anew(context, process.url)
    server.forget()
