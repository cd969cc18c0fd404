"""``ChatPanel()`` on real pages, from the installed wheel: in JupyterLab and in Notebook 7."""

from __future__ import annotations

import time

import nbformat
import pytest
from playwright.sync_api import expect

from ..standin import CUT, DONE, HANG, StandIn, chunk, usage_chunk
from .chat import ChatOnPage, faults
from .conftest import Open
from .lab import Lab
from .test_magic import EVIL, harm
from .test_sidebar import CODE, EXPLAINED, PDF, say

PANEL = "from aqueduct_jupyter import ChatPanel\npanel = ChatPanel(height=420)\npanel"
SLEEP = "import time\ntime.sleep(10)\nprint('awake')"
PLACES = pytest.mark.parametrize("app", ["lab/tree", "notebooks"], ids=["JupyterLab", "Notebook"])


def panel_of(opened: Lab) -> ChatOnPage:
    chat = ChatOnPage(opened.page, ".aqueduct-widget")
    chat.expect_model("real-name")
    return chat


@PLACES
def test_it_streams_stops_and_shares_the_magics_conversation(
    open_lab: Open, standin: StandIn, app: str
) -> None:
    standin.stream(chunk("The first part. "), HANG)
    say(standin, EXPLAINED)
    cells = (PANEL, "%%chat\nAnd now?")
    with open_lab(*cells, app=app, again=True) as opened:
        opened.run(0)
        chat = panel_of(opened)
        assert faults(opened.page, ".aqueduct-widget") == []
        chat.ask("What is an aqueduct?")
        expect(chat.answer()).to_contain_text("The first part.")
        chat.button("Stop").click()
        assert standin.chats[0].client_left.wait(3)
        expect(chat.area.get_by_text("stopped")).to_be_visible()
        chat.ask("Go on")
        chat.expect_whole("Leave out the empty rows")
        expect(chat.area.locator("mjx-container").first).to_be_visible()
        assert faults(opened.page, ".aqueduct-widget") == []
        chat.screenshot(f"panel-{app.split('/', maxsplit=1)[0]}")

        opened.run(1)
        expect(chat.area.locator(".aqueduct-turn")).to_have_count(3)
        chat.expect_whole("Hello")
        history = [message["content"] for message in standin.chats[2].json["messages"]]
        assert history[:3] == ["What is an aqueduct?", "The first part. ", "Go on"]
        kept = opened.page.locator("[class^=aqueduct-transcript-]")
        expect(kept).to_be_hidden()


def test_two_panels_of_one_conversation_show_an_answer_as_it_comes(
    open_lab: Open, standin: StandIn
) -> None:
    standin.stream(chunk("The first part. "), HANG)
    with open_lab(PANEL, "ChatPanel(height=420)", again=True) as opened:
        opened.run_all()
        first, second = (
            ChatOnPage(opened.page, f".jp-Cell >> nth={number} >> .aqueduct-widget")
            for number in range(2)
        )
        second.expect_model("real-name")
        first.expect_model("real-name")
        first.ask("What is an aqueduct?")
        expect(second.answer()).to_contain_text("The first part.")
        expect(second.area.locator(".aqueduct-turn")).to_have_attribute("data-state", "running")
        second.button("Stop").click()
        assert standin.chats[0].client_left.wait(3)
        for chat in (first, second):
            expect(chat.area.get_by_text("stopped")).to_be_visible()
            expect(chat.button("Stop")).to_have_count(0)
        first.area.locator("summary[aria-label='Parameters']").click()
        temperature = first.area.get_by_label("Temperature (0 to 2)")
        temperature.fill("0.5")
        # Which sends no question, though the field is in the composer.
        temperature.press("Enter")
        expect(second.area.locator("summary[aria-label='Parameters (changed)']")).to_be_visible()
        assert faults(opened.page, ".aqueduct-widget") == []
        first.screenshot("panel-parameters")
        second.ask("Go on")
        first.expect_whole("Hello")
        assert [chat.json.get("temperature") for chat in standin.chats] == [None, 0.5]


def test_one_goes_back_to_other_versions_and_goes_on_after_a_fault(
    open_lab: Open, standin: StandIn
) -> None:
    for text in ("The first.", "The second."):
        standin.stream(chunk(text), usage_chunk(), DONE)
    standin.stream(chunk("half of "), CUT)
    with open_lab(PANEL, again=True) as opened:
        opened.run(0)
        chat = panel_of(opened)
        chat.ask("Hi")
        chat.expect_whole("The first.")
        chat.button("Ask again").click()
        chat.expect_whole("The second.")
        expect(chat.area.get_by_role("group", name="Version 2 of 2")).to_be_visible()
        chat.button("Previous version").click()
        chat.expect_whole("The first.")
        chat.button("Delete this question").click()
        expect(chat.area.locator(".aqueduct-turn")).to_have_count(0)
        chat.button("Undo").click()
        chat.expect_whole("The first.")
        expect(chat.area.get_by_role("group", name="Version 1 of 2")).to_be_visible()
        chat.ask("More")
        chat.button("Continue").click()
        chat.expect_whole("Hello")
        asked = [message["content"] for message in standin.chats[-1].json["messages"]]
        assert asked[:4] == ["Hi", "The first.", "More", "half of "]


