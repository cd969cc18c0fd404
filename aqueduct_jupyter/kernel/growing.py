"""Answers that are being written, whoever asked: what is new goes to every panel of a conversation.

Asking is in :mod:`.session`; what a panel makes of this is in :mod:`.panel_answers`. A listener
gets every piece once, so an answer costs each of them its own length.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ..protocol.conversation import Conversation, Turn
from ..protocol.errors import RequestStoppedError
from .answer import Answer
from .display import Display

__all__ = ["GrowingAnswer", "GrowthListener", "RunningAnswers"]

DELTA_SECONDS = 0.05
"""The shortest time between two pieces of one answer."""


class GrowthListener(Protocol):
    """Whoever follows answers; called under the lock, on the thread that asks."""

    def begun(self, growing: GrowingAnswer) -> None:
        """Take note of an answer that begins."""

    def grown(self, growing: GrowingAnswer, text: str, reasoning: str) -> None:
        """Take the next piece of an answer."""

    def restarted(self, growing: GrowingAnswer) -> None:
        """Take an answer that has started again, and has a new text."""

    def ended(self, growing: GrowingAnswer) -> None:
        """Take note that an answer has ended; all its pieces have come before."""


class RunningAnswers:
    """The answers of a session that are being written.

    Attributes:
        lock: under it, listeners have been told all that :attr:`GrowingAnswer.text` has.
        listeners: who is told.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.listeners: list[GrowthListener] = []
        self._running: dict[str, GrowingAnswer] = {}

    @contextmanager
    def writing(
        self, request: str, conversation: Conversation, turn: Turn, shown: Display
    ) -> Iterator[GrowingAnswer]:
        """Tell of an answer for as long as it is written.

        Args:
            request: the request's id, with which it can be stopped.
            conversation: the conversation of the turn.
            turn: the turn that it answers; it has ended when this does.
            shown: where the answer is shown besides.
        """
        growing = GrowingAnswer(self, request, conversation, turn, shown)
        try:
            with self.lock:
                self._running[request] = growing
                for listener in tuple(self.listeners):
                    listener.begun(growing)
            conversation.changed()
            yield growing
        finally:
            with self.lock:
                self._running.pop(request, None)
                for listener in tuple(self.listeners):
                    listener.ended(growing)

    def of(self, conversation: Conversation) -> list[GrowingAnswer]:
        """Return the running answers of a conversation, the oldest first."""
        return [one for one in self._running.values() if one.conversation is conversation]

    def find(self, request: str) -> GrowingAnswer | None:
        """Return the running answer of a request, if it is still running."""
        return self._running.get(request)

    def tell(self, growing: GrowingAnswer, answer: Answer) -> None:
        """Tell what an answer has got since it was last told of."""
        with self.lock:
            is_again = len(answer.text) < len(growing.text)
            text = answer.text[len(growing.text) :]
            reasoning = answer.reasoning[len(growing.reasoning) :]
            growing.text, growing.reasoning = answer.text, answer.reasoning
            for listener in tuple(self.listeners) if is_again or text or reasoning else ():
                if is_again:
                    listener.restarted(growing)
                else:
                    listener.grown(growing, text, reasoning)


class GrowingAnswer:
    """An answer that is being written, as a display that tells of it.

    Attributes:
        request: the request's id.
        conversation: the conversation.
        turn: the turn that it answers.
        is_stopped: set once somebody has stopped it.
        text: the text that listeners have been told, and so for ``reasoning``.
    """

    def __init__(
        self,
        running: RunningAnswers,
        request: str,
        conversation: Conversation,
        turn: Turn,
        shown: Display,
    ) -> None:
        self.request, self.conversation, self.turn = request, conversation, turn
        self.is_stopped = threading.Event()
        self.text = self.reasoning = ""
        self._running = running
        self._shown = shown
        self._told_at = 0.0

    def grow(self, answer: Answer) -> None:
        """Show the answer so far, and tell what is new if that is due.

        Raises:
            RequestStoppedError: the answer was stopped; leaving the stream closes it.
        """
        if self.is_stopped.is_set():
            raise RequestStoppedError("The request was stopped.")
        self._shown.grow(answer)
        now = time.monotonic()
        if now - self._told_at >= DELTA_SECONDS:
            self._told_at = now
            self._running.tell(self, answer)

    def end(self, answer: Answer, note: str, metadata: dict[str, Any]) -> None:
        """Show the complete answer, and tell the rest, unless it was stopped."""
        self._shown.end(answer, note, metadata)
        if not self.is_stopped.is_set():
            self._running.tell(self, answer)
