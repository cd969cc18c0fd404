"""What is done through JupyterLab's own commands, so that a page can be used by several tests.

A page that is there already costs a fifth of one that is loaded.
"""

from __future__ import annotations

from playwright.sync_api import Page

__all__ = ["EXPOSED", "clear", "open_again", "plugins"]

EXPOSED = {"exposeAppInBrowser": True}
"""What a page must be told, so that its application is there as ``jupyterapp``."""

OPEN = """async path => {
    const { commands, shell } = jupyterapp;
    await commands.execute('filebrowser:refresh');
    const opened = path && await commands.execute('docmanager:open', { path });
    const others = opened ? [...shell.widgets('main')].filter(shown => shown !== opened) : [];
    others.forEach(shown => shown.dispose());
}"""

# Nothing is closed as a user would: JupyterLab would ask whether to save it.
CLEAR = """async () => {
    const { commands, shell } = jupyterapp;
    [...shell.widgets('main')].forEach(shown => shown.dispose());
    if (!shell.rightCollapsed) {
        await commands.execute('aqueduct:new-conversation');
        shell.collapseRight();
    }
}"""


def open_again(page: Page, path: str | None) -> None:
    """Let the page list the files anew, and open one, if any, with nothing beside it."""
    page.evaluate(OPEN, path)


def clear(page: Page) -> None:
    """Close all documents, and the chat with a new conversation in it."""
    page.evaluate(CLEAR)


def plugins(page: Page) -> list[str]:
    """Give the names of all plugins that the page has."""
    found: list[str] = page.evaluate("jupyterapp.listPlugins()")
    return found
