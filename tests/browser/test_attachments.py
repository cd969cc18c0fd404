"""What goes along with a question: chosen in the composer, seen in chips, and asserted upstream."""

from __future__ import annotations

import base64
from typing import Any

from playwright.sync_api import expect

from ..standin import StandIn
from .chat import ChatOnPage, faults
from .conftest import Open
from .test_sidebar import PIXEL

PLOT = f"""from IPython.display import display
plot = {base64.b64encode(PIXEL).decode()!r}
display({{"image/png": plot, "text/plain": "<Figure>"}}, raw=True)"""
TABLE = """class Frame:
    def _repr_html_(self):
        rows = "<tr><th>city</th><th>arches</th></tr><tr><td>Segovia</td><td>167</td></tr>"
        return f"<table>{rows}</table>"
Frame()"""


def content(standin: StandIn, number: int = -1) -> list[dict[str, Any]]:
    """Give the parts of a question's last message, as the upstream got them."""
    parts: list[dict[str, Any]] = standin.chats[number].json["messages"][-1]["content"]
    return parts


def test_a_plot_goes_as_a_picture_and_a_table_as_a_table(open_lab: Open, standin: StandIn) -> None:
    with open_lab(PLOT, TABLE) as opened:
        page = opened.page
        opened.run_all()
        opened.expect_output(1, "Segovia")
        chat = ChatOnPage(page, ".aqueduct-sidebar")
        for number in (0, 1):
            page.locator(".jp-CodeCell").nth(number).locator(".jp-InputArea-editor").click()
            page.get_by_role("button", name="Ask about this cell").first.click()
        chips = chat.area.locator(".aqueduct-composer .aqueduct-chip")
        expect(chips).to_have_count(3)
        expect(chips.last).to_contain_text("In[1] of work.png")
        expect(chips.last).to_contain_text("1 \N{MULTIPLICATION SIGN} 1")
        assert faults(page, ".aqueduct-sidebar") == []
        chat.screenshot("chips")
        chips.last.get_by_role("button").first.click()
        dialog = chat.area.get_by_role("dialog")
        expect(dialog.get_by_role("img", name="In[1] of work.png")).to_be_visible()
        assert faults(page, ".aqueduct-opened") == []
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

        chat.ask("What stands out?")
        chat.expect_whole("Hello")
        plot, table, picture, _ = content(standin)
        assert "[the picture In[1] of work.png]" in plot["text"]
        assert "| city | arches |\n| --- | --- |\n| Segovia | 167 |" in table["text"]
        data = picture["image_url"]["url"].removeprefix("data:image/png;base64,")
        assert base64.b64decode(data) == PIXEL
