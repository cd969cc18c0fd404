"""The chat in JupyterLab's sidebar, from the installed wheel, as people use it."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from ..standin import CUT, DONE, HANG, StandIn, chunk, event, usage_chunk
from .chat import ChatOnPage, faults, open_sidebar, said_in
from .conftest import Open
from .lab import lab
from .server import LabServer, lab_server
from .test_magic import EVIL, harm

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
PDF = Path(__file__).parents[2] / "notebooks" / "aqueduct-of-segovia.pdf"
CODE = "Try this:\n\n```python\nprint(6 * 7)\n```\n\nIt prints 42."
EXPLAINED = """The mean of an **empty** column is `nan`, because there is nothing to divide:

$$\\bar{x} = \\frac{1}{n}\\sum_{i=1}^{n} x_i, \\quad n = 0$$

| column | rows | mean |
|---|---|---|
| price | 3 | 4.0 |
| discount | 0 | nan |

```python
prices = frame["price"].dropna()
print(f"{prices.mean():.2f}")
```

Leave out the empty rows first, as above.
"""


@pytest.fixture(scope="module")
def campus() -> Iterator[StandIn]:
    # A server asks for the list of models once.
    with StandIn(models=["real-name", "other"]) as campus:
        yield campus


def say(standin: StandIn, text: str) -> None:
    words = [chunk(f"{word} ") for word in text.split(" ")]
    standin.stream(*words, usage_chunk(), DONE)


def paste(target: Locator, name: str, kind: str, data: bytes) -> None:
    """Paste a file, as the clipboard holds it."""
    target.evaluate(
        """(node, [name, type, data]) => {
            const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([bytes], name, { type }));
            node.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
        }""",
        [name, kind, base64.b64encode(data).decode()],
    )


def test_it_streams_stops_and_is_there_after_a_reload(open_lab: Open, standin: StandIn) -> None:
    standin.stream(chunk("The first part. "), HANG)
    say(standin, "The second answer.")
    with open_lab() as opened:
        chat = open_sidebar(opened.page)
        chat.choose_model("other")
        chat.ask("What is an aqueduct?\nBriefly!")
        expect(chat.answer()).to_contain_text("The first part.")
        assert not standin.chats[0].client_left.is_set()
        assert standin.chats[0].json["model"] == "other"
        chat.input.press("Escape")
        assert standin.chats[0].client_left.wait(2)
        expect(chat.area.get_by_text("stopped")).to_be_visible()

        chat.ask("Go on")
        chat.expect_whole("The second answer.")
        history = [message["content"] for message in said_in(standin.chats[1])]
        assert history == ["What is an aqueduct?\nBriefly!", "The first part. ", "Go on"]

        chat.input.fill("And a half")
        opened.reload()
        expect(chat.answer()).to_contain_text("The second answer.")
        expect(chat.area.get_by_role("heading", name="What is an aqueduct?")).to_be_visible()
        expect(chat.input).to_have_value("And a half")
        chat.expect_model("other")


WIDE = (
    "| "
    + " | ".join(f"column_{n}" for n in range(14))
    + " |\n"
    + "|--:" * 14
    + "|\n"
    + ("| " + " | ".join("0.142857" for _ in range(14)) + " |\n")
)


def test_an_answer_is_read_to_its_end_and_goes_on(open_lab: Open, standin: StandIn) -> None:
    blocks = "\n\n".join(f"```python\nx{n} = {n}\n```" for n in range(12))
    say(standin, f"{blocks}\n\n{WIDE}")
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}
    standin.stream(chunk("Cut"), event(last), DONE)
    say(standin, "off and on.")
    with open_lab(again=True) as opened:
        chat = open_sidebar(opened.page)
        chat.ask("Show me")
        expect(chat.area.locator("footer.aqueduct-footer")).to_be_visible()
        log = chat.area.get_by_role("log")
        hidden = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
        expect(chat.area.locator("td").first).to_be_in_viewport()
        opened.page.wait_for_function(f"log => ({hidden})(log) < 2", arg=log.element_handle())
        cell = chat.area.locator("td").first
        assert cell.inner_text() == "0.142857"
        height = cell.evaluate("cell => cell.getClientRects()[0].height")
        assert height < 40, "the number is on one line"
        assert cell.evaluate("cell => getComputedStyle(cell).textAlign") == "right"
        table = chat.area.locator(".aqueduct-table")
        assert table.evaluate("table => table.scrollWidth > table.clientWidth")

        newest = chat.button("Jump to the newest")
        expect(newest).to_have_count(0)
        log.evaluate("log => log.scrollTo(0, 0)")
        expect(newest).to_be_in_viewport()
        assert faults(opened.page, ".aqueduct-sidebar") == []
        newest.click()
        expect(newest).to_have_count(0)
        opened.page.wait_for_function(f"log => ({hidden})(log) < 2", arg=log.element_handle())

        chat.ask("Tell me")
        expect(chat.area.get_by_text("cut off at the most tokens")).to_be_visible()
        chat.button("Continue").click()
        chat.expect_whole("off and on.")
        asked = said_in(standin.chats[-1])
        assert asked[-1]["content"].startswith("Continue exactly where you stopped")
        expect(chat.area.get_by_role("button", name="Continue")).to_have_count(0)


def test_conversations_are_found_renamed_exported_and_deleted(
    open_lab: Open, server: LabServer
) -> None:
    with open_lab(again=True) as opened:
        chat = open_sidebar(opened.page)
        page = opened.page
        for words in ("About bridges", "About arches"):
            chat.ask(words)
            chat.expect_whole("Hello")
            chat.button("New conversation").click()
            expect(chat.area.locator(".aqueduct-turn")).to_have_count(0)
        chat.area.locator("summary[aria-label='Conversations']").click()
        expect(chat.area.get_by_label("Search in conversations")).to_be_focused()
        page.keyboard.type("BRIDGE")
        rows = chat.area.locator("details[open] .aqueduct-row")
        expect(rows).to_have_count(1)
        rows.get_by_role("button").first.click()
        expect(chat.area.get_by_text("About bridges").last).to_be_visible()

        chat.menu("More about this conversation", "Rename")
        dialog = page.locator(".jp-Dialog")
        dialog.locator("input").fill("Old bridges")
        dialog.get_by_role("button", name="Ok").click()
        expect(chat.area.get_by_role("heading", name="Old bridges")).to_be_visible()

        (server.folder / "exported").mkdir()
        for kind, ending in (("Notebook", "ipynb"), ("Markdown", "md")):
            chat.export(kind, "exported")
            expect(page.get_by_role("tab", name=f"Old bridges.{ending}")).to_be_visible()
        exported = json.loads((server.folder / "exported" / "Old bridges.ipynb").read_text())
        assert "".join(exported["cells"][0]["source"]) == "**You**\n\nAbout bridges"
        assert "About bridges" in (server.folder / "exported" / "Old bridges.md").read_text()

        chat.menu("More about this conversation", "Delete")
        dialog.get_by_role("button", name="Delete").click()
        expect(chat.area.get_by_role("heading", name="New conversation")).to_be_visible()
        chat.area.locator("summary[aria-label='Conversations']").click()
        expect(rows).to_contain_text(["About arches"])


def test_the_list_is_tidied_row_by_row_and_several_at_once(open_lab: Open) -> None:
    long = "A question about the arches of the aqueduct of Segovia and of all others in Spain"
    with open_lab(again=True) as opened:
        page = opened.page
        chat = open_sidebar(page)
        for words in ("one", "two", long):
            chat.ask(words)
            chat.expect_whole("Hello")
            chat.button("New conversation").click()
            expect(chat.area.locator(".aqueduct-turn")).to_have_count(0)
        chat.area.locator("summary[aria-label='Conversations']").click()
        rows = chat.area.locator(".aqueduct-row")
        expect(rows).to_have_count(3)
        expect(rows.first).to_contain_text("A question about the arches of the aqueduct of Segovia")
        box = chat.area.locator("details[open] .aqueduct-menu-list").bounding_box()
        around = chat.area.bounding_box()
        assert box
        assert around
        assert around["x"] <= box["x"]
        assert box["x"] + box["width"] <= around["x"] + around["width"]
        assert faults(page, ".aqueduct-sidebar") == []
        chat.screenshot("conversations")

        # By keyboard: past the search and the first row to the second, and to its pin.
        chat.area.get_by_label("Search in conversations").focus()
        while "two" not in (page.evaluate("document.activeElement.textContent") or ""):
            page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(chat.area.locator(".aqueduct-list h2")).to_have_text(["Pinned", "Today"])
        expect(rows.first).to_contain_text("two")

        rows.last.hover()
        rows.last.get_by_role("button", name="Rename").click()
        dialog = page.locator(".jp-Dialog")
        dialog.locator("input").fill("the first")
        dialog.get_by_role("button", name="Ok").click()
        expect(rows.last).to_contain_text("the first")

        chat.button("Select several").click()
        rows.first.get_by_role("checkbox").check()
        rows.last.get_by_role("checkbox").check()
        chat.area.get_by_role("button", name="Delete…").click()
        expect(dialog).to_contain_text("Delete 2 conversations?")
        dialog.get_by_role("button", name="Delete").click()
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("A question about")


def test_files_and_images_go_along(open_lab: Open, standin: StandIn, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * (10 * 2**20 + 1))
    with open_lab(again=True) as opened:
        chat = open_sidebar(opened.page)
        files = chat.area.locator("input[type=file]")
        files.set_input_files([PDF, large])
        chips = chat.area.locator(".aqueduct-composer .aqueduct-chip")
        expect(chips.filter(has_text="aqueduct-of-segovia.pdf")).to_be_visible()
        expect(chips.filter(has_text="large.bin")).to_contain_text("is 10 MB")
        paste(chat.input, "shot.png", "image/png", PIXEL)
        expect(chat.area.locator("progress")).to_have_count(0)
        expect(chips).to_have_count(3)
        expect(chips.last).to_contain_text("1 \N{MULTIPLICATION SIGN} 1")
        expect(chips.last.locator("img")).to_be_visible()
        chat.button("Remove large.bin").click()
        chat.ask("What is this?")
        chat.expect_whole("Hello")
        document, image, words = said_in(standin.chats[0])[0]["content"]
        assert "Segovia" in document["text"]
        assert image["image_url"]["url"].startswith("data:image/png;base64,")
        assert words == {"type": "text", "text": "What is this?"}
        sent = chat.area.locator(".aqueduct-question .aqueduct-chip")
        expect(sent).to_have_text(
            ["aqueduct-of-segovia.pdf", "shot.png1 \N{MULTIPLICATION SIGN} 1"]
        )
        expect(chips).to_have_count(0)
        sent.last.get_by_role("button").click()
        expect(chat.area.get_by_role("dialog").get_by_role("img")).to_be_visible()


def test_code_goes_into_the_notebook_at_a_click(open_lab: Open, standin: StandIn) -> None:
    say(standin, CODE)
    with open_lab("print('old')", again=True) as opened:
        page = opened.page
        chat = open_sidebar(page)
        chat.ask("How?")
        chat.expect_whole("It prints 42.")
        cells = page.locator(".jp-CodeCell")
        expect(cells).to_have_count(1)
        chat.button("Insert below").click()
        expect(cells).to_have_count(2)
        expect(cells.nth(1)).to_contain_text("print(6 * 7)")
        chat.button("Run in a new cell").click()
        opened.expect_output(2, "42")

        cells.nth(0).locator(".jp-InputArea-editor").click()
        chat.button("Replace the active cell").click()
        dialog = page.locator(".jp-Dialog")
        expect(dialog.locator("del")).to_have_text("- print('old')\n")
        expect(dialog.locator("ins")).to_have_text("+ print(6 * 7)\n")
        dialog.get_by_role("button", name="Cancel").click()
        expect(cells.nth(0)).to_contain_text("print('old')")
        chat.button("Replace the active cell").click()
        dialog.get_by_role("button", name="Replace").click()
        expect(cells.nth(0)).to_contain_text("print(6 * 7)")


def test_the_notebook_goes_along_and_is_seen_before(open_lab: Open, standin: StandIn) -> None:
    with open_lab("secret = 'xyzzy'", "1/0", again=True) as opened:
        page = opened.page
        opened.run_all()
        opened.expect_output(1, "ZeroDivisionError")
        page.locator(".jp-CodeCell").nth(1).locator(".jp-InputArea-editor").click()
        page.get_by_role("button", name="Explain this error").first.click()
        chat = ChatOnPage(page, ".aqueduct-sidebar")
        chat.expect_whole("Hello")
        context, words = said_in(standin.chats[0])[0]["content"]
        assert context["text"].startswith("<error in In[2] of work.ipynb>\n1/0")
        assert "ZeroDivisionError: division by zero" in context["text"]
        assert "\x1b" not in context["text"]
        assert words["text"] == "Explain this error and how to fix it."

        chat.attach("", "Whole notebook")
        chat.attach("", "Active cell")
        chips = chat.area.locator(".aqueduct-composer .aqueduct-chip")
        expect(chips).to_have_count(2)
        chips.first.get_by_role("button").first.click()
        expect(chat.area.get_by_role("dialog")).to_contain_text("xyzzy")
        page.keyboard.press("Escape")
        chat.button("Remove notebook work.ipynb").click()
        chat.ask("And this?")
        chat.expect_whole("Hello")
        sent = json.dumps(said_in(standin.chats[1])[-1])
        assert "xyzzy" not in sent
        assert "cell In[2]" in sent


def test_questions_are_edited_asked_again_and_deleted(open_lab: Open, standin: StandIn) -> None:
    standin.stream(chunk("half"), CUT)
    with open_lab(again=True) as opened:
        chat = open_sidebar(opened.page)
        turns = chat.area.locator(".aqueduct-turn")
        chat.ask("one")
        expect(chat.area.locator(".aqueduct-turn .aqueduct-error")).to_contain_text("campus")
        chat.button("Try again").click()
        chat.expect_whole("Hello")
        expect(turns).to_have_count(1)
        chat.ask("two")
        expect(turns).to_have_count(2)
        chat.expect_whole("Hello")

        chat.input.press("ArrowUp")
        expect(chat.input).to_have_value("two")
        chat.input.press("Escape")
        expect(chat.input).to_have_value("")
        turns.first.hover()
        turns.first.get_by_role("button", name="Edit and send again").click()
        expect(chat.input).to_have_value("one")
        chat.ask("one, better")
        expect(turns).to_have_count(1)
        chat.expect_whole("Hello")
        assert said_in(standin.chats[-1]) == [{"role": "user", "content": "one, better"}]

        turns.first.hover()
        turns.first.get_by_role("button", name="Delete").click()
        expect(turns).to_have_count(0)


def test_it_answers_while_the_kernel_is_busy_and_a_running_request_can_be_stopped(
    open_lab: Open, standin: StandIn
) -> None:
    with open_lab("import time\ntime.sleep(10)\nprint('awake')", again=True) as opened:
        page = opened.page
        chat = open_sidebar(page)
        opened.run(0)
        expect(page.locator(".jp-InputPrompt").first).to_have_text("[*]:")
        started = time.monotonic()
        chat.ask("Hi")
        chat.expect_whole("Hello")
        assert time.monotonic() - started < 8
        assert "awake" not in opened.output(0)

        standin.stream(chunk("half"), HANG)
        chat.ask("Again")
        expect(chat.answer()).to_contain_text("half")
        page.locator(".aqueduct-status").click()
        page.locator(".aqueduct-requests").get_by_role("button", name="Stop").click()
        assert standin.chats[1].client_left.wait(5)
        expect(chat.area.get_by_text("stopped")).to_be_visible()


def test_what_a_model_says_does_not_run(open_lab: Open, standin: StandIn) -> None:
    text = f"![pixel](https://x.invalid/secret)\n\n{EVIL}"
    standin.stream(*[chunk(letter) for letter in text], usage_chunk(), DONE)
    asked: list[str] = []
    with open_lab(again=True) as opened:
        opened.page.on("request", lambda request: asked.append(request.url))
        chat = open_sidebar(opened.page)
        chat.ask("Hi")
        chat.expect_whole("onerror")
        area = ".aqueduct-markdown"
        assert harm(opened, area) == [0, []]
        assert not [url for url in asked if "x.invalid" in url]
        chat.button("Load image from x.invalid").first.click()
        opened.page.wait_for_timeout(300)
        assert [url for url in asked if "x.invalid" in url]


def test_it_is_made_for_everybody(open_lab: Open, standin: StandIn) -> None:
    say(standin, EXPLAINED)
    with open_lab("frame.mean()", again=True) as opened:
        page = opened.page
        chat = open_sidebar(page)
        assert faults(page, ".aqueduct-sidebar") == []
        chat.attach("", "Active cell")
        chat.ask("Why is this nan?")
        chat.expect_whole("Leave out the empty rows")
        assert faults(page, ".aqueduct-sidebar") == []
        expect(page.locator(".aqueduct-unseen").last).to_contain_text("Answer: The mean")

        # By keyboard alone: from the words back to the answer's buttons.
        chat.input.focus()
        reached = set()
        for _ in range(16):
            page.keyboard.press("Shift+Tab")
            reached.add(page.evaluate("document.activeElement.getAttribute('aria-label')"))
        assert {"Ask again", "Copy the answer", "Run in a new cell", "Conversation"} <= reached


RICH = """\
Tasks:

