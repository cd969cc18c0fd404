"""What goes along with a question: chosen in the composer, seen in chips, and asserted upstream."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from ..standin import StandIn
from .chat import ChatOnPage, faults, open_sidebar
from .conftest import Open
from .server import LabServer, lab_server
from .test_sidebar import PIXEL

PLOT = f"""from IPython.display import display
plot = {base64.b64encode(PIXEL).decode()!r}
display({{"image/png": plot, "text/plain": "<Figure>"}}, raw=True)"""
TABLE = """class Frame:
    def _repr_html_(self):
        rows = "<tr><th>city</th><th>arches</th></tr><tr><td>Segovia</td><td>167</td></tr>"
        return f"<table>{rows}</table>"
Frame()"""

DRAWING = """from IPython.display import SVG, display
inner = '''<rect width="40" height="20" fill="#ff0000"/><script>document.title = "hit"</script>
<image href="{address}/leak.png" width="5" height="5"/>'''
page = '''<foreignObject width="9" height="9"><p xmlns="http://www.w3.org/1999/xhtml">x</p>
<img xmlns="http://www.w3.org/1999/xhtml" src="{address}/leak.png"/></foreignObject>'''
head = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">'
for part in (inner, page):
    display(SVG(f"{{head}}{{part}}</svg>"))"""
"""A drawing, and one with a page in it, which a browser may keep back."""


@pytest.fixture(scope="module")
def campus() -> Iterator[StandIn]:
    # A server asks for the list of models once.
    with StandIn() as campus:
        campus.facts = {"real-name": {"context_length": 2000}}
        yield campus


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, campus: StandIn, installed: Path
) -> Iterator[LabServer]:
    prompts = ["--AqueductApp.prompts={'Brief': 'Answer in one sentence:'}"]
    folder = tmp_path_factory.mktemp("server")
    with lab_server(folder, campus, python=str(installed), arguments=prompts) as server:
        yield server


def content(standin: StandIn, number: int = -1) -> list[dict[str, Any]]:
    """Give the parts of a question's last message, as the upstream got them."""
    parts: list[dict[str, Any]] = standin.chats[number].json["messages"][-1]["content"]
    return parts


def test_a_plot_goes_as_a_picture_and_a_table_as_a_table(open_lab: Open, standin: StandIn) -> None:
    with open_lab(PLOT, TABLE, again=True) as opened:
        page = opened.page
        opened.run_all()
        opened.expect_output(1, "Segovia")
        chat = ChatOnPage(page, ".aqueduct-sidebar")
        for number in (0, 1):
            page.locator(".jp-CodeCell").nth(number).locator(".jp-InputArea-editor").click()
            page.get_by_role("button", name="Ask about this cell").first.click()
        chips = chat.area.locator(".aqueduct-composer .aqueduct-chip")
        expect(chips).to_have_count(3)
        expect(chips.last).to_contain_text("In[1] of work.ipynb, picture.png")
        expect(chips.last).to_contain_text("1 \N{MULTIPLICATION SIGN} 1")
        assert faults(page, ".aqueduct-sidebar") == []
        chat.screenshot("chips")
        chips.last.get_by_role("button").first.click()
        dialog = chat.area.get_by_role("dialog")
        expect(dialog.get_by_role("img", name="In[1] of work.ipynb, picture.png")).to_be_visible()
        assert faults(page, ".aqueduct-opened") == []
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

        chat.ask("What stands out?")
        chat.expect_whole("Hello")
        plot, table, picture, _ = content(standin)
        assert "[attached: In[1] of work.ipynb, picture.png]" in plot["text"]
        assert "| city | arches |\n| --- | --- |\n| Segovia | 167 |" in table["text"]
        data = picture["image_url"]["url"].removeprefix("data:image/png;base64,")
        assert base64.b64decode(data) == PIXEL


