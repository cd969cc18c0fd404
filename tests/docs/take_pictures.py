"""``make pictures``: JupyterLab with the chat, as the documentation shows it.

The answers are scripted by the stand-in upstream, so a picture changes only with what it shows.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, expect

from ..browser.chat import ChatOnPage, open_sidebar
from ..browser.chromium import running_browser
from ..browser.lab import Lab, lab
from ..browser.server import lab_server
from ..installed import build_wheel, install_wheel
from ..standin import DONE, StandIn, chunk, usage_chunk
from .examples import DOCS

from cells import EXAMPLES  # isort: skip  # the documentation's own, found by .examples

IMAGES = DOCS / "images"
LARGEST = 200_000
"""Bytes of a picture."""

SIDEBAR = 560
"""Pixels by which the sidebar is drawn wider than JupyterLab opens it."""

BESIDE = 28
"""Pixels of the page that are shown around a part of it."""

MEAN = """The mean of an **empty** list is not defined, because there is nothing to divide by:

$$\\bar{x} = \\frac{1}{n}\\sum_{i=1}^{n} x_i, \\quad n = 0$$

| column | values | mean |
|---|---|---|
| price | 3 | 4.0 |
| discount | 0 | |

```python
from statistics import fmean

for name, values in columns.items():
    print(name, fmean(values) if values else "empty")
```

Ask first whether there are values, as above.
"""
ERROR = """`height` is not defined. The list is called `heights`:

```python
average = sum(heights) / len(heights)
```
"""
ARCHES = """The aqueduct of Segovia has **167 arches**, most of them without mortar.

| aqueduct | arches |
|---|---|
| Segovia | 167 |
| Pont du Gard | 60 |
"""
MEANS = """columns = {"price": [3.0, 4.0, 5.0], "discount": []}

for name, values in columns.items():
    print(name, sum(values) / len(values))"""
FAILING = "heights = [28.5, 48.8, 25.0]\naverage = sum(heights) / len(height)"
CELLS = ("prices = load('prices.csv')", "prices['price'].mean()")
CHANGES = """Rows without a price would make the mean `nan`:

```python after={load}
prices = prices.dropna(subset=["price"])
```

```python replace={mean}
prices["price"].mean().round(2)
```
"""
HELLO = "Hello! What would you like to know about your data?"
LOAD = "%load_ext aqueduct_jupyter"
ASK = "%%chat --with report.pdf\nWhat stands out in this report?"
PANEL = """from aqueduct_jupyter import ChatPanel

