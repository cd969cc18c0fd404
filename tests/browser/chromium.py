"""The browser: one for many tests, which keeps JupyterLab's scripts and nothing else.

What is looked at in it is left to :mod:`.lab`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, ViewportSize, expect, sync_playwright

__all__ = ["PATIENCE", "begin_anew", "context_of", "running_browser"]

PROGRAMS = ("chromium-headless-shell", "chromium")
"""The browser; without windows a page takes a tenth less of a processor's time."""

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
SHORT_LIVED = "--js-flags=--no-turbofan --no-maglev"
"""For pages that live for seconds: to optimise their code takes longer than it saves."""

VIEWPORT: ViewportSize = {"width": 1280, "height": 800}

PATIENCE = 30_000
"""Milliseconds for whatever a slow machine does."""


@contextmanager
def running_browser(*, optimises: bool = False) -> Iterator[Browser]:
    """Start Debian's chromium; ``optimises`` says whether it makes code fast that runs for long."""
    found = [path for name in PROGRAMS if (path := shutil.which(name))]
    assert found, "'make test' installs one"
    expect.set_options(timeout=PATIENCE)
    arguments = ARGUMENTS if optimises else [*ARGUMENTS, SHORT_LIVED]
    with sync_playwright() as playwright:
        # Only a browser with a folder of its own, here a temporary one, keeps what it compiled.
        context = playwright.chromium.launch_persistent_context(
            "", executable_path=found[0], args=arguments, viewport=VIEWPORT
        )
        assert context.browser
        yield context.browser
        context.close()


def context_of(browser: Browser) -> BrowserContext:
    """Give the context that keeps JupyterLab's scripts, which are the same for all tests.

    Its first page is empty and stays: without any, each test would wait for a window.
    """
    return browser.contexts[0]


def begin_anew(context: BrowserContext, url: str) -> None:
    """Close all pages and remove what they have kept, so that the next is a new reader's."""
    blank, *others = context.pages
    for page in others:
        page.close()
    # Of the server's scripts nothing is removed: those are in the cache of HTTP.
    origin = {"origin": url, "storageTypes": "all"}
    context.new_cdp_session(blank).send("Storage.clearDataForOrigin", origin)
    context.clear_cookies()
