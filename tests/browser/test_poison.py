"""Real front ends before an upstream that puts a payload into every field but the answer's text.

Nothing of it runs, and nothing is loaded from elsewhere: the page has one address to ask for more,
and nobody asks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ..poison import MARK, OBJECTS, all_fields, payload
from ..standin import DONE, StandIn, event
from .chat import ChatOnPage, open_sidebar
from .lab import Lab, lab
from .test_magic import LOAD
from .test_panel import PANEL

ASK = "%%chat -m campus/x --new\nHi"
SHOWN = re.compile(MARK)


@pytest.fixture
def beacon() -> Iterator[StandIn]:
    """What a payload would have the page ask."""
    with StandIn() as standin:
        yield standin


@pytest.fixture
def poison(beacon: StandIn) -> str:
    return payload(beacon.url.removesuffix("/v1"))


def play(standin: StandIn, poison: str, answers: int, errors: int) -> None:
    for _ in range(answers):
        standin.stream(event(all_fields(OBJECTS["chunk"], poison)), DONE)
    for _ in range(errors):
        standin.reply(all_fields(OBJECTS["error"], poison), status=400)


def check(opened: Lab, beacon: StandIn) -> None:
    opened.page.wait_for_timeout(500)
    assert opened.page.evaluate(f"window.{MARK}") is None
    for attribute in ("src", "href", "onerror", "onload", "srcdoc", "style", "class", "id"):
        assert opened.page.locator(f"[{attribute}*='{MARK}']").count() == 0, attribute
    assert beacon.received == []


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"], ids=["JupyterLab", "Notebook"])
def test_cells_and_a_panel_show_the_words_and_run_nothing(
    tmp_path: Path, standin: StandIn, beacon: StandIn, poison: str, installed: Path, app: str
) -> None:
    # A name that can be printed is one that the list of models has.
    standin.models = ["real-name", poison.partition(" <!--")[0]]
    play(standin, poison, answers=3, errors=1)
    html = ASK.replace("chat", "chat -f html", 1)
    with lab(tmp_path, standin, LOAD, ASK, html, PANEL, app=app, python=str(installed)) as opened:
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
        chat = ChatOnPage(opened.page, ".aqueduct-widget")
        chat.ask("Hi")
        chat.expect_whole("Hi")
        chat.ask("And an error?")
        expect(chat.area.locator(".aqueduct-turn").last).to_have_attribute("data-state", "failed")
        expect(chat.area).to_contain_text(SHOWN)
        check(opened, beacon)


def test_the_sidebar_and_its_exports_show_the_words_and_run_nothing(
    tmp_path: Path, standin: StandIn, beacon: StandIn, poison: str, installed: Path
) -> None:
    standin.models = ["real-name", poison.partition(" <!--")[0]]
    play(standin, poison, answers=1, errors=1)
    with lab(tmp_path, standin, LOAD, python=str(installed)) as opened:
        chat = open_sidebar(opened.page)
        chat.ask(poison.partition("\x1b")[0])
        chat.expect_whole("Hi")
        chat.ask("And an error?")
        expect(chat.area.locator(".aqueduct-turn").last).to_have_attribute("data-state", "failed")
        expect(chat.area).to_contain_text(SHOWN)
        check(opened, beacon)
        for item in ("Export as Markdown", "Export as notebook"):
            chat.menu("More about this conversation", item)
            opened.page.wait_for_timeout(1_000)
        exported = next(tmp_path.rglob("*.md"))
        opened.page.goto(
            opened.page.url.split("/lab")[0] + f"/lab/tree/{exported.name}?factory=Markdown+Preview"
        )
        opened.page.wait_for_timeout(1_000)
        check(opened, beacon)


def test_a_payload_that_is_not_escaped_is_noticed(
    tmp_path: Path, standin: StandIn, beacon: StandIn, poison: str
) -> None:
    show = f"from IPython.display import HTML\nHTML({poison.partition(chr(0xD800))[0]!r})"
    with lab(tmp_path, standin, show) as opened:
        opened.run(0)
        opened.page.wait_for_timeout(500)
        assert opened.page.evaluate(f"window.{MARK}") == 1
        assert beacon.received
