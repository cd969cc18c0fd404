"""This file is a conversation as a page that stands still: what a saved notebook shows of a panel.

The panel itself is left to :mod:`.panel`. Model text becomes HTML by markdown-it, which is told to
read none; images stay words, since loading one tells its server that the notebook was opened.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..protocol.conversation import Turn

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

__all__ = ["transcript"]


def transcript(turns: Iterable[Turn], mark: str) -> dict[str, str]:
    """Give turns as the forms of a notebook's output.

    Args:
        turns: what was said.
        mark: a class, by which a live panel hides this.
    """
    reader = _reader()
    parts = []
    plain = []
    for turn in turns:
        prompt = html.escape(turn.prompt).replace("\n", "<br>")
        who = html.escape(turn.model or "Model")
        answer = reader.render(turn.answer)
        ending = "" if turn.state == "whole" else f"<p><i>{html.escape(_ending(turn))}</i></p>"
        parts.append(f"<p><b>You</b></p><p>{prompt}</p><p><b>{who}</b></p>{answer}{ending}")
        plain.append(f"You: {turn.prompt}\n\n{turn.model or 'Model'}: {turn.answer}")
    return {
        "text/html": f'<div class="{mark}">{"<hr>".join(parts)}</div>',
        "text/plain": "\n\n".join(plain),
    }


def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    reader = MarkdownIt("js-default").disable("image")
    # A front end that has formulas finds them by their signs; it reads none of it as Markdown.
    reader.use(
        dollarmath_plugin,
        allow_space=False,
        renderer=lambda formula, options: html.escape(
            f"$${formula}$$" if options["display_mode"] else f"${formula}$"
        ),
    )
    return reader


def _ending(turn: Turn) -> str:
    return turn.error or turn.state
