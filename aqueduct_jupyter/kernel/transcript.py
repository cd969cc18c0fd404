"""A conversation as a static page: what a saved notebook shows in place of a panel.

The panel is in :mod:`.panel`. markdown-it converts model text to HTML, with raw HTML disabled, and
nh3 leaves only tags and attributes that are known to be harmless. Images stay text, because loading
one tells its server that the notebook was opened.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from ..protocol.conversation import Turn
from ..protocol.plain_text import LONGEST_SENTENCE, as_html, plain_text
from ..protocol.safe_markdown import without_commands

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

__all__ = ["transcript"]

_ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "ol": {"start"},
    "td": {"style"},
    "th": {"style"},
}

LONGEST_RENDERED = 50_000
"""The longest answer that is rendered as Markdown, in characters; a longer one stays text, because
markdown-it would take too long."""


def transcript(turns: Iterable[Turn], mark: str) -> dict[str, str]:
    """Return turns as the data of a notebook output.

    Args:
        turns: the turns.
        mark: a CSS class, by which a live panel hides this.
    """
    parts = []
    plain = []
    for turn in turns:
        prompt = html.escape(turn.prompt).replace("\n", "<br>")
        who = as_html(turn.model) or "Model"
        is_long = len(turn.answer) > LONGEST_RENDERED
        answer = f"<pre>{html.escape(turn.answer)}</pre>" if is_long else _rendered(turn.answer)
        ending = (
            ""
            if turn.state == "whole"
            else f"<p><i>{as_html(_ending(turn), LONGEST_SENTENCE)}</i></p>"
        )
        parts.append(f"<p><b>You</b></p><p>{prompt}</p><p><b>{who}</b></p>{answer}{ending}")
        speaker = plain_text(turn.model) or "Model"
        plain.append(f"You: {turn.prompt}\n\n{speaker}: {turn.answer}")
    # Only readers without the panel see this.
    way_on = "<p><small>A chat as it was saved. Run the cell to go on.</small></p>"
    return {
        "text/html": f'<div class="{mark}">{"<hr>".join(parts)}{way_on}</div>',
        "text/plain": "\n\n".join(plain),
    }


def _rendered(answer: str) -> str:
    import nh3

    return nh3.clean(
        _reader().render(answer),
        tags=nh3.ALLOWED_TAGS - {"img"},
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        filter_style_properties={"text-align"},
    )


@cache
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    reader = MarkdownIt("js-default").disable("image")
    # A front end that renders formulas finds them by their delimiters; it parses no Markdown here.
    reader.use(
        dollarmath_plugin,
        allow_space=False,
        renderer=lambda formula, options: html.escape(
            _delimited(without_commands(formula), is_block=options["display_mode"])
        ),
    )
    return reader


def _delimited(formula: str, *, is_block: bool) -> str:
    return f"$${formula}$$" if is_block else f"${formula}$"


def _ending(turn: Turn) -> str:
    return turn.error or turn.state
