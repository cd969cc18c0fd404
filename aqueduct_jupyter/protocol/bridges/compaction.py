"""Compaction over a bridge: a model's summary takes the place of what was said before.

OpenAI's own service seals a summary so that only it can read it. Here it is base64 of plain text,
so that any upstream can continue: the client has seen everything in it anyway.

Source: ``CompactedResponse`` and ``ResponseCompactionItem`` of the OpenAI API.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import InvalidRequestError, UpstreamError
from ..items import Begin, Delta, End, ItemEvent
from ..response_conversations import as_stored_item
from ..responses_fields import item_type
from .forms import AnswerHead
from .responses_writer import ResponsesWriter

__all__ = [
    "COMPACTION",
    "INSTRUCTION",
    "TRIGGER",
    "CompactedWriter",
    "CompactionWriter",
    "is_triggered",
    "read_summary",
]

COMPACTION, TRIGGER = "compaction", "compaction_trigger"
"""The types of the item that holds a summary, and of the one that asks for it."""

INSTRUCTION = (
    "Summarize this conversation for an assistant that will continue it and sees nothing else of "
    "it. Keep what the user wants and insists on, what was decided and done, results, names, "
    "numbers and paths that are still needed, and what is left to do. Write only the summary."
)
"""What a model is asked for a summary."""

_INTRODUCTION = "Summary of the conversation until now:\n\n"

_MARK = b"summary:"


def is_triggered(items: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether one of the items asks for a summary."""
    return any(item_type(item) == TRIGGER for item in items)


def read_summary(content: str, param: str) -> str:
    """Read the content of a summary's item, as text for a model.

    Args:
        content: the item's ``encrypted_content``.
        param: its field.

    Raises:
        InvalidRequestError: this server has not written it.
    """
    try:
        decoded = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded.startswith(_MARK):
        raise InvalidRequestError(
            f"{param} was written by another service, and only that can read it. Send the "
            "conversation itself, or choose a model of that service.",
            param=param,
        )
    return _INTRODUCTION + decoded.removeprefix(_MARK).decode(errors="replace")


def _sealed(summary: str) -> str:
    return base64.b64encode(_MARK + summary.encode(errors="replace")).decode()


class CompactionWriter(ResponsesWriter):
    """Writes a response whose only item is the summary.

    Args:
        head: what is known of the answer before it begins.
    """

    def __init__(self, head: AnswerHead) -> None:
        super().__init__(head)
        self._texts: set[int] = set()
        self._pieces: list[str] = []

    def write(self, event: ItemEvent) -> bytes:
        """Write an event's frames, or nothing; after the end the stream is complete."""
        match event:
            case Begin(item, kind):
                if kind == "text":
                    self._texts.add(item)
                return b""
            case Delta(item, text):
                if item in self._texts:
                    self._pieces.append(text)
                return b""
            case End():
                return self._write_summary() + super().write(event)
        return super().write(event)

    def _write_summary(self) -> bytes:
        summary = "".join(self._pieces).strip()
        item_id = f"cmp_{self._head.id.removeprefix('resp_')}_0"
        item = {"id": item_id, "type": COMPACTION, "encrypted_content": _sealed(summary)}
        self._response["output"].append(item)
        place = {"output_index": 0, "item": item}
        added = self._frame("response.output_item.added", place)
        return added + self._frame("response.output_item.done", place)


class CompactedWriter(CompactionWriter):
    """Writes the answer to ``responses/compact``: what the user said, and the summary.

    Args:
        head: what is known of the answer before it begins.
        said: all items of the conversation.
    """

    def __init__(self, head: AnswerHead, said: Sequence[dict[str, Any]]) -> None:
        super().__init__(head)
        self._said = said

    def whole(self, events: Iterable[ItemEvent]) -> dict[str, Any]:
        """Write a whole answer.

        Raises:
            AqueductError: the answer failed, or there is no summary in it.
        """
        response = super().whole(events)
        if not "".join(self._pieces).strip():
            raise UpstreamError("The model wrote no summary. Ask again, or choose another model.")
        asked = [as_stored_item(item) for item in self._said if item.get("role") == "user"]
        return {
            "id": response["id"],
            "object": "response.compaction",
            "created_at": response["created_at"],
            "output": [*asked, *response["output"]],
            "usage": response["usage"],
        }
