"""Chat messages from a sequence of texts, tool calls and their results.

A chat upstream requires that the message with the calls is followed at once by one tool message
for each of them. Other APIs are looser, so:

* Calls, and the text before and among them, form one assistant message until all have results.
* What a user says among them comes after their results, and so do images in results, because most
  upstreams accept only text in a tool message.
* Reasoning belongs to the assistant message that follows it; without one it is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidRequestError
from ..plain_text import in_quotes
from .thinking_blocks import ThinkingBlock

__all__ = ["Content", "Transcript"]

Content = str | list[dict[str, Any]]
_Message = dict[str, Any]


@dataclass(slots=True)
class _Turn:
    """What the assistant says between two messages of others, and its tools' results."""

    texts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    blocks: list[ThinkingBlock] = field(default_factory=list)
    calls: list[_Message] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    """The fields that hold the ids of calls without a result, by id."""
    results: list[_Message] = field(default_factory=list)
    shown: list[dict[str, Any]] = field(default_factory=list)
    """Parts of results that are not text."""
    later: list[_Message] = field(default_factory=list)

    @property
    def has_spoken(self) -> bool:
        return bool(self.texts or self.refusals or self.results)

    def messages(self) -> list[_Message]:
        if not (self.texts or self.refusals or self.calls):
            return []
        message: _Message = {
            "role": "assistant",
            "content": "\n\n".join(self.texts) if self.texts else None,
        }
        if self.refusals:
            message["refusal"] = "\n\n".join(self.refusals)
        if self.thoughts:
            message["reasoning_content"] = "\n\n".join(self.thoughts)
        if self.blocks:
            message["thinking_blocks"] = self.blocks
        if self.calls:
            message["tool_calls"] = self.calls
        shown = [{"role": "user", "content": self.shown}] if self.shown else []
        return [message, *self.results, *shown, *self.later]


class Transcript:
    """Collects chat messages in the order that upstreams require."""

    def __init__(self) -> None:
        self._messages: list[_Message] = []
        self._turn: _Turn | None = None

    def say(self, role: str, content: Content) -> None:
        """Add a message of the user or the system."""
        message = {"role": role, "content": content}
        if self._turn and self._turn.waiting:
            self._turn.later.append(message)
        else:
            self._close()
            self._messages.append(message)

    def think(self, text: str, block: ThinkingBlock | None = None) -> None:
        """Add reasoning of the assistant, and the block in which the Messages API takes it back."""
        turn = self._fresh()
        if text:
            turn.thoughts.append(text)
        if block:
            turn.blocks.append(block)

    def answer(self, texts: Sequence[str], refusals: Sequence[str] = ()) -> None:
        """Add a text of the assistant, in one or more parts."""
        turn = self._fresh()
        if texts or not refusals:
            turn.texts.append("".join(texts))
        turn.refusals.extend(refusals)

    def call(self, call_id: str, name: str, arguments: str, param: str) -> None:
        """Add a tool call.

        Raises:
            InvalidRequestError: a call with this id still waits for its result.
        """
        turn = self._turn
        if turn is None or (turn.results and not turn.waiting):
            self._close()
            turn = self._turn = _Turn()
        if call_id in turn.waiting:
            raise InvalidRequestError(
                f"{param} '{in_quotes(call_id)}' is used by two tool calls.", param=param
            )
        turn.waiting[call_id] = param
        function = {"name": name, "arguments": arguments or "{}"}
        turn.calls.append({"id": call_id, "type": "function", "function": function})

    def result(self, call_id: str, text: str, shown: Sequence[dict[str, Any]], param: str) -> None:
        """Add the result of a tool call.

        Args:
            call_id: the call's id.
            text: its text.
            shown: its other parts, such as images.
            param: the field that holds the id.

        Raises:
            InvalidRequestError: no call with this id waits for a result.
        """
        turn = self._turn
        if turn is None or call_id not in turn.waiting:
            raise InvalidRequestError(
                f"{param} '{in_quotes(call_id)}' is not the id of a tool call before it that has "
                "no result yet.",
                param=param,
            )
        del turn.waiting[call_id]
        if shown:
            text = text or "The result is in the next user message."
            turn.shown.append({"type": "text", "text": f"Result of the tool call {call_id}:"})
            turn.shown.extend(shown)
        turn.results.append({"role": "tool", "tool_call_id": call_id, "content": text})

    def finish(self) -> list[_Message]:
        """Return the messages.

        Raises:
            InvalidRequestError: a tool call has no result, and is not at the end.
        """
        turn = self._turn
        if turn and not turn.results and not turn.later:
            turn.waiting.clear()  # calls at the end: their results are still to come
        self._close()
        return self._messages

    def _fresh(self) -> _Turn:
        turn = self._turn
        if turn is None or (turn.has_spoken and not turn.waiting):
            self._close()
            turn = self._turn = _Turn()
        return turn

    def _close(self) -> None:
        turn, self._turn = self._turn, None
        if turn is None:
            return
        for call_id, param in turn.waiting.items():
            raise InvalidRequestError(
                f"{param} '{in_quotes(call_id)}' is a tool call without a result. Send its result, "
                "or leave out the call.",
                param=param,
            )
        self._messages.extend(turn.messages())
