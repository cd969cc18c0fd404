"""An answer on the screen while it grows, at a cost that does not grow with it.

* The first words are shown at once; then at most ten times a second, and only when the answer has
  grown by a share of itself. So all the paintings of an answer together cost a fixed multiple of
  the answer, however many chunks it came in. The last one is always painted.
* What is shown is made harmless by :mod:`.safe_markdown`; what the model wrote stays as plain text
  beside it. The line below an answer holds an upstream's words, so it is escaped for its place.
* HTML is shown in a frame without rights, whose policy lets it load nothing: an image from
  elsewhere would be asked for without a click, and could carry a secret away.
"""

from __future__ import annotations

import html
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, Protocol

from ..protocol.plain_text import as_html, as_markdown, plain_lines, plain_text
from ..protocol.safe_markdown import safe_markdown
from .answer import Answer

__all__ = ["Display", "Format", "NotebookDisplay", "TerminalDisplay", "display_for"]

Format = Literal["markdown", "text", "code", "json", "html"]

PAINT_SECONDS = 0.1
"""The shortest time between two paintings."""

GROWTH = 0.015
"""The share by which an answer grows between two paintings: all of them cost 1/share of it."""

MIMETYPE = "application/vnd.aqueduct.answer+json"
"""Under this key an output's metadata says where its answer comes from."""

LONGEST_NOTE = 1000
"""Characters of the line below an answer."""

WAITING = "\u2026"

FRAME_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "img-src data:; style-src 'unsafe-inline'\">"
)
"""What a model's HTML may load: nothing that is not in it."""


class Display(Protocol):
    """Where an answer is shown."""

    def grow(self, answer: Answer) -> None:
        """Show the answer so far."""

    def end(self, answer: Answer, note: str, metadata: dict[str, Any], /) -> None:
        """Show the whole answer, a line about it, and keep its metadata."""


class NotebookDisplay:
    """One output of a notebook's cell, which is replaced as the answer grows.

    Args:
        kind: how the text is shown.
        publish: shows data with metadata; the first call makes the output, later ones replace it.
        clock: seconds; for tests.
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
        """Show the answer so far, if it is time to."""
        now, text = self._clock(), answer.text
        has_grown = len(text) >= self._painted * (1 + GROWTH)
        if self._painted and (now - self._painted_at < PAINT_SECONDS or not has_grown):
            return
        self._painted_at, self._painted = now, len(text)
        data = rendered(text, self._kind)
        # One form is enough for a moment.
        data.pop("text/plain" if len(data) > 1 else "", None)
        self._publish(data, {})

    def end(self, answer: Answer, note: str, metadata: dict[str, Any]) -> None:
        """Show the whole answer for good."""
        data = rendered(answer.text, self._kind, note)
        self._publish(data, {MIMETYPE: metadata})


class TerminalDisplay:
    """Plain IPython in a terminal: the text as it comes, without what would steer the terminal."""

    def __init__(self, write: Callable[[str], Any] | None = None) -> None:
        self._write = write or self._to_stdout
        self._shown = 0

    def grow(self, answer: Answer) -> None:
        """Write what is new."""
        text = answer.text
        if len(text) < self._shown:
            # The answer was begun again.
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
    """Give the place where this shell shows an answer."""
    if not is_notebook:
        return TerminalDisplay()
    from IPython.display import display

    handles: list[Any] = []

    def publish(data: dict[str, Any], metadata: dict[str, Any]) -> None:
        if handles:
            handles[0].update(data, raw=True, metadata=metadata)
        else:
            show: Any = display
            handles.append(show(data, raw=True, metadata=metadata, display_id=True))

    return NotebookDisplay(kind, publish)


def rendered(text: str, kind: Format, note: str = "") -> dict[str, str]:
    """Give an answer in the forms in which a front end may show it; none of them runs.

    Args:
        text: as the model wrote it.
        kind: how it is to be shown.
        note: a line about it, or "".
    """
    below = plain_text(note, LONGEST_NOTE)
    plain = {"text/plain": f"{text}\n\n[{below}]" if note else text}
    if kind == "text":
        return plain
    if kind == "html":
        line = f"<p><i>{as_html(note, LONGEST_NOTE)}</i></p>" if note else ""
        return plain | {"text/html": _framed(text) + line}
    body = safe_markdown(f"```json\n{_indented(text)}\n```" if kind == "json" else text)
    line = f"\n\n*{as_markdown(note, LONGEST_NOTE)}*" if note else ""
    return plain | {"text/markdown": body + line}


def _framed(text: str) -> str:
    # A frame without any permission: no script, no form, no way to the page around it.
    return (
        f'<iframe sandbox="" srcdoc="{html.escape(FRAME_POLICY + text)}" width="100%" height="400" '
        'style="border: 1px solid #ccc"></iframe>'
    )


def _indented(text: str) -> str:
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    # No line of it can end the fence.
    return text.replace("```", "\\u0060\\u0060\\u0060")
