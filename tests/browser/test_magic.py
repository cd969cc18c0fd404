"""``%%chat`` in real JupyterLab: it streams, it stops, and what a model says does not run."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from ..standin import CUT, DONE, HANG, StandIn, chunk, usage_chunk
from .conftest import Open
from .lab import Lab
from .server import LabServer, lab_server

LOAD = "%load_ext aqueduct_jupyter"
HIT = "window.hit = (window.hit || 0) + 1"
EVIL = f"""
<img src=x onerror="{HIT}"> and <script>{HIT}</script>

[click me](javascript:{HIT.replace(" ", "%20")}) and <a href="javascript:{HIT}">me</a>

- a

  ```
<img src=x onerror="{HIT}">
  ```

$" onmouseover="{HIT}" x="$ [a](https://x.invalid/@@0@@)

![pixel](https://x.invalid/secret)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, campus: StandIn) -> Iterator[LabServer]:
    """A server from this tree, as it is here."""
    with lab_server(tmp_path_factory.mktemp("server"), campus, python=sys.executable) as server:
        yield server


def harm(opened: Lab, area: str = ".jp-CodeCell .jp-OutputArea") -> list[object]:
    """Give what ran, and what could, within a part of the page."""
    page = opened.page
    page.wait_for_timeout(500)
    dangerous = ("img", "script", "iframe", "[onerror]", "[onmouseover]", "a[href^='javascript']")
    found = [word for word in dangerous if page.locator(f"{area} {word}").count()]
    return [page.evaluate("window.hit || 0"), found]


def test_an_answer_streams_and_the_part_of_a_stopped_one_stays(
    open_lab: Open, standin: StandIn
) -> None:
    standin.stream(chunk("The first part. "), HANG)
    with open_lab(LOAD, "%%chat\nHi", "print('reached')", again=True) as opened:
        opened.run_all()
        opened.expect_output(1, "The first part.")
        assert not standin.chats[0].client_left.is_set()
        opened.page.keyboard.press("Escape")
        opened.page.locator("[data-command='notebook:interrupt-kernel']").first.click()
        opened.expect_output(1, "Stopped. %chat continue goes on.")
        assert standin.chats[0].client_left.wait(5)
        assert "The first part." in opened.output(1)
        assert "stopped" in opened.output(1)
        assert "httpcore" not in opened.output(1)
        assert "reached" not in opened.output(2)


def test_a_cell_that_is_run_again_goes_back_to_before_it(open_lab: Open, standin: StandIn) -> None:
    with open_lab(LOAD, "%%chat\nfirst", "%%chat\nsecond", again=True) as opened:
        opened.run_all()
        opened.expect_output(2, "tokens")
        opened.run_all()
        for _ in range(300):
            if len(standin.chats) == 4:
                break
            opened.page.wait_for_timeout(100)
        assert [len(sent.json["messages"]) for sent in standin.chats] == [1, 3, 1, 3]


def test_code_goes_into_a_new_cell_below(open_lab: Open, standin: StandIn) -> None:
    standin.stream(chunk("Try:\n```python\nprint(6 * 7)\n```\n"), usage_chunk(), DONE)
    with open_lab(LOAD, "%%chat -f code\nHi", "'after'", again=True) as opened:
        opened.run_all()
        expect(opened.page.locator(".jp-CodeCell")).to_have_count(4)
        added = opened.page.locator(".jp-CodeCell .jp-InputArea-editor").nth(2)
        expect(added).to_contain_text("print(6 * 7)")


def test_run_all_stops_at_a_failing_cell(open_lab: Open, standin: StandIn) -> None:
    standin.stream(chunk("half"), CUT)
    with open_lab(LOAD, "%%chat\nHi", "print('reached')", again=True) as opened:
        opened.run_all()
        opened.expect_output(1, "DisconnectedError")
        assert "Traceback" not in opened.output(1)
        opened.page.wait_for_timeout(500)
        assert "reached" not in opened.output(2)


def test_what_a_model_says_does_not_run_neither_fresh_nor_saved(
    open_lab: Open, standin: StandIn
) -> None:
    for _ in range(2):
        standin.stream(*[chunk(letter) for letter in EVIL], usage_chunk(), DONE)
    cells = (LOAD, "%%chat\nHi", "%%chat -f text\nHi", "from IPython.display import *")
    with open_lab(*cells, again=True) as opened:
        opened.run_all()
        opened.expect_output(2, "tokens")
        assert harm(opened) == [0, []]
        assert "onerror" in opened.output(1), "the words are there to be read"
        opened.save()
        opened.open()
        opened.expect_output(1, "onerror")
        assert harm(opened) == [0, []]


def test_the_page_would_run_what_was_not_made_safe(open_lab: Open, standin: StandIn) -> None:
    show = f"from IPython.display import Markdown\nMarkdown({EVIL!r})"
    with open_lab(show, again=True) as opened:
        opened.run_all()
        opened.expect_output(0, "click me")
        ran, found = harm(opened)
        assert ran
        assert found
        opened.page.evaluate("delete window.hit")


def test_an_answer_with_several_blocks_becomes_several_cells_in_their_order(
    open_lab: Open, standin: StandIn
) -> None:
    text = "```python\nx = 6\n```\n\n```bash\necho shell\n```\n\n```python\nprint(x * 7)\n```\n"
    standin.stream(chunk(text), usage_chunk(), DONE)
    with open_lab(LOAD, "%%chat -f code\nWrite it", "'the end'", again=True) as opened:
        opened.run_all()
        cells = opened.page.locator(".jp-CodeCell .cm-content")
        expect(cells).to_have_count(6)
        expect(cells.nth(2)).to_have_text("x = 6")
        expect(cells.nth(3)).to_contain_text("%%bash")
        expect(cells.nth(4)).to_have_text("print(x * 7)")
        expect(cells.nth(5)).to_have_text("'the end'")
        assert "For a cell of its own" not in opened.output(1)


def test_money_is_money_and_formulas_are_formulas_in_a_cell(
    open_lab: Open, standin: StandIn
) -> None:
    text = "It costs $3.50 per unit, or $7 for two, and \\(x = 1\\) is a formula."
    standin.stream(chunk(text), usage_chunk(), DONE)
    with open_lab(LOAD, "%%chat\nHow much?", again=True) as opened:
        opened.run_all()
        opened.expect_output(1, "It costs $3.50 per unit, or $7 for two, and")
        expect(opened.page.locator(".jp-RenderedMarkdown mjx-container")).to_have_count(1)


def test_a_chat_cell_is_text_and_an_unknown_magic_says_how_it_is_loaded(open_lab: Open) -> None:
    with open_lab(
        "%%chat\nis it in the list\nit costs $3 or $4", "x = [1] if True else None", again=True
    ) as opened:
        chat, code = (opened.page.locator(".jp-CodeCell .cm-content").nth(n) for n in range(2))
        expect(code.locator("span").first).to_be_visible()
        keyword = code.locator("span", has_text="if").first
        bold = "node => getComputedStyle(node).fontWeight"
        assert keyword.evaluate(bold) == "700"
        expect(chat.locator("span", has_text="in")).to_have_count(0)
        expect(chat.locator("span", has_text="or")).to_have_count(0)
        opened.run(0)
        opened.expect_output(0, "Run this in a cell, then run this cell again: %load_ext aqueduct")

        code.click()
        opened.page.keyboard.press("Control+Home")
        opened.page.keyboard.type("%%chat\n")
        expect(code.locator("span", has_text="if")).to_have_count(0)
        opened.page.keyboard.press("Control+z")
