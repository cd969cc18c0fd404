"""The reader for answers of the Responses API, whole or as a stream.

A part of a message is an item, and so are all of a reasoning item, its summary included, and a
call. The input of a custom tool becomes the JSON of a function with one parameter, ``input``. Items
of the server's own tools are left out. What a server forgot to stream is read from the end of the
output item, or of the whole answer.

Source: ``ResponseStreamEvent`` and ``Response`` of the OpenAI API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..chat import Usage
from ..chunks import nonsense
from ..items import Kind
from .citations import read_citations
from .forms import ReadFailure
from .logprobs import read_logprobs
from .reading import ItemReader, as_json, as_word, counted
from .thinking_blocks import unsealed_thinking

__all__ = ["ResponsesReader"]

_TEXTS: dict[str, Kind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
}

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})

_PARTS: dict[str, tuple[Kind, str]] = {
    "output_text": ("text", "text"),
    "refusal": ("refusal", "refusal"),
}
"""The kind of each part of a message, and the field with its text."""

_WHOLE = -1
"""Stands for the index of a part where an output item as a whole is one item."""

_Place = tuple[int, int]
"""The index of an output item, and of a part in it."""


class ResponsesReader(ItemReader):
    """Reads one answer of the Responses API.

    Args:
        read_failure: converts an error in the answer.
    """

    def __init__(self, read_failure: ReadFailure) -> None:
        super().__init__(read_failure)
        self._items: dict[_Place, int] = {}
        self._outputs: dict[int, list[int]] = {}
        self._grown: set[int] = set()
        self._annotated: set[int] = set()
        self._weighed: dict[int, int] = {}
        self._last_part: dict[int, tuple[str, int]] = {}

    def _read_event(self, data: dict[str, Any]) -> None:
        name = data.get("type")
        if not isinstance(name, str):
            name = "error" if data.get("error") else ""
        if kind := _TEXTS.get(name):
            place = _index(data), _index(data, "content_index")
            if data.get("logprobs"):
                self._add_logprobs(self._open_item(kind, place), data["logprobs"])
            self._add(kind, place, data.get("delta"))
        elif name == "response.function_call_arguments.delta":
            self._extend((_index(data), _WHOLE), data.get("delta"))
        elif name in ("response.reasoning_text.delta", "response.reasoning_summary_text.delta"):
            self._think(data)
        elif name == "response.output_item.added":
            self._read_added(_index(data), data.get("item"))
        elif name == "response.output_item.done":
            self._read_output(_index(data), data.get("item"))
        elif name == "response.output_text.annotation.added":
            place = _index(data), _index(data, "content_index")
            self._annotate(self._items.get(place, -1), [data.get("annotation")])
        elif name in _ENDS:
            self._read_response(data.get("response"), name.removeprefix("response."))
        elif name == "error":
            raise self._error_in(data)

    def _read_whole(self, answer: Mapping[str, Any]) -> None:
        if answer.get("error") and answer.get("status") is None:
            raise self._error_in(answer)
        self._read_response(answer, answer.get("status"))

    def _read_response(self, response: Any, status: Any) -> None:
        if not isinstance(response, Mapping):
            raise nonsense("response")
        if status == "failed":
            raise self._error_in({"error": response.get("error") or "The model failed."})
        if status not in ("completed", "incomplete"):
            raise nonsense("status")
        output = response.get("output")
        for index, item in enumerate(output if isinstance(output, list) else ()):
            if index not in self._outputs:
                self._read_output(index, item)
        self._count(_counted(response.get("usage")))
        if status == "completed":
            self._end("stop")
            return
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Mapping) else None
        self._end("content_filter" if reason == "content_filter" else "length")

    def _read_added(self, index: int, output: Any) -> None:
        # A message begins with its first text: a refusal is known only by its part.
        if not isinstance(output, Mapping) or (index, _WHOLE) in self._items:
            return
        if output.get("type") == "reasoning":
            self._open_reasoning(index, output)
        elif output.get("type") in ("function_call", "custom_tool_call"):
            self._open_call(index, output)

    def _read_output(self, index: int, output: Any) -> None:
        """Read a complete output item: what of it is missing, and its end."""
        if not isinstance(output, Mapping):
            return
        match output.get("type"):
            case "message":
                self._read_message(index, output.get("content"))
            case "reasoning":
                self._read_reasoning(index, output)
            case "function_call":
                self._complete(self._open_call(index, output), output.get("arguments"))
            case "custom_tool_call":
                arguments = as_json({"input": output.get("input") or ""})
                self._complete(self._open_call(index, output), arguments)
        # What is incomplete stays open, so that it is written as incomplete.
        if output.get("status") != "incomplete":
            for item in self._outputs.get(index, ()):
                self._done(item)

    def _read_message(self, index: int, content: Any) -> None:
        for position, part in enumerate(content if isinstance(content, list) else ()):
            kind, field = (
                _PARTS.get(as_word(part.get("type")), (None, "")) if _is(part) else (None, "")
            )
            if kind:
                item = self._open_item(kind, (index, position))
                if kind == "text" and part.get("logprobs"):
                    self._add_logprobs(item, part["logprobs"], self._weighed.get(item, 0))
                self._complete(item, part.get(field))
                annotations = part.get("annotations")
                if kind == "text" and item not in self._annotated:
                    self._annotate(item, annotations)

    def _read_reasoning(self, index: int, output: Mapping[str, Any]) -> None:
        item = self._open_reasoning(index, output)
        texts = [
            part["text"]
            for field in ("summary", "content")
            for part in (output.get(field) if isinstance(output.get(field), list) else None) or ()
            if _is(part) and isinstance(part.get("text"), str)
        ]
        self._complete(item, "\n\n".join(texts))
        sealed = output.get("encrypted_content")
        block = unsealed_thinking(sealed)
        self._seal(item, block.get("signature") if block else sealed)

    def _open_reasoning(self, index: int, output: Mapping[str, Any]) -> int:
        block = unsealed_thinking(output.get("encrypted_content")) or {}
        return self._open_item("reasoning", (index, _WHOLE), redacted=block.get("data"))

    def _think(self, data: Mapping[str, Any]) -> None:
        place = (_index(data), _WHOLE)
        name = data["type"]
        field = "summary_index" if "summary" in name else "content_index"
        item, part = self._open_item("reasoning", place), (name, _index(data, field))
        # The parts of a summary are paragraphs.
        if self._last_part.setdefault(item, part) != part:
            self._last_part[item] = part
            self._extend(place, "\n\n")
        self._extend(place, data.get("delta"))

    def _add(self, kind: Kind, place: _Place, piece: Any) -> None:
        if place not in self._items:
            self._open_item(kind, place)
        self._extend(place, piece)

    def _add_logprobs(self, item: int, logprobs: Any, known: int = 0) -> None:
        tokens = read_logprobs(logprobs)[known:]
        self._weighed[item] = self._weighed.get(item, 0) + len(tokens)
        self._weigh(item, tokens)

    def _annotate(self, item: int, annotations: Any) -> None:
        self._annotated.add(item)
        self._cite(item, read_citations(annotations, item))

    def _extend(self, place: _Place, piece: Any) -> None:
        item = self._items.get(place)
        if item is not None and isinstance(piece, str) and piece:
            self._grown.add(item)
            self._grow(item, piece)

    def _complete(self, item: int, text: Any) -> None:
        """Add the text of an item of which nothing was streamed."""
        if item not in self._grown and isinstance(text, str):
            self._grow(item, text)

    def _open_call(self, index: int, call: Mapping[str, Any]) -> int:
        name = call.get("name")
        if not isinstance(name, str) or not name:
            raise nonsense("name")
        return self._open_item("tool_call", (index, _WHOLE), call.get("call_id"), name)

    def _open_item(
        self, kind: Kind, place: _Place, id: Any = None, name: Any = None, redacted: Any = None
    ) -> int:
        item = self._items.get(place)
        if item is None:
            item = self._items[place] = self._begin(kind, id, name, redacted)
            self._outputs.setdefault(place[0], []).append(item)
        return item


def _index(data: Mapping[str, Any], field: str = "output_index") -> int:
    index = data.get(field)
    return index if isinstance(index, int) else 0


def _is(part: Any) -> bool:
    return isinstance(part, Mapping)


def _counted(usage: Any) -> Usage | None:
    if not isinstance(usage, Mapping):
        return None
    inputs, outputs = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    return counted(
        usage.get("input_tokens"),
        usage.get("output_tokens"),
        inputs.get("cached_tokens") if isinstance(inputs, Mapping) else None,
        outputs.get("reasoning_tokens") if isinstance(outputs, Mapping) else None,
    )
