"""One browser for all tests of a worker, and one server and one upstream for all of a module.

Tests that say ``again=True`` share a page, too; what a page can do is left to :mod:`.lab`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ..standin import StandIn
from .chromium import running_browser
from .lab import Lab, lab
from .server import LabServer, lab_server

Open = Callable[..., AbstractContextManager[Lab]]


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """Nothing: Playwright's own loop runs in this thread for as long as the browser does."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """Nothing: no server runs in this process."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def campus() -> Iterator[StandIn]:
    """The upstream of the module's server."""
    with StandIn() as campus:
        yield campus


@pytest.fixture
def standin(campus: StandIn) -> StandIn:
    """The same, with nothing received and nothing to say yet."""
    campus.begin_anew()
    return campus


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, campus: StandIn, installed: Path
) -> Iterator[LabServer]:
    """A server from the installed wheel."""
    folder = tmp_path_factory.mktemp("server")
    with lab_server(folder, campus, python=str(installed)) as server:
        yield server


@pytest.fixture
def open_lab(server: LabServer, browser: Browser, standin: StandIn) -> Open:
    def opened(
        *cells: str, app: str = "lab/tree", again: bool = False
    ) -> AbstractContextManager[Lab]:
        return lab(server, browser, *cells, app=app, again=again)

    return opened
