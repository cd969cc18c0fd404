"""This file is a panel's questions asked in threads, so that they go on while a cell runs.

What a panel shows and hears is left to :mod:`.panel`, asking itself to :mod:`.session`.
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
from .session import Request

__all__ = ["PanelAnswers"]

DELTA_SECONDS = 0.05
"""The shortest time between two messages about one answer."""

THREAD = "aqueduct-panel"
"""The name of the threads that ask, as debuggers show it."""

Tell = Callable[[FromKernel], None]


class _Growing:
    """Where one answer is shown: in the panel, only ever what is new of it."""

    def __init__(self, request: str, tell: Tell, telling: threading.RLock) -> None:
        self.is_stopped = threading.Event()
        self.turn: Turn | None = None
        self._request = request
        self._tell = tell
        self._telling = telling
        self._text = self._reasoning = ""
        self._told_at = 0.0

    def grow(self, answer: Answer) -> None:
        """Tell what is new, if it is time to.

        Raises:
            RequestStoppedError: nobody wants more; leaving the stream closes it.
        """
        if self.is_stopped.is_set():
            raise RequestStoppedError("The request was stopped.")
        now = time.monotonic()
        if now - self._told_at >= DELTA_SECONDS:
            self._told_at = now
            self._tell_new(answer)

    def end(self, answer: Answer, _note: str, _metadata: dict[str, Any]) -> None:
        """Tell the rest."""
        if not self.is_stopped.is_set():
            self._tell_new(answer)

    def words(self, turn: Turn) -> dict[str, Any]:
        """Give the turn as far as it has been told: what is told next comes on top of it."""
        told = {"state": "running", "answer": self._text, "reasoning": self._reasoning}
        return asdict(turn) | told

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
        chats: where questions are asked.
        tell: takes what the panel is to know, from any thread.
    """

    def __init__(self, chats: NotebookChat, tell: Tell) -> None:
        self._chats = chats
        self._tell = tell
        self._telling = threading.RLock()
        self._running: dict[str, _Growing] = {}
        self._threads: set[threading.Thread] = set()

    def is_asking_here(self) -> bool:
        """Tell whether this is one of the threads, which tell of their own turns themselves."""
        return threading.current_thread() in self._threads

    def ask(self, request_id: str, request: Request) -> threading.Thread:
        """Ask in a thread of its own, which is given; what comes is told."""
        growing = _Growing(request_id, self._tell, self._telling)
        self._running[request_id] = growing
        arguments = (request_id, request, growing)
        thread = threading.Thread(target=self._ask, args=arguments, daemon=True, name=THREAD)
        self._threads.add(thread)
        thread.start()
        return thread

    def tell_turns(self, turns: Sequence[Turn], news: Sequence[Turn]) -> None:
        """Tell which turns there are, whole where they are news, and which request runs."""
        with self._telling:
            growing = {id(growing.turn): growing for growing in self._running.values()}
            self._tell(
                {
                    "type": "turns",
                    "ids": [turn.id for turn in turns],
                    "turns": [
                        growing[id(turn)].words(turn) if id(turn) in growing else asdict(turn)
                        for turn in news
                    ],
                    "running": next(reversed(self._running), None),
                }
            )

    def stop(self, request_id: str) -> None:
        """Stop an answer at once, here and at the upstream."""
        growing = self._running.get(request_id)
        if growing is None:
            return
        growing.is_stopped.set()
        # A service that cannot be asked to stop is left at its next chunk.
        with suppress(AqueductError):
            self._chats.connected().stop(request_id)

    def _ask(self, request_id: str, request: Request, growing: _Growing) -> None:
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

    def _tell_end(self, request_id: str, request: Request, growing: _Growing) -> None:
        turn = growing.turn
        if turn is None:
            return
        if growing.is_stopped.is_set():
            # The panel has ended it by itself, and ignores what else is said of the request.
            turns = list(self._chats.session.conversation(request.conversation).turns)
            self.tell_turns(turns, [turn])
            return
        words = asdict(turn)
        # What was said has been told.
        del words["answer"], words["reasoning"]
        self._tell({"type": "ended", "request": request_id, "turn": words})
