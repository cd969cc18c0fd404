"""This file is one answer as the kernel reads it: its pieces as they come, and whole at the end.

Asking is left to :mod:`.client`, showing to :mod:`.display`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, Self

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

    def add(self, chunk: Mapping[str, Any]) -> str:
        """Take one chunk of a stream and give the text in it, maybe none."""
        self._note(chunk)
        text = ""
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0:
                self.finish_reason = choice.get("finish_reason") or self.finish_reason
                delta = choice.get("delta") or {}
                text += delta.get("content") or ""
                self.reasoning += _reasoning(delta)
        self.text += text
        return text

    def take(self, completion: Mapping[str, Any]) -> None:
        """Take a whole completion."""
        self._note(completion)
        for choice in completion.get("choices") or ():
            if choice.get("index", 0) == 0:
                self.finish_reason = choice.get("finish_reason")
                message = choice.get("message") or {}
                self.text = message.get("content") or ""
                self.reasoning = _reasoning(message)

    def _note(self, words: Mapping[str, Any]) -> None:
        self.model = words.get("model") or self.model
        usage = words.get("usage") or {}
        self.tokens_in = usage.get("prompt_tokens", self.tokens_in)
        self.tokens_out = usage.get("completion_tokens", self.tokens_out)


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

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            thought = len(self.answer.reasoning)
            text = self.answer.add(chunk)
            if text or len(self.answer.reasoning) > thought:
                yield text

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


def _reasoning(words: Mapping[str, Any]) -> str:
    # No name for it is settled: DeepSeek's and vLLM's first, then OpenRouter's and Ollama's.
    return words.get("reasoning_content") or words.get("reasoning") or ""
