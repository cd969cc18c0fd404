"""What a panel is told of its conversation, and its questions, asked in threads beside cells.

Every panel of a conversation follows one running answer: its own, or else the oldest. It gets this
one in pieces, and any other when that has ended. The panel's other messages are in :mod:`.panel`,
asking in :mod:`.session`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from ..protocol.conversation import Conversation, Turn
from ..protocol.errors import AqueductError
from ..protocol.panel import FromKernel
from .answer import Answer
from .growing import GrowingAnswer
from .notebook_chat import NotebookChat
from .turn_request import TurnRequest

__all__ = ["PanelAnswers"]

THREAD = "aqueduct-panel"
"""The name of the asking threads, as shown by debuggers."""

Tell = Callable[[FromKernel], None]


class _Unshown:
    """The display of an answer that only panels show."""

    def grow(self, answer: Answer) -> None:
        """Show nothing."""

    def end(self, answer: Answer, note: str, metadata: dict[str, Any], /) -> None:
        """Show nothing."""


class PanelAnswers:
    """The turns and answers that a panel shows.

    Args:
        chats: the chats that ask the questions.
        conversation: the conversation that is shown.
        tell: sends a message to the panel, from any thread.
    """

    def __init__(self, chats: NotebookChat, conversation: Conversation, tell: Tell) -> None:
        self._chats = chats
        self._conversation = conversation
        self._tell = tell
        self._running = chats.session.running
        self._versions = chats.session.versions(conversation.name)
        self._own: dict[str, TurnRequest] = {}
        self._followed: GrowingAnswer | None = None
        self._told: dict[str, object] = {}
        self._running.listeners.append(self)

    def close(self) -> None:
        """Follow nothing any longer; what was asked goes on."""
        with suppress(ValueError):
            self._running.listeners.remove(self)

    def ask(self, request_id: str, request: TurnRequest) -> threading.Thread:
        """Ask in a new thread, which is returned; the panel gets the answer as it grows."""
        self._own[request_id] = request
        arguments = (request_id, request)
        thread = threading.Thread(target=self._ask, args=arguments, daemon=True, name=THREAD)
        thread.start()
        return thread

    def stop(self, request: str) -> None:
        """Stop an answer of this conversation immediately, here and at the upstream."""
        growing = self._running.find(request)
        if growing is None or growing.conversation is not self._conversation:
            return
        growing.is_stopped.set()
        # If the service cannot stop a request, we leave the stream at its next chunk.
        with suppress(AqueductError):
            self._chats.connected().stop(request)

    def tell_all(self) -> None:
        """Send all turns in full."""
        with self._running.lock:
            self._told = {}
            self._tell_turns()

    def tell_changes(self) -> None:
        """Send the turns that the panel does not know, or that have changed elsewhere."""
        with self._running.lock:
            if self._marks() != self._told:
                self._tell_turns()

    def begun(self, growing: GrowingAnswer) -> None:
        """Tell the question if it is the panel's own; others are told with the turns."""
        if own := self._own.get(growing.request):
            self._followed = growing
            turn = self._told_turn(growing.turn)
            self._tell(
                {
                    "type": "begun",
                    "request": growing.request,
                    "turn": turn,
                    "before": own.before,
                }
            )

    def grown(self, growing: GrowingAnswer, text: str, reasoning: str) -> None:
        """Send the next piece of the answer that the panel follows."""
        if growing is self._followed:
            self._tell(
                {"type": "delta", "request": growing.request, "text": text, "reasoning": reasoning}
            )

    def restarted(self, growing: GrowingAnswer) -> None:
        """Send an answer's new text."""
        if growing is self._followed:
            self._told.pop(growing.turn.id, None)
            self._tell_turns()

    def ended(self, growing: GrowingAnswer) -> None:
        """Tell how an answer ended; its text only if the panel may not have it."""
        self._own.pop(growing.request, None)
        if growing.conversation is not self._conversation:
            return
        turn, is_followed = growing.turn, growing is self._followed
        self._followed = None if is_followed else self._followed
        # A panel that has stopped an answer ignores further messages about its request.
        if is_followed and turn.id in self._told and not growing.is_stopped.is_set():
            ended = self._told_turn(turn)
            del ended["answer"], ended["reasoning"]
            self._told[turn.id] = self._marks().get(turn.id)
            self._tell({"type": "ended", "request": growing.request, "turn": ended})
        if is_followed:
            # The panel goes on with another, of which it has not got every piece.
            for other in self._running.of(self._conversation):
                self._told.pop(other.turn.id, None)
        self.tell_changes()

    def _marks(self) -> dict[str, object]:
        """Return the turns' ids in order, each with what differs once it has to be sent again."""
        growing = {one.turn.id for one in self._running.of(self._conversation)}
        return {
            turn.id: ("running" if turn.id in growing else turn.state, *self._versions.of(turn))
            for turn in self._conversation.turns
        }

    def _tell_turns(self) -> None:
        """Send the ids of all turns, those in full that the panel does not know, and what runs."""
        running = self._running.of(self._conversation)
        if self._followed not in running:
            own = [one for one in running if one.request in self._own]
            self._followed = next(iter([*own, *running]), None)
        growing = {one.turn.id: one for one in running}
        told, self._told = self._told, self._marks()
        followed = self._followed
        self._tell(
            {
                "type": "turns",
                "ids": list(self._told),
                "turns": [
                    self._told_turn(turn, growing.get(turn.id))
                    for turn in self._conversation.turns
                    if told.get(turn.id) != self._told.get(turn.id)
                ],
                "running": followed.request if followed else None,
                "answering": followed.turn.id if followed else None,
            }
        )

    def _told_turn(self, turn: Turn, growing: GrowingAnswer | None = None) -> dict[str, Any]:
        """Return a turn as it is sent; the next piece of a growing answer is added to it."""
        versions, version = self._versions.of(turn)
        told = asdict(turn) | {"versions": versions, "version": version}
        if growing is not None:
            told |= {"state": "running", "answer": growing.text, "reasoning": growing.reasoning}
        return told

    def _ask(self, request_id: str, request: TurnRequest) -> None:
        begun: list[Turn] = []

        def display(turn: Turn) -> _Unshown:
            begun.append(turn)
            return _Unshown()

        try:
            self._chats.session.ask(request, display)
        except AqueductError as error:
            # What ends a turn is told with it.
            if not begun:
                self._own.pop(request_id, None)
                self._tell({"type": "trouble", "message": error.message})
