"""An exported notebook reads like one: questions and prose are Markdown, code is code."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from aqueduct_jupyter.protocol.conversation import Conversation, Turn
from aqueduct_jupyter.protocol.conversation_cells import LONGEST_SPLIT, cells_of
from aqueduct_jupyter.protocol.exports import read_conversation, write_conversation

PIXEL = "iVBORw0KGgo="

ANSWER = """\
Take the mean:

```python
mean = frame.mean()
```

or in a shell \\(x\\):

```bash
$ wc -l prices.csv
```

```json
{}
```
Done.\u2028End.
"""


def turn(answer: str = ANSWER, **more: Any) -> Turn:
    return Turn("Why?", more.pop("content", "Why?"), answer=answer, model="m", **more)


def test_prose_is_markdown_and_what_a_cell_runs_is_code() -> None:
    cells = cells_of(turn(state="whole"), 3)
    assert [(cell["cell_type"], cell["source"]) for cell in cells] == [
        ("markdown", "**You**\n\nWhy?"),
        ("markdown", "**m**\n\nTake the mean:"),
        ("code", "mean = frame.mean()"),
        ("markdown", "or in a shell $x$:"),
        ("code", "%%bash\nwc -l prices.csv"),
        ("markdown", "```json\n{}\n```\nDone.\nEnd."),
    ]
    assert [cell["id"] for cell in cells] == [f"turn-3-{number}" for number in range(6)]


def test_attachments_are_shown_or_named() -> None:
    content = [
        {"type": "text", "text": "<cell In[3]>\n1/0\n</cell In[3]>"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://x.invalid/a.png"}},
        {"type": "file", "file": {"file_id": "file-1", "filename": "a|<b>.pdf"}},
        {"type": "file", "file": "nonsense"},
        {"type": "text", "text": "Why?"},
    ]
    question = cells_of(turn(content=content, state="whole"), 0)[0]
    assert question["attachments"] == {"image-1.png": {"image/png": PIXEL}}
    assert question["source"].split("\n\n")[2:] == [
        "*Attached: cell In&#91;3&#93;*",
        "![image-1.png](attachment:image-1.png)",
        "*Attached: image*",
        "*Attached: a&#124;&#60;b&#62;.pdf*",
        "*Attached: a part without a name*",
    ]


@pytest.mark.parametrize(
    ("more", "ending"),
    [
        ({"state": "stopped"}, "*stopped*"),
        ({"state": "failed", "error": "No <b>."}, "*No &#60;b&#62;.*"),
        ({"state": "whole", "finish_reason": "length"}, "*cut off at the most tokens*"),
        ({"state": "whole", "notes": ["page 2 was not read"]}, "*page 2 was not read*"),
    ],
)
def test_how_an_answer_ended_is_said(more: dict[str, Any], ending: str) -> None:
    assert cells_of(turn("Part", **more), 0)[-1]["source"] == ending


def test_code_alone_has_its_speaker_and_a_very_long_answer_is_one_cell() -> None:
    code = cells_of(turn("```\nx = 1\n```", state="whole"), 0)
    assert [cell["source"] for cell in code[1:]] == ["**m**", "x = 1"]
    long = "a\n\n```python\nx\n```\n" * (LONGEST_SPLIT // 18)
    assert len(cells_of(turn(long, state="whole"), 0)) == 2


def test_the_notebook_is_valid_and_holds_the_whole_conversation() -> None:
    conversation = Conversation("talk", [turn(state="whole"), turn("", state="stopped")])
    text = write_conversation(conversation, ".ipynb")
    nbformat.validate(json.loads(text))
    assert read_conversation(text, ".ipynb", "x").turns == conversation.turns
