"""A notebook's chat: its conversations, and a cell's question from text to answer.

The magic's options are in :mod:`.magics`; the requests to the server in :mod:`.asking`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..protocol.conversation import Conversation, Turn
from ..protocol.errors import (
    AqueductError,
    CellError,
    ContextLengthError,
    RequestStoppedError,
)
from ..protocol.plain_text import plain_text
from ..protocol.tokens import estimate_tokens
from .answer import Answer
from .asking import Asker, Question
from .context import FilePart, ImagePart, fit
from .display import Display
from .growing import RunningAnswers
from .recording import Place
from .reply import Notes, Reply, footer, metadata
from .turn_request import TurnRequest
from .typed_asking import ask_typed
from .versions import Versions

if TYPE_CHECKING:
    from .panel_places import PanelPlaces

__all__ = ["ChatSession"]


class ChatSession:
    """The conversations of one notebook.

    Args:
        asker: asks the questions.

    Attributes:
        running: the answers that are being written.
    """

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.running = RunningAnswers()
        self.conversations: dict[str, Conversation] = {}
        self._last: dict[str | None, tuple[Question, Answer]] = {}
        self._versions: dict[str, Versions] = {}
        self._systems: dict[str, str] = {}
        self._executions: dict[tuple[str, str], int] = {}
        self._requests: dict[str, TurnRequest] = {}
        self._files: dict[str, FilePart] = {}

    @cached_property
    def panels(self) -> PanelPlaces:
        """The panels, each in its conversation."""
        # Only panels need pydantic, which takes longer to import than all else here.
        from .panel_places import PanelPlaces

        return PanelPlaces()

    def conversation(self, name: str) -> Conversation:
        """Return a conversation; it is created on first use."""
        return self.conversations.setdefault(name, Conversation(name))

    def versions(self, name: str) -> Versions:
        """Return what a conversation has had besides what it shows."""
        return self._versions.setdefault(name, Versions(self.conversation(name)))

    def last_asked(self, name: str | None = None) -> tuple[Question | None, Answer | None]:
        """Return the last question and its answer: of one conversation, or of all."""
        return self._last.get(name, (None, None))

    def system(self, name: str) -> str | None:
        """Return the system message that a conversation was given, if any."""
        return self._systems.get(name)

    def give_system(self, name: str, system: str) -> None:
        """Give a conversation a system message, which stays until another one or a new start."""
        self._systems[name] = system

    def request_of(self, turn: Turn) -> TurnRequest | None:
        """Return how a turn was asked; None if that was in another session."""
        return self._requests.get(turn.id)

    def keep_file(self, part: FilePart) -> dict[str, Any]:
        """Keep a file for messages to refer to, and return the part that does."""
        self._files[part.sha256] = part
        return part.part()

    def prepare(self, request: TurnRequest) -> tuple[Turn, Question, Notes]:
        """Begin a turn and return it with its question, not asked yet, and its notes.

        Raises:
            CellError: the prompt is empty.
        """
        if not request.prompt.strip():
            raise CellError("The cell is empty: write the question below %%chat.")
        left_out = [f"left out {what}" for what in fit(request.contexts, request.context_tokens)]
        conversation = self.conversation(request.conversation)
        if request.is_new:
            conversation.reset()
            self._systems.pop(request.conversation, None)
        gone = conversation.go_back(request.before) if request.before else []
        if request.continues and conversation.last:
            conversation.last.keep_part()
        turn = conversation.begin(
            request.prompt,
            request.content(),
            request.cell,
            is_same_run=self._is_same_run(request),
        )
        self.versions(request.conversation).replace(gone, turn)
        self._requests[turn.id] = request
        question, dropped = self._question(request, turn, request.history_tokens)
        return turn, question, Notes(dropped, [*left_out, *self._warnings(request)])

    def _warnings(self, request: TurnRequest) -> list[str]:
        """Say what may not come back from a recording, while it is made."""
        recording = self.asker.recording
        if recording is None or recording.mode not in ("record", "replay"):
            return []
        return [
            f"the picture of {context.name} is drawn anew each time, so its answer may not be "
            "found again"
            for context in request.contexts
            if any(isinstance(part, ImagePart) and part.is_drawn for part in context.parts)
        ]

    def _is_same_run(self, request: TurnRequest) -> bool:
        """Return whether a request comes from a run of its cell that has asked before."""
        if request.cell is None or request.execution is None:
            return False
        place = request.conversation, request.cell
        before = self._executions.get(place)
        self._executions[place] = request.execution
        return before == request.execution

    def ask(self, request: TurnRequest, display: Callable[[Turn], Display]) -> Reply:
        """Ask a cell's question, and end its turn in one of the three ways.

        Args:
            request: the request.
            display: returns the display for a turn's answer, once the turn has begun.

        Raises:
            AqueductError: there is no answer, or it is not what was asked for.
            KeyboardInterrupt: the user stopped it; the upstream connection is closed, and the
                partial answer is kept.
        """
        request.client_id = request.client_id or secrets.token_hex(8)
        turn, question, notes = self.prepare(request)
        answer = Answer()
        conversation = self.conversation(request.conversation)
        with self.running.writing(request.client_id, conversation, turn, display(turn)) as shown:
            try:
                value = self._asked(request, turn, question, shown, answer, notes)
            except BaseException as error:
                self._end(request, turn, answer, notes, error)
                below = footer(answer, [turn.state, *notes.lines])
                shown.end(answer, below, metadata(answer, question))
                raise
            self._end(request, turn, answer, notes)
            shown.end(answer, footer(answer, notes.lines), metadata(answer, question))
        return Reply(answer, value, notes.lines)

    def _asked(
        self,
        request: TurnRequest,
        turn: Turn,
        question: Question,
        shown: Display,
        answer: Answer,
        notes: Notes,
    ) -> Any:
        while True:
            self._last[None] = self._last[request.conversation] = question, answer
            try:
                if request.answer_type:
                    return ask_typed(self.asker, request.answer_type, question, shown, answer)
                self.asker.ask(question, shown, answer)
                return answer.text
            except ContextLengthError:
                # Only now do we know that it exceeds the model's context: drop the oldest turns.
                room = estimate_tokens(question.messages) * 2 // 3
                shorter, dropped = self._question(request, turn, room)
                if len(shorter.messages) == len(question.messages):
                    raise
                question, notes.dropped_turns = shorter, dropped

    def _question(self, request: TurnRequest, turn: Turn, room: int | None) -> tuple[Question, int]:
        conversation = self.conversation(request.conversation)
        messages, dropped = conversation.messages(turn, system=request.system, most_tokens=room)
        parameters = dict(request.parameters)
        if request.answer_type:
            parameters["response_format"] = request.answer_type.response_format()
        # Earlier turns may refer to earlier files.
        self._files |= request.files()
        place = None
        if request.cell is not None and request.execution is not None:
            place = Place(request.cell, request.execution)
        return Question(
            messages, parameters, self._files, request.is_streamed, request.client_id, place
        ), dropped

    def _end(
        self,
        request: TurnRequest,
        turn: Turn,
        answer: Answer,
        notes: Notes,
        error: BaseException | None = None,
    ) -> None:
        notes.left_out.extend(answer.notes)
        turn.answer, turn.model, turn.request_id = answer.text, answer.model, answer.request_id
        turn.reasoning, turn.notes = answer.reasoning, notes.lines
        turn.tokens_in, turn.tokens_out = answer.tokens_in, answer.tokens_out
        turn.finish_reason, turn.dropped_turns = answer.finish_reason, notes.dropped_turns
        if error is None:
            turn.end("whole")
        elif isinstance(error, RequestStoppedError) or not isinstance(error, Exception):
            turn.end("stopped")
        elif isinstance(error, AqueductError):
            turn.end("failed", error.told(), error.code)
        else:
            turn.end("failed", plain_text(f"{type(error).__name__}: {error}"))
        self.conversation(request.conversation).changed()
