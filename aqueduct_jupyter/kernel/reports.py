"""What ``%chat history`` and ``%chat usage`` show: Markdown in a notebook, plain lines elsewhere.

The commands themselves are in :mod:`.commands`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..protocol.conversation import Turn
from ..protocol.formulas import with_dollar_signs, with_plain_dollars
from ..protocol.plain_text import as_markdown, plain_lines, plain_text
from ..protocol.safe_markdown import safe_markdown
from .notebook import is_notebook

__all__ = ["show_history", "show_usage"]

_COUNTS = ("requests", "tokens_in", "tokens_out")


def show_history(turns: Iterable[Turn], shell: Any) -> None:
    """Show the turns of a conversation.

    Args:
        turns: the turns, oldest first.
        shell: the shell that shows them.
    """
    shown = list(turns)
    plain = "\n".join(_turn_in_lines(turn) for turn in shown)
    _show(plain, "\n\n---\n\n".join(_turn_in_markdown(turn) for turn in shown), shell)


def show_usage(usage: Mapping[str, Any], shell: Any) -> None:
    """Show what was used: the sums, and in a notebook those of each model.

    Args:
        usage: the server's answer to ``aqueduct/usage``.
        shell: the shell that shows it.
    """
    total = dict(usage["total"])
    usd = total.pop("usd", None)
    used = [f"{count} {name.replace('_', ' ')}" for name, count in total.items()]
    plain = ", ".join(used + ([] if usd is None else [_dollars(usd)]))
    models = [*usage.get("by_model", []), {**usage["total"], "model": None}]
    head = ["Model", *(name.replace("_", " ").capitalize() for name in _COUNTS), "Cost"]
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *map(_row, models)]
    days = usage.get("days", 30)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    _show(plain, f"{table}\n\nIn the last {days:d} days.", shell)


def _show(plain: str, markdown: str, shell: Any) -> None:
    if not plain:
        return
    if not is_notebook(shell):
        print(plain)
        return
    from IPython.display import display

    # IPython does not annotate it.
    show: Any = display
    show({"text/plain": plain, "text/markdown": markdown}, raw=True)


def _turn_in_lines(turn: Turn) -> str:
    return plain_lines(f"You: {turn.prompt}\n{_who(turn)}{_ending(turn)}: {turn.answer}\n")


def _turn_in_markdown(turn: Turn) -> str:
    lines = (as_markdown(line, len(line) + 1) for line in turn.prompt.splitlines())
    question = "\n".join(f"> {line}<br>" for line in lines)
    answer = with_plain_dollars(safe_markdown(with_dollar_signs(turn.answer)))
    return f"{question}\n\n**{as_markdown(_who(turn))}**{_ending(turn)}\n\n{answer}"


def _who(turn: Turn) -> str:
    return plain_text(turn.model) or "Model"


def _ending(turn: Turn) -> str:
    return "" if turn.state == "whole" else f" ({turn.state})"


def _row(used: Mapping[str, Any]) -> Sequence[str]:
    model = used.get("model")
    usd = used.get("usd")
    name = as_markdown(model) if model else "all"
    counts = (f"{used.get(count) or 0:,d}" for count in _COUNTS)
    return [name, *counts, "" if usd is None else _dollars(usd).replace("$", "&#36;")]


def _dollars(usd: float) -> str:
    return f"${usd:.4f}"
