"""A notebook's chat: its conversations, and a cell's question from text to answer.

The magic's options are in :mod:`.magics`; the requests to the server in :mod:`.asking`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..protocol.conversation import Conversation, Message, Turn, estimate_tokens
from ..protocol.errors import (
    AnswerError,
    AqueductError,
    CellError,
    ContextLengthError,
    RequestStoppedError,
)
from .answer import Answer
from .asking import Asker, Question, is_schema_refused
from .context import Context, FilePart, fit
from .display import Display
from .structured import AnswerType

__all__ = ["ChatSession", "Notes", "Reply", "Request"]

MOST_REPAIRS = 2
"""How often a model is asked to correct a typed answer."""

CUT_OFF = "The answer was cut off before it was complete. Allow a longer one with --max-tokens."


@dataclass(slots=True)
class Request:
    """A cell's request.

    Args:
        prompt: the cell's text, with values inserted.
        contexts: the attached objects.
        parts: attachments that are already message parts.
        parameters: the API parameters, including ``model``.
        system: the system message.
        conversation: the conversation's name.
        is_new: clear the conversation first.
        cell: the notebook's id of the cell.
        before: the turn to ask again; the conversation goes back to before it.
        answer_type: the type that the answer must have.
        is_streamed: False asks for the complete answer at once.
        client_id: the caller's own id for the request, with which another thread can stop it.
        context_tokens: the budget for the text of attachments.
        history_tokens: the budget for all messages; None is the model's own limit.
    """

    prompt: str
    contexts: Sequence[Context] = ()
    parts: Sequence[dict[str, Any]] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    system: str | None = None
    conversation: str = "main"
    is_new: bool = False
    cell: str | None = None
    before: str | None = None
    answer_type: AnswerType | None = None
    is_streamed: bool = True
    client_id: str | None = None
    context_tokens: int = 8000
    history_tokens: int | None = None


@dataclass(slots=True)
class Notes:
    """Remarks about a question: how many turns were dropped, and what was left out of it."""

    dropped_turns: int
    left_out: list[str]

    @property
    def lines(self) -> list[str]:
        """Both as text for the user."""
        if not self.dropped_turns:
            return list(self.left_out)
        turns = "1 oldest turn" if self.dropped_turns == 1 else f"{self.dropped_turns} oldest turns"
        return [f"the {turns} no longer fit and were left out", *self.left_out]


@dataclass(slots=True)
class Reply:
    """The result: the answer, its typed value if a type was requested, and notes for the user."""

    answer: Answer
    value: Any
    notes: list[str]


class ChatSession:
    """The conversations of one notebook.

    Args:
        asker: asks the questions.
    """

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.conversations: dict[str, Conversation] = {}
        self.last_question: Question | None = None
        self.last_answer: Answer | None = None
        self._files: dict[str, FilePart] = {}

    def conversation(self, name: str) -> Conversation:
        """Return a conversation; it is created on first use."""
        return self.conversations.setdefault(name, Conversation(name))

    def keep_file(self, part: FilePart) -> dict[str, Any]:
        """Keep a file for messages to refer to, and return the part that does."""
        self._files[part.sha256] = part
        return part.part()

    def prepare(self, request: Request) -> tuple[Turn, Question, Notes]:
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
        if request.before:
            conversation.go_back(request.before)
        turn = conversation.begin(request.prompt, _content(request), request.cell)
        question, dropped = self._question(request, turn, request.history_tokens)
        return turn, question, Notes(dropped, left_out)

    def ask(self, request: Request, display: Callable[[Turn], Display]) -> Reply:
        """Ask a cell's question, and end its turn in one of the three ways.

        Args:
            request: the request.
            display: returns the display for a turn's answer, once the turn has begun.

        Raises:
            AqueductError: there is no answer, or it is not what was asked for.
            KeyboardInterrupt: the user stopped it; the upstream connection is closed, and the
                partial answer is kept.
        """
        turn, question, notes = self.prepare(request)
        answer = Answer()
        shown = display(turn)
        try:
            value = self._asked(request, turn, question, shown, answer, notes)
        except BaseException as error:
            self._end(request, turn, answer, notes, error)
            footer = _footer(answer, [turn.state, *notes.lines])
            shown.end(answer, footer, _metadata(answer, question))
            raise
        self._end(request, turn, answer, notes)
        shown.end(answer, _footer(answer, notes.lines), _metadata(answer, question))
        return Reply(answer, value, notes.lines)

    def _asked(
        self,
        request: Request,
        turn: Turn,
        question: Question,
        shown: Display,
        answer: Answer,
        notes: Notes,
    ) -> Any:
        while True:
            self.last_question, self.last_answer = question, answer
            try:
                if request.answer_type:
                    return self._typed(request.answer_type, question, shown, answer)
                self.asker.ask(question, shown, answer)
                return answer.text
            except ContextLengthError:
                # Only now do we know that it exceeds the model's context: drop the oldest turns.
                room = estimate_tokens(question.messages) * 2 // 3
                shorter, dropped = self._question(request, turn, room)
                if len(shorter.messages) == len(question.messages):
                    raise
                question, notes.dropped_turns = shorter, dropped

    def _question(self, request: Request, turn: Turn, room: int | None) -> tuple[Question, int]:
        conversation = self.conversation(request.conversation)
        messages, dropped = conversation.messages(turn, system=request.system, most_tokens=room)
        parameters = dict(request.parameters)
        if request.answer_type:
            parameters["response_format"] = request.answer_type.response_format()
        files = {
            part.sha256: part
            for context in request.contexts
            for part in context.parts
            if isinstance(part, FilePart)
        }
        # Earlier turns may refer to earlier files.
        self._files |= files
        return Question(
            messages, parameters, self._files, request.is_streamed, request.client_id
        ), dropped

    def _typed(self, wanted: AnswerType, question: Question, shown: Display, answer: Answer) -> Any:
        """Ask for a typed answer, and ask again if it does not fit the type."""
        for repair in range(MOST_REPAIRS + 1):
            self._ask_with_schema(wanted, question, shown, answer)
            try:
                return wanted.read(answer.text)
            except AnswerError as error:
                # An answer that reaches the limit is usually incomplete JSON; a complete one was
                # accepted above.
                if answer.finish_reason == "length":
                    raise AnswerError(CUT_OFF, answer.text) from None
                if repair == MOST_REPAIRS:
                    raise
                complaint = f"{error.message} Answer again, with the corrected JSON only."
                question.messages = [
                    *question.messages,
                    {"role": "assistant", "content": answer.text},
                    {"role": "user", "content": complaint},
                ]
                _clear(answer)
        raise AssertionError("the last repair returns or raises")

    def _ask_with_schema(
        self, wanted: AnswerType, question: Question, shown: Display, answer: Answer
    ) -> None:
        try:
            self.asker.ask(question, shown, answer)
        except AqueductError as error:
            if "response_format" not in question.parameters or not is_schema_refused(error):
                raise
            parameters = dict(question.parameters)
            del parameters["response_format"]
            question.parameters = parameters
            question.messages = _with_text(question.messages, wanted.request())
            self.asker.ask(question, shown, answer)

    def _end(
        self,
        request: Request,
        turn: Turn,
        answer: Answer,
        notes: Notes,
        error: BaseException | None = None,
    ) -> None:
        turn.answer, turn.model, turn.request_id = answer.text, answer.model, answer.request_id
        turn.reasoning, turn.notes = answer.reasoning, notes.lines
        turn.tokens_in, turn.tokens_out = answer.tokens_in, answer.tokens_out
        if error is None:
            turn.end("whole")
        elif isinstance(error, AqueductError) and not isinstance(error, RequestStoppedError):
            turn.end("failed", error.message, error.code)
        else:
            turn.end("stopped")
        self.conversation(request.conversation).changed()


def _content(request: Request) -> str | list[dict[str, Any]]:
    """Put attachments before the prompt, as parts; a prompt without any stays a string."""
    if not request.contexts and not request.parts:
        return request.prompt
    texts = [context.text for context in request.contexts if context.text]
    parts = [part.part() for context in request.contexts for part in context.parts]
    return [
        *({"type": "text", "text": text} for text in texts),
        *parts,
        *request.parts,
        {"type": "text", "text": request.prompt},
    ]


def _with_text(messages: Sequence[Message], text: str) -> list[Message]:
    last = messages[-1]
    content = last["content"]
    if isinstance(content, str):
        return [*messages[:-1], {**last, "content": f"{content}\n\n{text}"}]
    return [*messages[:-1], {**last, "content": [*content, {"type": "text", "text": text}]}]


def _clear(answer: Answer) -> None:
    answer.text, answer.finish_reason = "", None


def _footer(answer: Answer, notes: Sequence[str]) -> str:
    facts = [answer.model or "", f"{answer.seconds:.1f} s"]
    facts += [f"{answer.tokens_out} tokens"] if answer.tokens_out is not None else []
    return " \u00b7 ".join([*(fact for fact in facts if fact), *notes])


def _metadata(answer: Answer, question: Question) -> dict[str, Any]:
    return {
        "model": answer.model,
        "request_id": answer.request_id,
        "prompt": question.key,
        "tokens_in": answer.tokens_in,
        "tokens_out": answer.tokens_out,
        "finish_reason": answer.finish_reason,
    }
