"""What the chat does in a notebook: where code goes, and what an answer proposes."""

from __future__ import annotations

import json

import nbformat
from playwright.sync_api import Locator, Page, expect

from ..standin import StandIn
from .chat import ChatOnPage, faults, open_sidebar
from .conftest import Open
from .server import LabServer
from .test_sidebar import say

CODE = "Try:\n\n```python\nprint(6 * 7)\n```\n\n```bash\necho shell\n```\n\n```json\n{}\n```"


def cells_of(page: Page) -> Locator:
    """Give the cells of the notebook on the screen."""
    return page.locator(".jp-Notebook:visible .jp-Cell")


def test_code_goes_where_the_user_looks_and_one_undo_takes_it_back(
    open_lab: Open, standin: StandIn, server: LabServer
) -> None:
    say(standin, CODE)
    (server.folder / "mod.py").write_text("x = 1\n")
    with open_lab("print('old')", again=True) as opened:
        page = opened.page
        chat = open_sidebar(page)
        chat.ask("How?")
        chat.expect_whole("Try")
        blocks = chat.area.locator(".aqueduct-code-block")
        expect(blocks.nth(2).get_by_role("button", name="Run in a new cell")).to_have_count(0)

        blocks.nth(0).get_by_role("button", name="Insert below").click()
        cells = cells_of(page)
        expect(cells).to_have_count(2)
        expect(cells.nth(1)).to_be_in_viewport()
        chat.input.focus()
        page.keyboard.press("Control+z")
        expect(cells).to_have_count(1)

        blocks.nth(1).get_by_role("button", name="Run in a new cell").click()
        opened.expect_output(1, "shell")
        expect(cells.nth(1)).to_contain_text("%%bash")

        page.get_by_role("listitem", name="mod.py").dblclick()
        expect(page.locator(".jp-FileEditor:visible")).to_be_visible()
        expect(page.locator(".jp-Notebook:visible")).to_have_count(0)
        blocks.nth(0).get_by_role("button", name="Run in a new cell").click()
        dialog = page.locator(".jp-Dialog")
        expect(dialog).to_contain_text("Into which notebook?")
        dialog.get_by_role("button", name="Cancel").click()
        blocks.nth(0).get_by_role("button", name="Insert below").click()
        dialog.get_by_role("button", name="Choose").click()
        expect(cells).to_have_count(3)
        expect(cells.filter(has_text="print(6 * 7)")).to_be_in_viewport()
        new = cells.filter(has_text="print(6 * 7)")
        expect(new.locator(".jp-OutputArea-output")).to_have_count(0)

        page.get_by_role("button", name="New Launcher").first.click()
        page.locator(".jp-LauncherCard[title='Chat with a model beside the notebook']").click()
        expect(chat.input).to_be_focused()


def test_proposed_changes_stand_in_the_notebook_and_are_accepted_refused_and_taken_back(
    open_lab: Open, standin: StandIn
) -> None:
    with open_lab("frame = load()", "frame.mean()", "print('obsolete')", "4", again=True) as opened:
        page = opened.page
        chat = open_sidebar(page)
        page.get_by_role("menuitem", name="Chat", exact=True).click()
        page.get_by_role("menuitem", name="Propose changes to this notebook").click()
        page.keyboard.press("Control+s")
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
        first, second, third, _ = (
            cell["id"] for cell in nbformat.read(opened.path, as_version=4)["cells"]
        )
        say(
            standin,
            f"```python replace={second}\nframe.median()\n```\n"
            f"```markdown after={first}\n# Middle\n```\n"
            f"```delete={third}\n```\n",
        )
        chat.ask("Use the median")
        changes = page.locator(".aqueduct-change")
        expect(changes).to_have_count(3)
        told = json.dumps(standin.chats[0].json["messages"][-1])
        assert f"cell={first}" in told
        assert "frame.mean()" in told
        changed = page.get_by_role("region", name="Change cell 2")
        expect(changed.locator("del")).to_have_text("- frame.mean()")
        expect(changed.locator("ins mark")).to_have_text("median")
        assert faults(page, ".jp-NotebookPanel .aqueduct-review") == []
        assert faults(page, ".aqueduct-change") == []
        cells = cells_of(page)
        expect(cells).to_have_count(4)

        expect(page.locator(".aqueduct-review")).to_have_text(
            "3 proposed changesAccept allRefuse all"
        )
        chat.screenshot("proposed-changes")
        changed.get_by_role("button", name="Accept").click()
        expect(changes).to_have_count(2)
        expect(cells.nth(1)).to_contain_text("frame.median()")
        page.keyboard.press("Control+z")
        expect(cells.nth(1)).to_contain_text("frame.mean()")

        page.get_by_role("button", name="Accept all").click()
        expect(changes).to_have_count(0)
        expect(cells).to_have_count(4)
        expect(cells.filter(has_text="obsolete")).to_have_count(0)
        expect(cells.nth(1)).to_contain_text("Middle")
        chat.input.focus()
        page.keyboard.press("Control+z")
        expect(cells.filter(has_text="obsolete")).to_have_count(1)
        expect(cells.filter(has_text="Middle")).to_have_count(0)

        cells.nth(1).locator(".cm-content").click()
        page.keyboard.type("0")
        chat.button("Show in the notebook").click()
        expect(changes).to_have_count(3)
        changed = page.get_by_role("region", name="Change cell 2")
        expect(changed).to_contain_text("has changed since the model saw it")
        expect(changed.get_by_role("button", name="Accept")).to_have_count(0)
        page.get_by_role("button", name="Refuse all").click()
        expect(changes).to_have_count(0)
        expect(cells).to_have_count(4)


def test_improving_a_cell_ends_in_its_difference(open_lab: Open, standin: StandIn) -> None:
    with open_lab("x = [i for i in range(9)]", again=True) as opened:
        page = opened.page
        cell = nbformat.read(opened.path, as_version=4)["cells"][0]["id"]
        say(standin, f"Shorter.\n```python replace={cell}\nx = list(range(9))\n```\n")
        page.locator(".jp-CodeCell .cm-content").click()
        page.get_by_role("menuitem", name="Chat", exact=True).click()
        page.get_by_role("menuitem", name="Improve this cell").click()
        chat = ChatOnPage(page, ".aqueduct-sidebar")
        change = page.get_by_role("region", name="Change cell 1")
        expect(change.locator("ins")).to_have_text("+ x = list(range(9))")
        change.get_by_role("button", name="Accept").click()
        expect(page.locator(".jp-CodeCell")).to_contain_text("x = list(range(9))")
        chat.expect_whole("Shorter.")
