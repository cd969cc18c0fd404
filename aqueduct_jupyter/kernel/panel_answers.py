"""A panel's questions, asked in threads so that they continue while a cell runs.

The panel's other messages are in :mod:`.panel`, asking in :mod:`.session`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from ..protocol.conversation import Turn
from ..protocol.errors import AqueductError, RequestStoppedError
from ..protocol.panel import FromKernel
from .answer import Answer
from .notebook_chat import NotebookChat
from .turn_request import TurnRequest

__all__ = ["PanelAnswers"]

DELTA_SECONDS = 0.05
"""The shortest time between two messages about one answer."""

THREAD = "aqueduct-panel"
"""The name of the asking threads, as shown by debuggers."""

Tell = Callable[[FromKernel], None]


class _Growing:
    """The display of one answer: sends the panel only what is new."""

    def __init__(self, request: str, tell: Tell, telling: threading.RLock) -> None:
        self.is_stopped = threading.Event()
        self.turn: Turn | None = None
        self._request = request
        self._tell = tell
        self._telling = telling
        self._text = self._reasoning = ""
        self._told_at = 0.0

    def grow(self, answer: Answer) -> None:
        """Send what is new if an update is due.

        Raises:
            RequestStoppedError: the answer was stopped; leaving the stream closes it.
        """
        if self.is_stopped.is_set():
            raise RequestStoppedError("The request was stopped.")
        now = time.monotonic()
        if now - self._told_at >= DELTA_SECONDS:
            self._told_at = now
            self._tell_new(answer)

    def end(self, answer: Answer, _note: str, _metadata: dict[str, Any]) -> None:
        """Send the rest."""
        if not self.is_stopped.is_set():
            self._tell_new(answer)

    def sent(self, turn: Turn) -> dict[str, Any]:
        """Return the turn as sent so far: the next delta is added to it."""
        so_far = {"state": "running", "answer": self._text, "reasoning": self._reasoning}
        return asdict(turn) | so_far

    def _tell_new(self, answer: Answer) -> None:
        with self._telling:
            text = answer.text[len(self._text) :]
            reasoning = answer.reasoning[len(self._reasoning) :]
            self._text, self._reasoning = answer.text, answer.reasoning
            if text or reasoning:
                self._tell(
                    {
                        "type": "delta",
                        "request": self._request,
                        "text": text,
                        "reasoning": reasoning,
                    }
                )


class PanelAnswers:
    """The answers that a panel waits for.

    Args:
        chats: the chats that ask the questions.
        tell: sends a message to the panel, from any thread.
    """

    def __init__(self, chats: NotebookChat, tell: Tell) -> None:
        self._chats = chats
        self._tell = tell
        self._telling = threading.RLock()
        self._running: dict[str, _Growing] = {}
        self._threads: set[threading.Thread] = set()

    def is_asking_here(self) -> bool:
        """Return whether this is an asking thread; those report their own turns."""
        return threading.current_thread() in self._threads

    def ask(self, request_id: str, request: TurnRequest) -> threading.Thread:
        """Ask in a new thread, which is returned; the panel gets the answer as it grows."""
        growing = _Growing(request_id, self._tell, self._telling)
        self._running[request_id] = growing
        arguments = (request_id, request, growing)
        thread = threading.Thread(target=self._ask, args=arguments, daemon=True, name=THREAD)
        self._threads.add(thread)
        thread.start()
        return thread

    def tell_turns(self, turns: Sequence[Turn], news: Sequence[Turn]) -> None:
        """Send the ids of all turns, the new ones in full, and the running request."""
        with self._telling:
            growing = {id(growing.turn): growing for growing in self._running.values()}
            running = next(reversed(self._running), None)
            turn = None if running is None else self._running[running].turn
            self._tell(
                {
                    "type": "turns",
                    "ids": [turn.id for turn in turns],
                    "turns": [
                        growing[id(turn)].sent(turn) if id(turn) in growing else asdict(turn)
                        for turn in news
                    ],
                    "running": running,
                    "answering": None if turn is None else turn.id,
                }
            )

    def stop(self, request_id: str) -> None:
        """Stop an answer immediately, here and at the upstream."""
        growing = self._running.get(request_id)
        if growing is None:
            return
        growing.is_stopped.set()
        # If the service cannot stop a request, we leave the stream at its next chunk.
        with suppress(AqueductError):
            self._chats.connected().stop(request_id)

    def _ask(self, request_id: str, request: TurnRequest, growing: _Growing) -> None:
        def begin(turn: Turn) -> _Growing:
            growing.turn = turn
            self._tell(
                {
                    "type": "begun",
                    "request": request_id,
                    "turn": asdict(turn),
                    "before": request.before,
                }
            )
            return growing

        try:
            self._chats.session.ask(request, begin)
        except AqueductError as error:
            if growing.turn is None:
                self._tell({"type": "trouble", "message": error.message})
        finally:
            with self._telling:
                del self._running[request_id]
            self._threads.discard(threading.current_thread())
            self._tell_end(request_id, request, growing)

    def _tell_end(self, request_id: str, request: TurnRequest, growing: _Growing) -> None:
        turn = growing.turn
        if turn is None:
            return
        if growing.is_stopped.is_set():
            # The panel has already ended it, and ignores further messages about the request.
            turns = list(self._chats.session.conversation(request.conversation).turns)
            self.tell_turns(turns, [turn])
            return
        ended = asdict(turn)
        # The text has already been sent.
        del ended["answer"], ended["reasoning"]
        self._tell({"type": "ended", "request": request_id, "turn": ended})
