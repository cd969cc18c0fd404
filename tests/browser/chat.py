"""The chat on a page, as a person uses it: in the sidebar or a notebook's output."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from ..standin import Received

__all__ = ["AXE", "SCREENSHOTS", "ChatOnPage", "faults", "open_sidebar", "said_in"]

ROOT = Path(__file__).parents[2]
AXE = ROOT / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "build" / "screenshots"


def said_in(chat: Received) -> list[dict[str, Any]]:
    """Give the messages of a request, without the system's."""
    return [said for said in chat.json["messages"] if said["role"] != "system"]


class ChatOnPage:
    """One chat; ``area`` is what is around it."""

    def __init__(self, page: Page, area: str) -> None:
        self.page = page
        self.area = page.locator(area)
        self.input = self.area.get_by_role("textbox", name="Your question")
        self.options = self.area.get_by_role("listbox").get_by_role("option")

    def ask(self, words: str) -> None:
        """Write words and send them."""
        self.input.fill(words)
        self.input.press("Enter")

    def answer(self, number: int = -1) -> Locator:
        """Give an answer's place."""
        turns = self.area.locator(".aqueduct-turn")
        return (turns.last if number < 0 else turns.nth(number)).locator(".aqueduct-markdown")

    def expect_whole(self, words: str) -> None:
        """Wait until the last answer is over, and has these words."""
        last = self.area.locator(".aqueduct-turn").last
        expect(last).to_have_attribute("data-state", "whole")
        expect(self.answer()).to_contain_text(words)

    def button(self, name: str) -> Locator:
        """Give a button by its words."""
        return self.area.get_by_role("button", name=name)

    def menu(self, name: str, item: str) -> None:
        """Choose something in one of the small lists."""
        self.area.locator(f"summary[aria-label='{name}']").click()
        self.area.locator("details[open]").get_by_role("button", name=item).click()

    def attach(self, query: str, option: str) -> None:
        """Mention something in the question, and choose it from the list.

        Args:
            query: what is typed after the ``@``.
            option: what the option's words begin with.
        """
        self.input.press_sequentially(f"@{query}")
        found = self.options.filter(has_text=re.compile(f"^{re.escape(option)}"))
        found.first.click()
        expect(self.area.get_by_role("listbox")).to_have_count(0)

    def expect_model(self, name: str) -> None:
        """Wait until a model is the chosen one."""
        expect(self.area.locator("summary.aqueduct-icon-button > span")).to_have_text(name)

    def choose_model(self, name: str) -> None:
        """Choose one of the models."""
        self.area.locator("summary[aria-label^='Model: ']").click()
        self.area.locator("details[open]").get_by_role("button", name=name, exact=True).click()

    def export(self, kind: str, folder: str | None = None) -> None:
        """Export the conversation as a file, into a folder or where the file browser is."""
        self.menu("More about this conversation", "Export")
        dialog = self.page.locator(".jp-Dialog")
        dialog.locator("select").select_option(kind)
        dialog.get_by_role("button", name="Ok").click()
        if folder:
            dialog.get_by_text(folder, exact=True).click()
        dialog.get_by_role("button", name="Select").click()

    def screenshot(self, name: str) -> None:
        """Keep a picture of the page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


def open_sidebar(page: Page) -> ChatOnPage:
    """Open the chat in JupyterLab's sidebar."""
    page.get_by_role("tab", name="Chat", exact=True).click()
    chat = ChatOnPage(page, ".aqueduct-sidebar")
    expect(chat.input).to_be_focused()
    return chat


def faults(page: Page, area: str) -> list[str]:
    """Let axe look at a part of the page, and give what it found."""
    page.add_script_tag(path=AXE)
    found: list[dict[str, Any]] = page.evaluate(
        "area => axe.run(area).then(({violations}) => violations)", area
    )
    return [f"{fault['id']}: {node['html']}" for fault in found for node in fault["nodes"]]
