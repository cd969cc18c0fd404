"""What the chat costs on a page: its first paint, the frames while it streams, and long lists.

All are measured by the page's own clock, in JupyterLab from the installed wheel. Milliseconds
depend on the machine and on what else it does. So most lines also have a ratio, to something small
that was measured on the same page, and streaming has the CPU time of the page's own thread.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from ..browser.chat import ChatOnPage, open_sidebar
from ..browser.chromium import running_browser
from ..browser.lab import lab
from ..browser.server import lab_server
from ..installed import build_wheel, install_wheel
from ..standin import DONE, StandIn, chunk, usage_chunk
from .page_scripts import (
    ALL_DRAWN,
    ALL_LISTED,
    FRAMES,
    IS_WHOLE,
    SHOW_PLAINLY,
    UNTIL_DRAWN,
    WATCH_FRAMES,
    WATCH_OPENING,
    WATCH_TYPING,
)

__all__ = ["measure_page"]

ANSWER_BYTES = 100_000
CHUNK_CHARACTERS = 40
PAUSE_SECONDS = 0.004

PARAGRAPH = """## Part {number}

The *mean* of an empty column is `nan`, because there is **nothing** to divide, see
[the manual](https://x.invalid/{number}). Leave out the rows without a price first, and say how
many there were: a mean of three values and a mean of three thousand look the same in a table.

- Read the file with the types that its columns have, and not as text.
- Count what is missing in each column before anything is summed up.
- Then take the mean $\\bar{{x}} = \\frac{{1}}{{n}}\\sum_i x_i$ of what is there.

```python
frame = pandas.read_csv("prices-{number}.csv", parse_dates=["day"])
missing = frame.isna().sum()
for name, count in missing.items():
    if count:
        print(f"{{name}}: {{count}} of {{len(frame)}} are missing")
prices = frame["price"].dropna()
print(f"{{prices.mean():.2f}} over {{len(prices)}} rows")
```

| column | rows | mean |
|---|---|---|
| price {number} | 3 | 4.0 |
| discount | 0 | nan |

"""

TURNS, CONVERSATIONS, ROUNDS = 500, 1_000, 5
A_SCREEN = 30
"""More rows than are on the page at once."""
A_PAGE = 10
"""More turns than are on the page at once."""
LETTERS = "What is the mean of this column, and why is it that large?"
BETWEEN_LETTERS_MS = 60
MEGABYTES = 3
QUIET_MS = 2_000
"""After this time, a page that was opened has nothing more to do."""


def measure_page() -> Iterator[str]:
    """Give a line for each measurement."""
    python = str(install_wheel(build_wheel()))
    with (
        StandIn() as standin,
        tempfile.TemporaryDirectory() as folder,
        lab_server(Path(folder), standin, python=python) as server,
        running_browser(optimises=True) as browser,
        lab(server, browser, "1") as opened,
    ):
        page = opened.page
        page.evaluate(WATCH_OPENING)
        open_sidebar(page)
        opening = page.evaluate("window.opening")
        yield f"the sidebar's first paint: {opening:.0f} ms after the click"
        headers = {"Authorization": f"Bearer {server.process.token}"}
        url = server.process.url
        with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
            yield from _stream(page, standin)
            yield from _open_and_type(page, http)
            yield from _list(page, http)


def _stream(page: Page, standin: StandIn) -> Iterator[str]:
    """Measure what a long answer takes while it grows, and once it is opened as a whole."""
    text = _answer()
    pieces = [
        text[start : start + CHUNK_CHARACTERS] for start in range(0, len(text), CHUNK_CHARACTERS)
    ]
    steps = [step for piece in pieces for step in (chunk(piece), PAUSE_SECONDS)]
    standin.stream(*steps, usage_chunk(), DONE)
    chat = ChatOnPage(page, ".aqueduct-sidebar")
    thread = page.context.new_cdp_session(page)
    thread.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        """Return the CPU time of the page's thread so far, in milliseconds."""
        metrics = thread.send("Performance.getMetrics")["metrics"]
        return 1000 * float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))

    def stream() -> None:
        chat.ask("Hi")
        # Playwright's own way to wait looks through the whole page each time.
        page.wait_for_function(IS_WHOLE)

    resting = _frames(page, lambda: page.wait_for_timeout(5_000))
    before = busy()
    streaming = _frames(page, stream)
    grown = busy() - before
    chat.expect_whole(f"Part {text.count('## Part')}")
    _begin_anew(page)
    plain = sorted(page.evaluate(SHOW_PLAINLY, text) for _ in range(ROUNDS))[ROUNDS // 2]
    for what, frames in (("at rest", resting), (f"streaming {len(text) / 1000:.0f} kB", streaming)):
        spans = sorted(frames["spans"])
        yield (
            f"frames {what}: {len(spans)}, median {spans[len(spans) // 2]:.0f} ms, "
            f"p99 {spans[len(spans) * 99 // 100]:.0f} ms, worst {spans[-1]:.0f} ms; tasks over "
            f"50 ms: {len(frames['tasks'])}"
        )
    yield (
        f"the page's thread for this stream: {grown:.0f} ms of CPU, {grown / plain:.0f} times what "
        f"showing it once as plain paragraphs takes ({plain:.0f} ms)"
    )


def _open_and_type(page: Page, http: httpx.Client) -> Iterator[str]:
    """Measure how long conversations of all lengths take to open, and to type beside."""
    opened: dict[int, list[float]] = {A_PAGE: [], TURNS: []}
    whole = []
    page.evaluate(WATCH_TYPING)
    alone = _typed(page)
    for turns, spans in opened.items():
        _keep(http, turns, 1)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            spans.append(_open_first(page, A_PAGE))
            page.wait_for_function(ALL_DRAWN, arg=turns)
            whole.append(1000 * (time.perf_counter() - began))
            _begin_anew(page)
    few, many = (sorted(spans)[ROUNDS // 2] for spans in opened.values())
    yield (
        f"a conversation of {TURNS} turns opens at its end: median {many:.0f} ms, worst "
        f"{max(opened[TURNS]):.0f} ms, {many / few:.1f} times one of {A_PAGE}; all of it is "
        f"drawn: median {sorted(whole[ROUNDS:])[ROUNDS // 2]:.0f} ms"
    )
    turn_bytes = len(PARAGRAPH)
    _keep(http, TURNS, MEGABYTES * 1_000_000 // TURNS // turn_bytes + 1)
    _open_first(page, A_PAGE)
    for when in ("just opened", "drawn"):
        beside = _typed(page)
        middle, alone_middle = beside[len(beside) // 2], alone[len(alone) // 2]
        yield (
            f"a letter beside {MEGABYTES} MB, {when}: median {middle:.0f} ms, worst "
            f"{beside[-1]:.0f} ms, {middle / alone_middle:.1f} times one beside nothing"
        )
        page.wait_for_function(ALL_DRAWN, arg=TURNS)
        page.wait_for_timeout(QUIET_MS)
    _begin_anew(page)


def _list(page: Page, http: httpx.Client) -> Iterator[str]:
    """Measure how long lists of all lengths take to be shown."""
    listed: dict[int, list[float]] = {A_SCREEN: [], CONVERSATIONS: []}
    whole = []
    there = len(http.get("aqueduct/conversations").json()["data"])
    for count, spans in listed.items():
        for number in range(there, count):
            name = {"name": f"Conversation {number}"}
            http.post("aqueduct/conversations", json=name).raise_for_status()
        there = count
        for _ in range(ROUNDS):
            began = time.perf_counter()
            spans.append(_open_list(page, A_SCREEN))
            page.wait_for_function(ALL_LISTED, arg=count)
            whole.append(1000 * (time.perf_counter() - began))
            page.keyboard.press("Escape")
    few, many = (sorted(spans)[ROUNDS // 2] for spans in listed.values())
    yield (
        f"a list of {CONVERSATIONS} conversations is there: median {many:.0f} ms, worst "
        f"{max(listed[CONVERSATIONS]):.0f} ms, {many / few:.1f} times one of {A_SCREEN}; all of "
        f"them are listed: median {sorted(whole[ROUNDS:])[ROUNDS // 2]:.0f} ms"
    )


def _keep(http: httpx.Client, turns: int, paragraphs: int) -> None:
    """Store a conversation, which is the newest then."""
    turn = {"prompt": "What is the mean?", "content": "What is the mean?", "state": "whole"}
    kept = [
        {**turn, "id": f"t{number}", "answer": PARAGRAPH.format(number=number) * paragraphs}
        for number in range(turns)
    ]
    http.post("aqueduct/conversations", json={"turns": kept}).raise_for_status()


def _open_list(page: Page, count: int) -> float:
    rows = {"selector": ".aqueduct-row", "count": count}
    return float(page.evaluate(UNTIL_DRAWN, [".aqueduct-list > summary", rows]))


def _open_first(page: Page, count: int) -> float:
    """Open the newest conversation; returns after how long so many turns were there."""
    _open_list(page, 1)
    turns = {"selector": ".aqueduct-turn", "count": count}
    return float(page.evaluate(UNTIL_DRAWN, [".aqueduct-row > button", turns]))


def _begin_anew(page: Page) -> None:
    page.locator("[aria-label='New conversation']").click()
    page.wait_for_function("() => !document.querySelector('.aqueduct-turn')")


def _typed(page: Page) -> list[float]:
    """Type a question and take it away; gives how long each letter took, shortest first."""
    page.locator(".aqueduct-sidebar textarea").click()
    page.evaluate("window.typed = []")
    page.keyboard.type(LETTERS, delay=BETWEEN_LETTERS_MS)
    spans = sorted(page.evaluate("window.typed"))
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    return [float(span) for span in spans]


def _answer() -> str:
    text = ""
    while len(text) < ANSWER_BYTES:
        text += PARAGRAPH.format(number=text.count("## Part") + 1)
    return text


def _frames(page: Page, work: Any) -> Any:
    page.evaluate(WATCH_FRAMES)
    work()
    return page.evaluate(FRAMES)