def test_a_drawing_goes_as_a_picture_and_loads_nothing(open_lab: Open, standin: StandIn) -> None:
    with open_lab(DRAWING.format(address=standin.url), again=True) as opened:
        page = opened.page
        opened.run_all()
        chat = ChatOnPage(page, ".aqueduct-sidebar")
        expect(page.locator(".jp-RenderedSVG")).to_have_count(2)
        page.get_by_role("button", name="Ask about this cell").first.click()
        chips = chat.area.locator(".aqueduct-composer .aqueduct-chip")
        drawn = chips.filter(has_text="picture.png")
        expect(drawn).to_contain_text("80 \N{MULTIPLICATION SIGN} 40")
        expect(chat.button("Send")).to_be_disabled()
        chat.ask("What stands out?")
        chat.expect_whole("Hello")
        cell, *pictures, _ = content(standin)
        # Whether a drawing with a page in it can be had is for the browser.
        assert 1 <= len(pictures) <= 2
        assert cell["text"].count("a picture, left out") == 2 - len(pictures)
        url = pictures[0]["image_url"]["url"]
        picture = base64.b64decode(url.removeprefix("data:image/png;base64,"))
        assert struct.unpack(">II", picture[16:24]) == (80, 40)
        assert not [asked for asked in standin.received if "leak" in asked.path]
        assert "hit" not in page.title()


def test_a_variable_goes_along_without_a_cell(open_lab: Open, standin: StandIn) -> None:
    with open_lab("rows = [{'city': 'Segovia', 'arches': 167}]\nrows", "_", again=True) as opened:
        page = opened.page
        opened.run(0)
        opened.expect_output(0, "Segovia")
        chat = open_sidebar(page)
        chat.input.press_sequentially("Mail me@rows: how many rows has @")
        options = chat.options
        for shown in ("Active cell", "list 1", "In[1]"):  # a kernel that takes long comes last
            expect(options.filter(has_text="rows").filter(has_text=shown)).to_have_count(1)
        assert faults(page, ".aqueduct-sidebar") == []
        chat.screenshot("mentions")
        # By the keyboard alone.
        chat.input.press_sequentially("ro")
        expect(options.first).to_have_attribute("aria-selected", "true")
        chat.input.press("Enter")
        chips = chat.area.locator(".aqueduct-composer .aqueduct-chip")
        expect(chips).to_contain_text("rows of work.ipynb")
        expect(chat.input).to_have_value("Mail me@rows: how many rows has ")
        chat.input.press("Enter")
        chat.expect_whole("Hello")
        variable, words = content(standin)
        assert variable["text"].startswith("<rows of work.ipynb>\n")
        assert "Segovia" in variable["text"]
        assert words["text"] == "Mail me@rows: how many rows has "

        expect(page.locator(".jp-CodeCell")).to_have_count(2)
        opened.run(1)
        opened.expect_output(1, "Segovia")
        expect(page.locator(".jp-CodeCell .jp-InputPrompt").nth(1)).to_have_text("[2]:")


def test_another_conversation_goes_along(open_lab: Open, standin: StandIn) -> None:
    with open_lab(again=True) as opened:
        chat = open_sidebar(opened.page)
        chat.ask("About arches")
        chat.expect_whole("Hello")
        chat.button("New conversation").click()
        expect(chat.area.locator(".aqueduct-turn")).to_have_count(0)
        chat.attach("arch", "About arches")
        # The question waits for it.
        chat.ask("And bridges?")
        chat.expect_whole("Hello")
        conversation, _ = content(standin)
        assert conversation["text"].startswith("<conversation About arches>\n")
        assert "Hello" in conversation["text"]


def test_a_busy_kernel_says_so(open_lab: Open) -> None:
    with open_lab("import time\ntime.sleep(60)", again=True) as opened:
        opened.run(0)
        chat = open_sidebar(opened.page)
        chat.button("Attach something (@)").click()
        expect(chat.area.get_by_text("the kernel is busy")).to_be_visible()
        expect(chat.options.first).to_be_visible()
        chat.input.press("Escape")
        expect(chat.input).to_have_value("")


def test_the_selection_of_an_editor_goes_along(
    open_lab: Open, standin: StandIn, server: LabServer
) -> None:
    (server.folder / "mod.py").write_text("def arches():\n    return 167\n")
    with open_lab(again=True) as opened:
        page = opened.page
        page.get_by_role("listitem", name="mod.py").dblclick()
        editor = page.locator(".jp-FileEditor .cm-content")
        expect(editor).to_contain_text("167")
        editor.click()
        page.keyboard.press("Control+a")
        chat = open_sidebar(page)
        chat.attach("", "Selection")
        chat.ask("What is this?")
        chat.expect_whole("Hello")
        selected, _ = content(standin)
        assert selected["text"].startswith("<selection of mod.py>\ndef arches():\n    return 167")