- [x] aqueduct
- [ ] bridge

Rome[^1] had eleven. \\[\\bar{x} = 1\\] in a line, and money: $3.50 or $7.

שלום עולם, 3 arches

```mermaid
graph LR; Spring-->Aqueduct-->City
```

[^1]: By the year 226.
"""


def test_an_answer_has_tasks_footnotes_diagrams_and_both_directions(
    open_lab: Open, standin: StandIn
) -> None:
    say(standin, RICH)
    with open_lab(again=True) as opened:
        chat = open_sidebar(opened.page)
        chat.ask("Show me")
        chat.expect_whole("Tasks")
        diagram = chat.area.locator("img.aqueduct-diagram")
        expect(diagram).to_be_visible()
        assert diagram.get_attribute("src", timeout=0).startswith("data:image/svg+xml,")
        expect(chat.area.locator(".aqueduct-mark")).to_have_text(["☑", "☐"])
        expect(chat.area.locator("sup")).to_have_text(["1", "1"])
        expect(chat.area.locator("mjx-container")).to_have_count(1)
        expect(chat.answer()).to_contain_text("$3.50 or $7")
        hebrew = chat.answer().locator("p").filter(has_text="שלום")
        assert hebrew.evaluate("node => getComputedStyle(node).direction") == "rtl"
        assert faults(opened.page, ".aqueduct-sidebar") == []
        chat.screenshot("rich")


THEMES = ["JupyterLab Light", "JupyterLab Dark"]


@pytest.mark.parametrize("theme", THEMES)
def test_it_looks_well(open_lab: Open, standin: StandIn, server: LabServer, theme: str) -> None:
    settings = (
        server.folder / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    )
    settings.mkdir(parents=True)
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    name = theme.split()[-1].lower()
    say(standin, EXPLAINED)
    cell = "frame = pandas.read_csv('prices.csv')\nframe.mean()"
    with open_lab(cell, "ChatPanel(height=360)") as opened:
        page = opened.page
        chat = open_sidebar(page)
        chat.expect_model("real-name")
        page.evaluate("document.fonts.ready")
        # Drawn before anybody opened the sidebar, and yet as high as its two rows.
        assert chat.input.evaluate("area => area.clientHeight") > 30
        chat.screenshot(f"empty-{name}")
        handle = page.locator(".lm-SplitPanel-handle:visible").last
        box = handle.bounding_box()
        assert box
        page.mouse.move(box["x"] + 2, box["y"] + 300)
        page.mouse.down()
        page.mouse.move(box["x"] - 240, box["y"] + 300)
        page.mouse.up()
        chat.attach("", "Active cell")
        chat.ask("Why is the mean of the discount nan?")
        chat.expect_whole("Leave out the empty rows")
        expect(chat.area.locator("mjx-container").first).to_be_visible()
        page.mouse.move(10, 10)
        chat.screenshot(f"sidebar-{name}")
        page.set_viewport_size({"width": 760, "height": 700})
        chat.screenshot(f"narrow-{name}")
        back = page.evaluate(
            "getComputedStyle(document.querySelector('.aqueduct-chat')).background"
        )
        assert ("rgb(255, 255, 255)" in back) == (name == "light")
        assert faults(page, ".aqueduct-sidebar") == []


def test_where_no_model_is_the_chat_connects_a_service(
    tmp_path: Path, standin: StandIn, installed: Path, browser: Browser
) -> None:
    without = ["--AqueductApp.upstreams={}"]
    with (
        lab_server(tmp_path, standin, python=str(installed), arguments=without) as server,
        lab(server, browser, "1") as opened,
    ):
        chat = open_sidebar(opened.page)
        expect(chat.area.get_by_text("This server has no language model yet")).to_be_visible()
        chat.screenshot("first-minute")
        assert faults(opened.page, ".aqueduct-sidebar") == []
        chat.button("Connect a service").click()
        chat.area.get_by_label("Address").fill("http://127.0.0.1:9/v1")
        expect(chat.area.get_by_label("Name on this server")).to_have_value("own")
        chat.button("Connect").click()
        expect(chat.area.get_by_role("alert")).to_contain_text("Check the address and the key")
        chat.area.get_by_label("Address").fill(standin.url)
        chat.area.get_by_label("Key, if it needs one").fill("sk-own-secret")
        chat.screenshot("first-minute-service")
        assert faults(opened.page, ".aqueduct-sidebar") == []
        chat.button("Connect").click()
        chat.expect_model("real-name")
        chat.ask("Hi")
        chat.expect_whole("Hello")
        assert standin.chats[-1].headers["authorization"] == "Bearer sk-own-secret"
        key = tmp_path / "data" / "aqueduct" / "keys" / "own"
        assert key.stat().st_mode & 0o777 == 0o400


def test_where_no_model_is_the_chat_gets_the_small_one(
    tmp_path: Path, standin: StandIn, browser: Browser, weights: Path
) -> None:
    without = ["--AqueductApp.upstreams={}"]
    with (
        # The tests' own environment, because it has the model's engine.
        lab_server(tmp_path, standin, python=sys.executable, arguments=without) as server,
        lab(server, browser, "1") as opened,
    ):
        chat = open_sidebar(opened.page)
        # What is there already need not be loaded from the network.
        models = tmp_path / "data" / "aqueduct" / "models"
        models.mkdir(parents=True)
        (models / weights.name).symlink_to(weights)
        chat.button("Get the small model").click()

        chat.expect_model("smollm2-135m-instruct")
        chat.area.locator("summary[aria-label^='Model: ']").click()
        expect(chat.area.get_by_role("heading", name="A demonstration")).to_be_visible()
        chat.screenshot("first-minute-model")
        assert faults(opened.page, ".aqueduct-sidebar") == []
        opened.page.keyboard.press("Escape")
        chat.ask("Say hello.")
        expect(chat.area.locator(".aqueduct-turn[data-state=whole]")).to_be_visible()


def test_an_upstream_that_is_gone_is_a_card_with_retry(open_lab: Open, standin: StandIn) -> None:
    with open_lab() as opened:
        chat = open_sidebar(opened.page)
        chat.ask("Hi")
        chat.expect_whole("Hello")
        standin.stop()
        chat.ask("Still there?")
        card = chat.area.locator(".aqueduct-turn .aqueduct-error")
        expect(card).to_contain_text("campus")
        expect(card.get_by_role("button", name="Try again")).to_be_enabled()