def test_it_answers_while_a_cell_sleeps_for_ten_seconds(open_lab: Open, standin: StandIn) -> None:
    with open_lab(PANEL, SLEEP, again=True) as opened:
        # Both at once: the panel has not said a word when the kernel falls asleep.
        opened.run_all()
        chat = ChatOnPage(opened.page, ".aqueduct-widget")
        expect(opened.page.locator(".jp-InputPrompt").nth(1)).to_have_text("[*]:")
        started = time.monotonic()
        chat.ask("Hi")
        chat.expect_whole("Hello")
        standin.stream(chunk("half"), HANG)
        chat.ask("Again")
        expect(chat.answer()).to_contain_text("half")
        chat.input.press("Escape")
        assert standin.chats[1].client_left.wait(3)
        assert time.monotonic() - started < 9
        assert "awake" not in opened.output(1)
        opened.expect_output(1, "awake")


def test_files_go_along_and_code_comes_back(open_lab: Open, standin: StandIn) -> None:
    say(standin, CODE)
    cell = "frame = {'a': 1}\n" + PANEL.replace("height=420", "attachments=[frame]")
    with open_lab(cell, again=True) as opened:
        opened.run(0)
        chat = panel_of(opened)
        chat.area.locator("input[type=file]").set_input_files(PDF)
        expect(chat.area.locator("progress")).to_have_count(0)
        expect(chat.area.locator(".aqueduct-chip")).to_have_count(2)
        chat.ask("What is this?")
        chat.expect_whole("It prints 42.")
        frame, document, _ = standin.chats[0].json["messages"][0]["content"]
        assert frame["text"].startswith("<frame>")
        assert "Segovia" in document["text"]
        chat.button("Insert below").click()
        expect(opened.page.locator(".jp-CodeCell").nth(1)).to_contain_text("print(6 * 7)")


def test_what_a_model_says_does_not_run_neither_live_nor_kept(
    open_lab: Open, standin: StandIn
) -> None:
    standin.stream(*[chunk(letter) for letter in EVIL], usage_chunk(), DONE)
    with open_lab(PANEL, again=True) as opened:
        page = opened.page
        opened.run(0)
        chat = panel_of(opened)
        chat.ask("Hi")
        chat.expect_whole("onerror")
        assert harm(opened, ".aqueduct-markdown") == [0, []]
        page.locator(".jp-InputArea-editor").click()
        opened.save()
        # A reader without a kernel sees what was said.
        page.goto("about:blank")
        opened.open()
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name="Shut Down Kernel", exact=True).click()
        opened.reload()
        kept = page.locator("[class^=aqueduct-transcript-]")
        expect(kept).to_contain_text("onerror")
        expect(kept).to_contain_text("Run the cell to go on.")
        expect(kept).to_be_visible()
        # It stands in the place of ipywidgets' own error.
        expect(page.get_by_text("model not found")).to_be_attached()
        expect(page.get_by_text("model not found")).to_be_hidden()
        assert harm(opened, "[class^=aqueduct-transcript-]") == [0, []]


def test_a_reloaded_page_finds_the_panel_again(open_lab: Open, standin: StandIn) -> None:
    with open_lab(PANEL, again=True) as opened:
        page = opened.page
        opened.run(0)
        chat = panel_of(opened)
        chat.ask("Hi")
        chat.expect_whole("Hello")
        page.locator(".jp-InputArea-editor").click()
        opened.save()
        page.reload()
        chat.expect_whole("Hello")
        chat.expect_model("real-name")
        chat.ask("Again")
        expect(chat.area.locator(".aqueduct-turn")).to_have_count(2)
        chat.expect_whole("Hello")
        page.locator(".jp-InputArea-editor").click()
        opened.save()
        # JupyterLab itself updates an output only on the page that ran its cell.
        _, kept = nbformat.read(opened.path, as_version=4).cells[0].outputs
        assert "You: Again" in kept.data["text/plain"]
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name="Restart Kernel", exact=False).first.click()
        # The server fails at ending a kernel that it is still starting again.
        with page.expect_response(lambda response: "/restart" in response.url):
            page.locator(".jp-Dialog").get_by_role("button", name="Confirm Kernel Restart").click()
        chat.ask("Anybody?")
        expect(chat.area.get_by_text("The kernel was restarted")).to_be_visible()
        expect(chat.input).to_have_value("Anybody?")


def test_the_sidebar_is_in_notebook_7_too(open_lab: Open, standin: StandIn) -> None:
    with open_lab("1", app="notebooks") as opened:
        page = opened.page
        page.get_by_role("menuitem", name="Chat", exact=True).click()
        page.locator(".lm-Menu [data-command='aqueduct:open-chat']").click()
        chat = ChatOnPage(page, ".aqueduct-sidebar")
        chat.ask("Hi")
        chat.expect_whole("Hello")
        chat.screenshot("sidebar-notebook")
