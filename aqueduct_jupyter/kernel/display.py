"""The display of an answer while it grows, at a bounded total cost.

* The first words are shown at once. Later updates come at most ten times a second, and only when
  the answer has grown by a fixed share. So all updates of an answer together cost a fixed multiple
  of its length, however many chunks it came in. The last state is always shown.
* :mod:`aqueduct_jupyter.protocol.safe_markdown` makes the text safe; the original stays beside it
  as plain text. The line below an answer contains text from an upstream, so it is escaped.
* HTML is shown in a frame without permissions, whose policy lets it load nothing: a remote image
  would be loaded without a click, which could leak a secret.
"""

from __future__ import annotations

import html
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, Protocol

from ..protocol.formulas import with_dollar_signs, with_plain_dollars
from ..protocol.plain_text import as_html, as_markdown, plain_lines, plain_text
from ..protocol.safe_markdown import safe_markdown
from .answer import Answer

__all__ = ["Display", "Format", "NotebookDisplay", "TerminalDisplay", "display_for"]

Format = Literal["markdown", "text", "code", "json", "html"]

PAINT_SECONDS = 0.1
"""The shortest time between two updates."""

GROWTH = 0.015
"""The share by which an answer must grow between two updates; all together cost 1/share of it."""

MIMETYPE = "application/vnd.aqueduct.answer+json"
"""The key in an output's metadata that records where its answer comes from."""

LONGEST_NOTE = 1000
"""Longest line below an answer, in characters."""

SMALL = '<small style="opacity: 0.7">{}</small>'
"""The line below an answer, in Markdown and HTML; without the style it is still small."""

WAITING = "\u2026"

FRAME_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "img-src data:; style-src 'unsafe-inline'\">"
)
"""The policy for a model's HTML: it may load nothing from outside."""


class Display(Protocol):
    """Where an answer is shown."""

    def grow(self, answer: Answer) -> None:
        """Show the answer so far."""

    def end(self, answer: Answer, note: str, metadata: dict[str, Any], /) -> None:
        """Show the complete answer with a line about it, and keep its metadata."""


class NotebookDisplay:
    """One output of a notebook cell, replaced as the answer grows.

    Args:
        kind: the format of the text.
        publish: shows data with metadata; the first call creates the output, later ones replace it.
        clock: the time in seconds; for tests.
    """

    def __init__(
        self,
        kind: Format,
        publish: Callable[[dict[str, Any], dict[str, Any]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kind = kind
        self._publish = publish
        self._clock = clock
        self._painted_at = clock()
        self._painted = 0
        publish({"text/plain": WAITING}, {})

    def grow(self, answer: Answer) -> None:
        """Show the answer so far if an update is due."""
        now, text = self._clock(), answer.text
        has_grown = len(text) >= self._painted * (1 + GROWTH)
        if self._painted and (now - self._painted_at < PAINT_SECONDS or not has_grown):
            return
        self._painted_at, self._painted = now, len(text)
        data = rendered(text, self._kind)
        # One form is enough until the answer is complete.
        data.pop("text/plain" if len(data) > 1 else "", None)
        self._publish(data, {})

    def end(self, answer: Answer, note: str, metadata: dict[str, Any]) -> None:
        """Show the complete answer."""
        data = rendered(answer.text, self._kind, note)
        self._publish(data, {MIMETYPE: metadata})


class LastDisplay:
    """Shows only the complete answer, where no output can be replaced.

    Args:
        kind: the format of the text.
        publish: shows data with metadata.
    """

    def __init__(
        self, kind: Format, publish: Callable[[dict[str, Any], dict[str, Any]], Any]
    ) -> None:
        self._kind = kind
        self._publish = publish

    def grow(self, answer: Answer) -> None:
        """Show nothing yet."""

    def end(self, answer: Answer, note: str, metadata: dict[str, Any]) -> None:
        """Show the complete answer."""
        self._publish(rendered(answer.text, self._kind, note), {MIMETYPE: metadata})


class TerminalDisplay:
    """Plain IPython in a terminal: the text as it comes, without terminal control characters."""

    def __init__(self, write: Callable[[str], Any] | None = None) -> None:
        self._write = write or self._to_stdout
        self._shown = 0

    def grow(self, answer: Answer) -> None:
        """Write what is new."""
        text = answer.text
        if len(text) < self._shown:
            # The answer started again.
            self._write("\n")
            self._shown = 0
        self._write(plain_lines(text[self._shown :]))
        self._shown = len(text)

    def end(self, answer: Answer, note: str, _metadata: dict[str, Any]) -> None:
        """Write the rest and the line about it."""
        self.grow(answer)
        self._write(f"\n[{plain_text(note, LONGEST_NOTE)}]\n")

    @staticmethod
    def _to_stdout(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def display_for(kind: Format, *, is_notebook: bool) -> Display:
    """Return the display for an answer in this kind of shell."""
    if not is_notebook:
        return TerminalDisplay()
    from IPython.display import display

    if _is_in_output_widget():
        return LastDisplay(kind, lambda data, metadata: _show(display, data, metadata))
    handles: list[Any] = []

    def publish(data: dict[str, Any], metadata: dict[str, Any]) -> None:
        if handles:
            handles[0].update(data, raw=True, metadata=metadata)
        else:
            handles.append(_show(display, data, metadata, display_id=True))

    return NotebookDisplay(kind, publish)


def _show(display: Any, data: dict[str, Any], metadata: dict[str, Any], **more: Any) -> Any:
    return display(data, raw=True, metadata=metadata, **more)


def _is_in_output_widget() -> bool:
    """Return whether what is shown now goes into an ``Output`` widget, which takes no updates."""
    widgets = sys.modules.get("ipywidgets")
    if widgets is None:
        return False
    from IPython.core.getipython import get_ipython

    try:
        shell: Any = get_ipython()
        message = shell.kernel.get_parent()["header"]["msg_id"]
    except (AttributeError, KeyError, RuntimeError):
        return False
    # An open Output widget holds the id of the message whose output it takes.
    known = getattr(widgets.widgets.widget, "_instances", {})
    return any(
        isinstance(widget, widgets.Output) and widget.msg_id == message
        for widget in list(known.values())
    )


def rendered(text: str, kind: Format, note: str = "") -> dict[str, str]:
    """Return an answer in the forms that a front end may show; none of them can run code.

    Args:
        text: the model's text.
        kind: the format to show.
        note: a line about the answer, or "".
    """
    below = plain_text(note, LONGEST_NOTE)
    plain = {"text/plain": f"{text}\n\n[{below}]" if note else text}
    if kind == "text":
        return plain
    if kind == "html":
        line = f"<p>{SMALL.format(as_html(note, LONGEST_NOTE))}</p>" if note else ""
        return plain | {"text/html": _framed(text) + line}
    body = f"```json\n{_indented(text)}\n```" if kind == "json" else with_dollar_signs(text)
    body = with_plain_dollars(safe_markdown(body))
    line = f"\n\n{SMALL.format(as_markdown(note, LONGEST_NOTE))}" if note else ""
    return plain | {"text/markdown": body + line}


def _framed(text: str) -> str:
    # A frame without permissions: no scripts, no forms, no access to the page around it.
    return (
        f'<iframe sandbox="" srcdoc="{html.escape(FRAME_POLICY + text)}" width="100%" height="400" '
        'style="border: 1px solid #ccc"></iframe>'
    )


def _indented(text: str) -> str:
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    # No line can then end the fence.
    return text.replace("```", "\\u0060\\u0060\\u0060")
