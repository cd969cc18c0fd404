"""Real front ends before an upstream that puts a payload into every field but the answer's text.

Nothing of it runs, and nothing is loaded from elsewhere: the page has one address to ask for more,
and nobody asks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from ..poison import MARK, OBJECTS, all_fields, payload
from ..standin import DONE, StandIn, event
from .chat import open_sidebar
from .conftest import Open
from .lab import Lab
from .server import LabServer
from .test_magic import LOAD
from .test_panel import PANEL, panel_of

ASK = "%%chat -m campus/x --new\nHi"
SHOWN = re.compile(MARK)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[StandIn]:
    with StandIn() as elsewhere:
        yield elsewhere


@pytest.fixture
def beacon(elsewhere: StandIn) -> StandIn:
    """What a payload would have the page ask."""
    elsewhere.begin_anew()
    return elsewhere


@pytest.fixture(scope="module")
def poison(elsewhere: StandIn) -> str:
    return payload(elsewhere.url.removesuffix("/v1"))


@pytest.fixture(scope="module")
def campus(poison: str) -> Iterator[StandIn]:
    # A name that can be printed is one that the list of models has.
    with StandIn(models=["real-name", poison.partition(" <!--")[0]]) as campus:
        yield campus


def play(standin: StandIn, poison: str, answers: int, errors: int) -> None:
    for _ in range(answers):
        standin.stream(event(all_fields(OBJECTS["chunk"], poison)), DONE)
    for _ in range(errors):
        standin.reply(all_fields(OBJECTS["error"], poison), status=400)


def check(opened: Lab, beacon: StandIn, *, has_links: bool = False) -> None:
    opened.page.wait_for_timeout(500)
    assert opened.page.evaluate(f"window.{MARK}") is None
    for attribute in ("src", "href", "onerror", "onload", "srcdoc", "style", "class", "id"):
        found = opened.page.locator(f"[{attribute}*='{MARK}']")
        if attribute == "href" and has_links:
            # An export shows the user's own links, which lead to the web and need a click.
            hrefs = found.evaluate_all("nodes => nodes.map(node => node.href)")
            assert all(href.startswith(("http://", "https://")) for href in hrefs), hrefs
        else:
            assert found.count() == 0, attribute
    assert beacon.received == []


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"], ids=["JupyterLab", "Notebook"])
def test_cells_and_a_panel_show_the_words_and_run_nothing(
    open_lab: Open, standin: StandIn, beacon: StandIn, poison: str, app: str
) -> None:
    play(standin, poison, answers=3, errors=1)
    html = ASK.replace("chat", "chat -f html", 1)
    with open_lab(LOAD, ASK, html, PANEL, app=app, again=True) as opened:
        for number in (0, 1, 2):
            opened.run(number)
            if number:
                opened.expect_output(number, MARK)
        check(opened, beacon)
        opened.save()
        opened.open()
        opened.expect_output(1, MARK)
        check(opened, beacon)
        opened.run(3)
        chat = panel_of(opened)
        # The second cell's turn is there already, and looks like the one that is to come.
        turns = chat.area.locator(".aqueduct-turn")
        expect(turns).to_have_count(1)
        chat.ask("Hi")
        expect(turns).to_have_count(2)
        chat.expect_whole("Hi")
        chat.ask("And an error?")
        expect(chat.area.locator(".aqueduct-turn").last).to_have_attribute("data-state", "failed")
        expect(chat.area).to_contain_text(SHOWN)
        check(opened, beacon)


def test_the_sidebar_and_its_exports_show_the_words_and_run_nothing(
    open_lab: Open, server: LabServer, standin: StandIn, beacon: StandIn, poison: str
) -> None:
    play(standin, poison, answers=1, errors=1)
    with open_lab(LOAD, again=True) as opened:
        chat = open_sidebar(opened.page)
        chat.ask(poison.partition("\x1b")[0])
        chat.expect_whole("Hi")
        chat.ask("And an error?")
        expect(chat.area.locator(".aqueduct-turn").last).to_have_attribute("data-state", "failed")
        expect(chat.area).to_contain_text(SHOWN)
        check(opened, beacon)
        for kind in ("Markdown", "Notebook"):
            chat.export(kind)
            opened.page.wait_for_timeout(1_000)
        # The Markdown opens as its source, the notebook is rendered.
        address = opened.page.url.split("/lab")[0]
        (notebook,) = (path for path in server.folder.glob("*.ipynb") if path.name != "work.ipynb")
        opened.page.goto(f"{address}/lab/tree/{quote(notebook.name)}?reset")
        expect(opened.page.locator(".jp-MarkdownCell").first).to_contain_text(SHOWN)
        check(opened, beacon, has_links=True)


def test_a_payload_that_is_not_escaped_is_noticed(
    open_lab: Open, standin: StandIn, beacon: StandIn, poison: str
) -> None:
    show = f"from IPython.display import HTML\nHTML({poison.partition(chr(0xD800))[0]!r})"
    with open_lab(show, again=True) as opened:
        opened.run(0)
        opened.page.wait_for_timeout(500)
        assert opened.page.evaluate(f"window.{MARK}") == 1
        assert beacon.received
