"""One answer as the kernel reads it: its pieces as they come, and whole at the end.

Asking is left to :mod:`.client`, showing to :mod:`.display`, and what one chunk says to
:mod:`aqueduct_jupyter.protocol.chunks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, Self

from ..protocol.chunks import Said, WholeCharacters, read_chunk, read_number, whole_text
from ..protocol.plain_text import plain_text

__all__ = ["Answer", "AnswerStream"]


@dataclass(slots=True)
class Answer:
    """One answer, whole or so far.

    ``tokens_in`` and ``tokens_out`` are as the upstream counted them, or None; ``seconds`` from the
    question to the last piece; ``finish_reason`` is ``"stop"`` where the model had said all;
    ``reasoning`` is what it thought aloud before, where it does.
    """

    text: str = ""
    model: str | None = None
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    request_id: str | None = None
    seconds: float = 0.0
    reasoning: str = ""

    def __str__(self) -> str:
        return self.text

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, words: Mapping[str, Any]) -> Self:
        """Give the answer that :meth:`as_dict` gave, or that somebody wrote into a file.

        Raises:
            TypeError: it is none.
        """
        for name in ("text", "reasoning"):
            if not isinstance(words.get(name, ""), str):
                raise TypeError(f"{name} is not text")
        return cls(
            text=whole_text(words.get("text", "")),
            reasoning=whole_text(words.get("reasoning", "")),
            model=plain_text(words.get("model")) or None,
            finish_reason=plain_text(words.get("finish_reason")) or None,
            request_id=plain_text(words.get("request_id")) or None,
            tokens_in=read_number(words.get("tokens_in")),
            tokens_out=read_number(words.get("tokens_out")),
            seconds=read_number(words.get("seconds")) or 0.0,
        )

    def take(self, completion: Mapping[str, Any]) -> None:
        """Take a whole completion.

        Raises:
            DisconnectedError: it makes no sense.
        """
        said = read_chunk(completion, "message")
        self.text, self.reasoning = whole_text(said.text), whole_text(said.reasoning)
        self.finish_reason = said.finish_reason
        self.note(said)

    def note(self, said: Said) -> None:
        """Take what a chunk says beside its text."""
        self.model = said.model or self.model
        self.finish_reason = said.finish_reason or self.finish_reason
        self.tokens_in = self.tokens_in if said.tokens_in is None else said.tokens_in
        self.tokens_out = self.tokens_out if said.tokens_out is None else said.tokens_out


@dataclass(slots=True)
class AnswerStream:
    """An answer that arrives; a context, so that leaving it closes the connection.

    Iterating gives the text of each chunk that brought some, "" where it was only reasoning.
    ``answer`` is complete after the last one, and an iteration that ends by itself has seen the
    stream's own end; every other end raises.

    Args:
        chunks: the chunks, closed by ``close`` where it is a generator.
        answer: what is filled.
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
        """Close the connection, and with it the upstream's."""
        close = getattr(self._chunks, "close", None)
        if close:
            close()