def test_files_of_the_server_are_chosen_and_dropped(
    open_lab: Open, standin: StandIn, server: LabServer
) -> None:
    for name in ("one.txt", "two.txt"):
        (server.folder / name).write_text(f"This is {name}.")
    with open_lab(again=True) as opened:
        page = opened.page
        chat = open_sidebar(page)
        chat.attach("server", "Files of the server")
        dialog = page.locator(".jp-Dialog")
        dialog.get_by_role("listitem", name="one.txt").click()
        dialog.get_by_role("button", name="Select").click()
        chips = chat.area.locator(".aqueduct-composer .aqueduct-chip")
        expect(chips).to_have_count(1)
        expect(chat.input).to_be_focused()

        row = page.locator(".jp-FileBrowser").get_by_role("listitem", name="two.txt")
        start, end = row.bounding_box(), chat.area.get_by_role("log").bounding_box()
        assert start
        assert end
        page.mouse.move(start["x"] + 40, start["y"] + 10)
        page.mouse.down()
        page.mouse.move(end["x"] + 60, end["y"] + 60, steps=8)
        expect(chat.area.locator(".aqueduct-dropping")).to_have_count(1)
        chat.screenshot("dropping")
        page.mouse.up()
        expect(chips).to_have_count(2)
        expect(chat.area.locator(".aqueduct-dropping")).to_have_count(0)
        expect(chat.area.locator("progress")).to_have_count(0)
        chat.ask("What are these?")
        chat.expect_whole("Hello")
        one, two, _ = content(standin)
        assert "This is one.txt." in one["text"]
        assert "This is two.txt." in two["text"]


def test_the_meter_shows_when_the_context_fills(open_lab: Open) -> None:
    with open_lab(again=True) as opened:
        chat = open_sidebar(opened.page)
        meter = chat.area.get_by_role("meter")
        chat.input.fill("arch " * 1000)
        expect(chat.button("Send (Enter)")).to_be_enabled()
        expect(meter).to_have_attribute("aria-valuenow", "63")
        chat.input.fill("arch " * 1480)
        expect(chat.area.get_by_text("almost full")).to_be_visible()
        assert faults(opened.page, ".aqueduct-sidebar") == []
        chat.screenshot("meter")
        chat.input.fill("arch")
        expect(meter).to_have_count(0)
        chat.input.fill("")


def test_a_panel_attaches_the_variables_of_its_kernel(open_lab: Open, standin: StandIn) -> None:
    cell = "rows = [{'city': 'Segovia'}]\nfrom aqueduct_jupyter import ChatPanel\nChatPanel()"
    with open_lab(cell, again=True) as opened:
        opened.run(0)
        chat = ChatOnPage(opened.page, ".aqueduct-widget")
        chat.expect_model("real-name")
        chat.input.press_sequentially("How many? @")
        expect(chat.options).to_contain_text(["rows", "Files of this computer"])
        chat.screenshot("panel-mentions")
        chat.input.press("Enter")
        expect(chat.area.locator(".aqueduct-composer .aqueduct-chip")).to_contain_text("rows")
        assert faults(opened.page, ".aqueduct-widget") == []
        chat.input.press("Enter")
        chat.expect_whole("Hello")
        variable, _ = content(standin)
        assert variable["text"].startswith("<rows>\n")
        assert "Segovia" in variable["text"]


def test_prompts_are_offered_saved_and_used(open_lab: Open, standin: StandIn) -> None:
    with open_lab() as opened:
        page = opened.page
        chat = open_sidebar(page)
        chat.input.fill("Review this code strictly.")
        chat.button("Prompts (/)").click()
        option = chat.options
        expect(option).to_contain_text(["Brief", "Save as a prompt", "Change your prompts"])
        assert faults(page, ".aqueduct-sidebar") == []
        chat.screenshot("prompts")
        option.filter(has_text="Save as a prompt").click()
        page.locator(".jp-Dialog input").fill("Strict")
        page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()
        expect(chat.input).to_be_focused()
        expect(chat.input).to_have_value("Review this code strictly.")

        # They are on the server, not in the browser.
        page.evaluate("localStorage.clear()")
        opened.reload()
        chat.input.fill("")
        chat.input.press_sequentially("/stri")
        expect(option).to_have_count(1)
        chat.input.press("Enter")
        expect(chat.input).to_have_value("Review this code strictly.")
        chat.input.press("Enter")
        chat.expect_whole("Hello")
        assert standin.chats[-1].json["messages"][-1]["content"] == "Review this code strictly."
