"""An answer as the kernel reads it: piece by piece, and complete at the end.

Asking is in :mod:`.client`, display in :mod:`.display`, and reading a chunk in
:mod:`aqueduct_jupyter.protocol.chunks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, Self

from ..protocol.chunks import Said, WholeCharacters, read_chunk, read_number, whole_text
from ..protocol.notes import clean_notes
from ..protocol.plain_text import plain_text

__all__ = ["Answer", "AnswerStream"]


@dataclass(slots=True)
class Answer:
    """An answer, complete or so far.

    ``tokens_in`` and ``tokens_out`` are the upstream's counts, or None; ``seconds`` is the time
    from the question to the last piece; ``finish_reason`` is ``"stop"`` if the model finished;
    ``reasoning`` is the model's reasoning before the answer, if any; ``notes`` are the server's
    remarks for the user, such as pages of a file that could not be read.
    """

    text: str = ""
    model: str | None = None
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    request_id: str | None = None
    seconds: float = 0.0
    reasoning: str = ""
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return self.text

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dict for JSON; ``notes`` only if there are any."""
        fields = asdict(self)
        if not self.notes:
            del fields["notes"]
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Build an answer from :meth:`as_dict`'s result, or from a file that anybody may have made.

        Raises:
            TypeError: the text or the reasoning is not a string.
        """
        for name in ("text", "reasoning"):
            if not isinstance(fields.get(name, ""), str):
                raise TypeError(f"{name} is not text")
        return cls(
            text=whole_text(fields.get("text", "")),
            reasoning=whole_text(fields.get("reasoning", "")),
            model=plain_text(fields.get("model")) or None,
            finish_reason=plain_text(fields.get("finish_reason")) or None,
            request_id=plain_text(fields.get("request_id")) or None,
            tokens_in=read_number(fields.get("tokens_in")),
            tokens_out=read_number(fields.get("tokens_out")),
            seconds=read_number(fields.get("seconds")) or 0.0,
            notes=clean_notes(fields.get("notes")),
        )

    def take(self, completion: Mapping[str, Any]) -> None:
        """Fill this answer from a complete chat completion.

        Raises:
            DisconnectedError: it cannot be understood.
        """
        said = read_chunk(completion, "message")
        self.text, self.reasoning = whole_text(said.text), whole_text(said.reasoning)
        self.finish_reason = said.finish_reason
        self.note(said)

    def note(self, said: Said) -> None:
        """Store the fields of a chunk other than its text."""
        self.model = said.model or self.model
        self.finish_reason = said.finish_reason or self.finish_reason
        self.tokens_in = self.tokens_in if said.tokens_in is None else said.tokens_in
        self.tokens_out = self.tokens_out if said.tokens_out is None else said.tokens_out


@dataclass(slots=True)
class AnswerStream:
    """A streamed answer; a context manager that closes the connection on exit.

    Iterating yields the text of each chunk that has any, or "" for a chunk with reasoning only.
    ``answer`` is complete after the last chunk. The iteration ends normally only at the stream's
    own end; any other end raises.

    Args:
        chunks: the chunks; a generator is closed by ``close``.
        answer: the answer to fill.
    """

    _chunks: Iterable[Mapping[str, Any]]
    answer: Answer = field(default_factory=Answer)
    _text: WholeCharacters = field(default_factory=WholeCharacters)
    _reasoning: WholeCharacters = field(default_factory=WholeCharacters)

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            said = read_chunk(chunk)
            self.answer.note(said)
            text, thought = self._text.add(said.text), self._reasoning.add(said.reasoning)
            if text or thought:
                yield self._grow(text, thought)
        text, thought = self._text.end(), self._reasoning.end()
        if text or thought:
            yield self._grow(text, thought)

    def _grow(self, text: str, thought: str) -> str:
        self.answer.text += text
        self.answer.reasoning += thought
        return text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, and with it the one to the upstream."""
        close = getattr(self._chunks, "close", None)
        if close:
            close()
