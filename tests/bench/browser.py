"""What the chat costs on a page: its first paint, the frames while it streams, and long lists.

All are measured by the page's own clock, in JupyterLab from the installed wheel.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from ..browser.chat import open_sidebar
from ..browser.lab import LabServer, lab, lab_server, running_browser
from ..installed import build_wheel, install_wheel
from ..standin import DONE, StandIn, chunk, usage_chunk

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

WATCH_OPENING = """() => {
    window.opening = new Promise(resolve => {
        document.addEventListener('pointerdown', () => {
            const began = performance.now();
            const look = () => {
                const area = document.querySelector('.aqueduct-sidebar textarea');
                if (area && area.offsetParent) {
                    // The frame in which it is drawn is over when the one after it begins.
                    requestAnimationFrame(() => resolve(performance.now() - began));
                } else {
                    requestAnimationFrame(look);
                }
            };
            look();
        }, { capture: true, once: true });
    });
}"""

WATCH_FRAMES = """() => {
    const frames = window.frames_ = { spans: [], tasks: [], is_over: false };
    let before = performance.now();
    const frame = now => {
        frames.spans.push(now - before);
        before = now;
        if (!frames.is_over) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    new PerformanceObserver(list => frames.tasks.push(...list.getEntries().map(e => e.duration)))
        .observe({ type: 'longtask' });
}"""

UNTIL_DRAWN = """([button, drawn]) => new Promise(resolve => {
    // What a closed list still holds does not count.
    document.querySelectorAll(drawn.selector).forEach(node => node.classList.add('old'));
    const began = performance.now();
    const look = () => {
        if (document.querySelectorAll(`${drawn.selector}:not(.old)`).length >= drawn.count) {
            requestAnimationFrame(() => resolve(performance.now() - began));
        } else {
            requestAnimationFrame(look);
        }
    };
    document.querySelector(button).click();
    look();
})"""

ALL_LISTED = "count => document.querySelectorAll('.aqueduct-row').length >= count"
ALL_DRAWN = "count => document.querySelectorAll('.aqueduct-turn').length >= count"

TURNS, CONVERSATIONS, ROUNDS = 500, 1_000, 5
A_SCREEN = 30
"""More rows than are on the page at once."""
A_PAGE = 10
"""More turns than are on the page at once."""

IS_WHOLE = """() => document.querySelector('.aqueduct-turn[data-state=whole]') !== null"""

FRAMES = "() => { window.frames_.is_over = true; return window.frames_; }"


def measure_page() -> Iterator[str]:
    """Give a line for each measurement."""
    python = str(install_wheel(build_wheel()))
    text = _answer()
    with StandIn() as standin, tempfile.TemporaryDirectory() as folder:
        pieces = [
            text[start : start + CHUNK_CHARACTERS]
            for start in range(0, len(text), CHUNK_CHARACTERS)
        ]
        steps = [step for piece in pieces for step in (chunk(piece), PAUSE_SECONDS)]
        standin.stream(*steps, usage_chunk(), DONE)
        with (
            lab_server(Path(folder), standin, python=python) as server,
            running_browser() as browser,
            lab(server, browser, "1") as opened,
        ):
            page = opened.page
            page.evaluate(WATCH_OPENING)
            chat = open_sidebar(page)
            opening = page.evaluate("window.opening")
            yield f"the sidebar's first paint: {opening:.0f} ms after the click"
            resting = _frames(page, lambda: page.wait_for_timeout(5_000))

            def stream() -> None:
                chat.ask("Hi")
                # Playwright's own way to wait looks through the whole page each time.
                page.wait_for_function(IS_WHOLE)

            streaming = _frames(page, stream)
            chat.expect_whole(f"Part {text.count('## Part')}")
            yield from _lists(page, server)
    for what, frames in (("at rest", resting), (f"streaming {len(text) / 1000:.0f} kB", streaming)):
        spans = sorted(frames["spans"])
        yield (
            f"frames {what}: {len(spans)}, median {spans[len(spans) // 2]:.0f} ms, "
            f"p99 {spans[len(spans) * 99 // 100]:.0f} ms, worst {spans[-1]:.0f} ms; tasks over "
            f"50 ms: {len(frames['tasks'])}"
        )


def _lists(page: Page, server: LabServer) -> Iterator[str]:
    """Measure how long a long conversation and many conversations take to be shown."""
    turn = {"prompt": "What is the mean?", "content": "What is the mean?", "state": "whole"}
    turns = [
        {**turn, "id": f"t{number}", "answer": PARAGRAPH.format(number=number)}
        for number in range(TURNS)
    ]
    headers = {"Authorization": f"Bearer {server.process.token}"}
    with httpx.Client(base_url=server.process.url, headers=headers, trust_env=False) as http:
        for number in range(CONVERSATIONS - 1):
            name = {"name": f"Conversation {number}"}
            http.post("aqueduct/conversations", json=name).raise_for_status()
        long = {"name": "A long one", "turns": turns}
        http.post("aqueduct/conversations", json=long, timeout=60).raise_for_status()
    listed, all_listed, opened, whole = [], [], [], []
    button = ".aqueduct-list > summary"
    for _ in range(ROUNDS):
        rows = {"selector": ".aqueduct-row", "count": A_SCREEN}
        listed.append(page.evaluate(UNTIL_DRAWN, [button, rows]))
        began = time.perf_counter()
        page.wait_for_function(ALL_LISTED, arg=CONVERSATIONS)
        all_listed.append(listed[-1] + 1000 * (time.perf_counter() - began))
        end = {"selector": ".aqueduct-turn", "count": A_PAGE}
        opened.append(page.evaluate(UNTIL_DRAWN, [".aqueduct-row > button", end]))
        began = time.perf_counter()
        page.wait_for_function(ALL_DRAWN, arg=TURNS)
        whole.append(opened[-1] + 1000 * (time.perf_counter() - began))
        page.locator("[aria-label='New conversation']").click()
        page.wait_for_function("() => !document.querySelector('.aqueduct-turn')")
    for what, spans in (
        (f"a list of {CONVERSATIONS} conversations is there", sorted(listed)),
        ("all of them are listed", sorted(all_listed)),
        (f"a conversation of {TURNS} turns opens at its end", sorted(opened)),
        ("all of them are drawn", sorted(whole)),
    ):
        yield f"{what}: median {spans[ROUNDS // 2]:.0f} ms, worst {spans[-1]:.0f} ms"


def _answer() -> str:
    text = ""
    while len(text) < ANSWER_BYTES:
        text += PARAGRAPH.format(number=text.count("## Part") + 1)
    return text


def _frames(page: Page, work: Any) -> Any:
    page.evaluate(WATCH_FRAMES)
    work()
    return page.evaluate(FRAMES)