df = {"Segovia": 167, "Pont du Gard": 60}
panel = ChatPanel(system="Answer briefly.", height=440, attachments=["df"])
panel"""


def main() -> None:
    python = str(install_wheel(build_wheel()))
    IMAGES.mkdir(exist_ok=True)
    for theme, ending in (("JupyterLab Light", ""), ("JupyterLab Dark", "-dark")):
        with _opened(python, MEAN, MEANS, theme=theme) as opened:
            opened.run(0)
            opened.expect_output(0, "ZeroDivisionError")
            opened.page.locator(".jp-InputArea-editor").first.click()
            chat = _wide_sidebar(opened.page)
            chat.attach("", "Active cell")
            chat.ask("Why is there no mean of the discount?")
            _settled(chat, "Ask first whether")
            expect(chat.area.locator("mjx-container").first).to_be_visible()
            _keep(opened.page, f"sidebar{ending}")
    with _opened(python, MEAN, MEANS) as opened:
        _parts_of_the_sidebar(opened)
    with _opened(python, ERROR, FAILING) as opened:
        _error(opened)
    with _opened(python, ARCHES, PANEL) as opened:
        _panel(opened)
    with _opened(python, ARCHES, LOAD, ASK) as opened:
        opened.run(0)
        opened.run(1)
        opened.expect_output(1, "tokens")
        _keep(opened.page, "chat", _cells(opened.page))
    with _opened(python, "", *CELLS) as opened:
        _changes(opened)
    with _opened(python, HELLO, "1 + 1", arguments=["--AqueductApp.upstreams={}"]) as opened:
        _first_minute(opened)


def _parts_of_the_sidebar(opened: Lab) -> None:
    page = opened.page
    opened.run(0)
    opened.expect_output(0, "ZeroDivisionError")
    page.locator(".jp-InputArea-editor").first.click()
    chat = _wide_sidebar(page)
    chat.attach("", "Active cell")
    chat.button("Attach something (@)").click()
    expect(chat.area.get_by_role("option").first).to_be_visible()
    page.wait_for_timeout(300)
    composer = chat.area.locator(".aqueduct-composer").bounding_box()
    mentions = chat.area.locator(".aqueduct-mentions").bounding_box()
    assert composer
    assert mentions
    top = mentions["y"] - 8
    _keep(
        page, "attach", {**composer, "y": top, "height": composer["y"] + composer["height"] - top}
    )
    chat.input.press("Escape")
    chat.ask("Why is there no mean of the discount?")
    _settled(chat, "Ask first whether")
    chat.button("Replace the active cell").click()
    dialog = page.locator(".jp-Dialog-content")
    expect(dialog).to_be_visible()
    _keep(page, "replace", _around(dialog))
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    for words in ("How old are Roman bridges?", "What is a weighted mean?"):
        chat.button("New conversation").click()
        chat.ask(words)
        chat.expect_whole("Hello")
    chat.area.locator("summary[aria-label='Conversations']").click()
    expect(chat.area.get_by_label("Search in conversations")).to_be_visible()
    page.wait_for_timeout(500)
    area = chat.area.bounding_box()
    assert area
    _keep(page, "conversations", {**area, "height": 200})


def _error(opened: Lab) -> None:
    page = opened.page
    opened.run(0)
    opened.expect_output(0, "NameError")
    chat = _wide_sidebar(page)
    page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
    page.get_by_role("button", name="Explain this error").first.click()
    _settled(chat, "is not defined")
    page.locator(".jp-CodeCell .jp-InputArea-editor").first.hover()
    page.wait_for_timeout(500)
    _keep(page, "error", {"x": 0, "y": 0, "width": 1280, "height": 420})


def _panel(opened: Lab) -> None:
    opened.run(0)
    chat = ChatOnPage(opened.page, ".aqueduct-widget")
    chat.expect_model("llama")
    chat.ask("Which has more arches?")
    _settled(chat, "most of them")
    opened.page.wait_for_timeout(500)
    _keep(opened.page, "panel", _cells(opened.page))


def _changes(opened: Lab) -> None:
    page = opened.page
    chat = _wide_sidebar(page)
    page.get_by_role("menuitem", name="Chat", exact=True).click()
    page.get_by_role("menuitem", name="Propose changes to this notebook").click()
    load, mean = (cell["id"] for cell in nbformat.read(opened.path, as_version=4)["cells"])
    answer = CHANGES.format(load=load, mean=mean)
    standin = opened.upstream
    standin.begin_anew()
    standin.stream(chunk(answer), usage_chunk(38, 61), DONE)
    chat.ask("Leave out the rows without a price.")
    expect(page.locator(".aqueduct-change")).to_have_count(2)
    page.mouse.move(700, 4)
    page.wait_for_timeout(500)
    _keep(page, "changes", {"x": 0, "y": 0, "width": 1280, "height": 460})


def _first_minute(opened: Lab) -> None:
    page = opened.page
    chat = open_sidebar(page)
    expect(chat.button("Connect a service")).to_be_visible()
    area = chat.area.bounding_box()
    assert area
    _keep(page, "first-minute-1", area)
    chat.button("Connect a service").click()
    chat.area.get_by_label("Address").fill(opened.upstream.url)
    chat.area.get_by_label("Name on this server").fill("campus")
    _keep(page, "first-minute-2", area)
    chat.button("Connect").click()
    chat.expect_model("llama")
    chat.ask("Hello!")
    _settled(chat, "What would you like")
    _keep(page, "first-minute-3", area)


def _settled(chat: ChatOnPage, words: str) -> None:
    chat.expect_whole(words)
    chat.page.mouse.move(700, 4)
    chat.page.wait_for_timeout(500)


@contextmanager
def _opened(
    python: str,
    answer: str,
    *cells: str,
    theme: str = "JupyterLab Light",
    arguments: Sequence[str] = (),
) -> Iterator[Lab]:
    """Open a notebook of some cells, before a stand-in that gives one answer."""
    with tempfile.TemporaryDirectory() as name, StandIn(["llama"]) as standin:
        folder = Path(name)
        settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab"
        for plugin, words in (
            ("themes", {"theme": theme}),
            ("notification", {"fetchNews": "false", "checkForUpdates": False}),
        ):
            file = settings / "apputils-extension" / f"{plugin}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(words))
        shutil.copy(EXAMPLES / "report.pdf", folder)
        pieces = [chunk(f"{word} ") for word in answer.split(" ")]
        standin.stream(*pieces, usage_chunk(38, 61), DONE)
        with (
            lab_server(folder, standin, python=python, arguments=arguments) as server,
            running_browser() as browser,
            lab(server, browser, *cells) as opened,
        ):
            page = opened.page
            page.get_by_role("tab", name="File Browser").click()  # shut: it shows a folder of ours
            page.evaluate("document.fonts.ready")
            try:
                yield opened
            except Exception:
                page.screenshot(path=DOCS.parent / "build" / "picture-failed.png")
                raise


def _wide_sidebar(page: Page) -> ChatOnPage:
    chat = open_sidebar(page)
    chat.expect_model("llama")
    box = page.locator(".lm-SplitPanel-handle:visible").last.bounding_box()
    assert box
    page.mouse.move(box["x"] + 2, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(1280 - SIDEBAR, box["y"] + 300)
    page.mouse.up()
    return chat


def _around(part: Locator) -> FloatRect:
    box = part.bounding_box()
    assert box
    return {
        "x": max(0, box["x"] - BESIDE),
        "y": max(0, box["y"] - BESIDE),
        "width": box["width"] + 2 * BESIDE,
        "height": box["height"] + 2 * BESIDE,
    }


def _cells(page: Page) -> FloatRect:
    """Give the place of the notebook's cells, without what is above, beside and below them."""
    notebook = page.locator(".jp-Notebook").bounding_box()
    last = page.locator(".jp-Cell").last.bounding_box()
    assert notebook
    assert last
    height = last["y"] + last["height"] - notebook["y"]
    return {**notebook, "height": height + 12}


def _keep(page: Page, name: str, clip: FloatRect | None = None) -> None:
    """Keep a picture of the page, or of a part of it."""
    taken = Image.open(io.BytesIO(page.screenshot(clip=clip)))
    path = IMAGES / f"{name}.webp"
    taken.convert("RGB").save(path, lossless=True, method=6)
    size = path.stat().st_size
    assert size < LARGEST, f"{path.name} has {size} bytes"
    sys.stdout.write(f"{path.name}: {size // 1000} kB\n")


if __name__ == "__main__":
    main()
