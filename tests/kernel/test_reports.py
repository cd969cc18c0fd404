"""What the reports show in a notebook; as plain lines they are tested with their commands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aqueduct_jupyter.kernel.reports import show_history, show_usage
from aqueduct_jupyter.protocol.conversation import Turn

NOTEBOOK = SimpleNamespace(kernel=None)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: outputs.append(data))
    return outputs


def turn(prompt: str, answer: str, **more: Any) -> Turn:
    return Turn(id="t", prompt=prompt, content=prompt, answer=answer, model="m", **more)


def test_a_history_is_markdown_that_runs_nothing(shown: list[dict[str, Any]]) -> None:
    turns = [
        turn("What | <img src=x onerror=a>\nis *it*?", "| a |\n|---|\n| 1 |", state="whole"),
        turn("and", "```\nopen <script>", state="stopped"),
        turn("the price", "\\(x\\) for $5", state="whole"),
    ]
    show_history(turns, NOTEBOOK)
    markdown = shown[0]["text/markdown"]
    assert "\n| a |\n|---|\n| 1 |" in markdown
    assert "<img" not in markdown
    assert "&#42;it&#42;" in markdown
    assert "**m** (stopped)" in markdown
    assert markdown.count("```") == 2, "a fence that is open is closed"
    assert "$x$ for" in markdown
    assert shown[0]["text/plain"].startswith("You: What | <img")


def test_an_empty_history_shows_nothing(shown: list[dict[str, Any]]) -> None:
    show_history([], NOTEBOOK)
    assert shown == []


def test_usage_is_a_table_of_models(shown: list[dict[str, Any]]) -> None:
    counts = {"requests": 1200, "tokens_in": 5, "tokens_out": 7}
    usage = {
        "days": 30,
        "total": {**counts, "usd": 0.5},
        "by_model": [{**counts, "usd": None, "model": "a|<b>"}],
    }
    show_usage(usage, NOTEBOOK)
    assert shown[0]["text/markdown"] == (
        "| Model | Requests | Tokens in | Tokens out | Cost |\n"
        "| --- | --: | --: | --: | --: |\n"
        "| a&#124;&#60;b&#62; | 1,200 | 5 | 7 |  |\n"
        "| all | 1,200 | 5 | 7 | &#36;0.5000 |\n\n"
        "In the last 30 days."
    )
    assert shown[0]["text/plain"] == "1200 requests, 5 tokens in, 7 tokens out, $0.5000"
