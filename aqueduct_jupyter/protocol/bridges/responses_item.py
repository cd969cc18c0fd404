"""The output item that :mod:`.responses_writer` is writing.

Source: ``ResponseStreamEvent`` of the OpenAI API.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic_core import to_json

__all__ = ["OpenItem"]


class OpenItem:
    """The output item that is being written.

    Args:
        index: its index in the output.
        item: the output item, whose text is filled in when it is closed.
        grows: the event of its deltas and of its text's end, without ``delta`` or ``done``; empty
            for an item whose text is written once it is complete.
        field: the field for the text in the latter event.
        part: the part that holds the text; None if the item itself holds it.
    """

    def __init__(
        self, index: int, item: dict[str, Any], grows: str, field: str, part: dict[str, Any] | None
    ) -> None:
        self.index = index
        self.item = item
        self.grows = grows
        self.field = field
        self.part = part
        self.pieces: list[str] = []
        self.sealed = ""
        self.place: dict[str, Any] = {"item_id": item["id"], "output_index": index}
        if part is not None:
            self.place["content_index"] = 0
        # Those of all of the text, and those of its next piece.
        self.logprobs: list[Any] | None = part.get("logprobs") if part else None
        self.next_logprobs: list[Any] = []
        name = f"{grows}.delta".encode()
        # A delta is a sequence number and a text between these bytes.
        self.before = b'event: %b\ndata: {"type":"%b","sequence_number":' % (name, name)
        self.between = b",%b," % to_json(self.place)[1:-1] + b'"delta":'
        self.after = b',"logprobs":[]}\n\n' if self.logprobs is not None else b"}\n\n"

    def weigh(self, tokens: Iterable[Any]) -> None:
        """Add log probabilities of the next piece, if this is a text."""
        if self.logprobs is not None:
            self.logprobs.extend(tokens)
            self.next_logprobs.extend(tokens)
