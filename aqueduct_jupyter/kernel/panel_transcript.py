"""The output below a panel that a saved notebook shows in its place, kept up to date.

Its form is in :mod:`.transcript`. A front end updates an output only for the connection that saw it
come: a page that was loaded again, or a notebook that was opened again, no longer knows its id. So
such pages are sent the transcript, and ``labextension/src/lab/transcripts.ts`` puts it there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..protocol.conversation import Conversation
from ..protocol.panel import FromKernel
from .transcript import transcript

__all__ = ["PanelTranscript"]


class PanelTranscript:
    """The saved transcript of one panel.

    Args:
        conversation: the conversation that it shows.
        mark: the CSS class by which a live panel hides it.
        tell: sends a message to the panel, from any thread.
    """

    def __init__(
        self, conversation: Conversation, mark: str, tell: Callable[[FromKernel], None]
    ) -> None:
        self._conversation = conversation
        self._mark = mark
        self._tell = tell
        self._output: Any = None
        self._pages: set[str] = set()

    def show(self) -> None:
        """Show it as an output of the running cell."""
        from IPython.display import display

        # IPython does not annotate it.
        show: Any = display
        data = transcript(self._conversation.turns, self._mark)
        self._output = show(data, raw=True, display_id=True)

    def update(self) -> None:
        """Update it, unless an answer is running, whose end will."""
        turns = list(self._conversation.turns)
        if self._output is None or any(turn.state == "running" for turn in turns):
            return
        data = transcript(turns, self._mark)
        self._output.update(data, raw=True)
        if len(self._pages) > 1:
            self._tell({"type": "kept", "data": data})

    def seen_by(self, page: str) -> None:
        """Take note of a page that shows the panel; the first is the one that ran its cell."""
        if page not in self._pages:
            self._pages.add(page)
            if len(self._pages) > 1:
                self.update()
