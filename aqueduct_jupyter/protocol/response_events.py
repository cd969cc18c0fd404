"""A response of the Responses API that is written while nobody may be reading.

:class:`ResponseSnapshot` is the response object as far as it has been written, and
:class:`ResponseRenamer` gives an upstream's events the ids and numbers of this server. An upstream
may send anything: what is not as the API has it is left out of the snapshot.

Source: ``ResponseStreamEvent`` of the OpenAI API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import AqueductError

__all__ = ["ENDS", "ResponseRenamer", "ResponseSnapshot", "error_event"]

ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
"""The events one of which ends every response."""

_Place = tuple[int, str, int]
"""An item's index, its field with parts ("" if the item itself holds the text), a part's index."""

_DELTAS = {
    "response.output_text.delta": ("content", "text"),
    "response.refusal.delta": ("content", "refusal"),
    "response.reasoning_text.delta": ("content", "text"),
    "response.reasoning_summary_text.delta": ("summary", "text"),
    "response.function_call_arguments.delta": ("", "arguments"),
    "response.custom_tool_call_input.delta": ("", "input"),
}
"""The field with parts, and the field that grows."""

_PARTS = {
    "response.content_part.added": "content",
    "response.content_part.done": "content",
    "response.reasoning_summary_part.added": "summary",
    "response.reasoning_summary_part.done": "summary",
}

_INDEXES = {"content": "content_index", "summary": "summary_index"}


def error_event(error: AqueductError) -> dict[str, Any]:
    """Return the event before the last one of a response that failed."""
    fault = {"code": error.code, "message": error.message, "param": error.param}
    return {"type": "error", **fault}


class ResponseSnapshot:
    """A response object as far as it has been written.

    Args:
        response: the object before its first event.
    """

    def __init__(self, response: Mapping[str, Any]) -> None:
        self._response = dict(response)
        self._items: dict[int, dict[str, Any]] = {}
        self._growing: dict[_Place, tuple[str, list[str]]] = {}

    def add(self, event: Mapping[str, Any]) -> None:
        """Add the next event."""
        kind, response = event.get("type"), event.get("response")
        if isinstance(response, dict):
            is_end = kind in ENDS
            if is_end:
                self._items, self._growing = {}, {}
            self._response = response if is_end else {**response, "output": []}
            return
        index = event.get("output_index")
        if not isinstance(index, int) or not isinstance(kind, str):
            return
        if kind in ("response.output_item.added", "response.output_item.done"):
            self._put_item(index, event.get("item"))
        elif kind in _PARTS:
            self._put_part(index, _PARTS[kind], event)
        elif kind in _DELTAS:
            field, grows = _DELTAS[kind]
            part = event.get(_INDEXES[field]) if field else 0
            delta = event.get("delta")
            if isinstance(part, int) and isinstance(delta, str):
                self._growing.setdefault((index, field, part), (grows, []))[1].append(delta)

    def response(self) -> dict[str, Any]:
        """Return the response object with the output so far."""
        if not self._items:
            return dict(self._response)
        for place, (grows, pieces) in self._growing.items():
            target = self._target(place)
            if target is not None:
                target[grows] = "".join(pieces)
                pieces[:] = [target[grows]]
        return {**self._response, "output": [self._items[index] for index in sorted(self._items)]}

    def ended(self, status: str, error: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the response object, ended before its time.

        Args:
            status: ``failed`` or ``cancelled``.
            error: the object in its field ``error``.
        """
        response = self.response()
        response |= {"status": status, "error": dict(error) if isinstance(error, Mapping) else None}
        response["output"] = [
            {**item, "status": "incomplete"} if item.get("status") == "in_progress" else item
            for item in response.get("output") or ()
        ]
        return response

    def _put_item(self, index: int, item: Any) -> None:
        if not isinstance(item, dict):
            return
        self._items[index] = dict(item)
        # The whole item has all of its text.
        for place in [place for place in self._growing if place[0] == index]:
            del self._growing[place]

    def _put_part(self, index: int, field: str, event: Mapping[str, Any]) -> None:
        part, at = event.get("part"), event.get(_INDEXES[field])
        item = self._items.get(index)
        if item is None or not isinstance(part, dict) or not isinstance(at, int):
            return
        parts = item.get(field)
        parts = list(parts) if isinstance(parts, list) else []
        if at == len(parts):
            parts.append(dict(part))
        elif 0 <= at < len(parts):
            parts[at] = dict(part)
        item[field] = parts
        self._growing.pop((index, field, at), None)

    def _target(self, place: _Place) -> dict[str, Any] | None:
        index, field, at = place
        item = self._items.get(index)
        if item is None or not field:
            return item
        parts = item.get(field)
        if not isinstance(parts, list) or not 0 <= at < len(parts):
            return None
        part = parts[at]
        return part if isinstance(part, dict) else None


class ResponseRenamer:
    """Gives an upstream's events this server's ids and numbers.

    Args:
        response_id: the response's id here.
        fields: fields of the response object that are this server's, with their values.
    """

    def __init__(self, response_id: str, fields: Mapping[str, Any]) -> None:
        self._unique = response_id.removeprefix("resp_")
        self._fields = {"id": response_id, **fields}
        self._ids: dict[str, str] = {}

    def rename(self, event: Mapping[str, Any], number: int) -> dict[str, Any]:
        """Return an event with the ids of this server and a number."""
        renamed = {**event, "sequence_number": number}
        if isinstance(response := event.get("response"), dict):
            renamed["response"] = self._response(response)
        if isinstance(item := event.get("item"), dict):
            renamed["item"] = self._item(item)
        if isinstance(item_id := event.get("item_id"), str):
            renamed["item_id"] = self._id(item_id)
        return renamed

    def _response(self, response: Mapping[str, Any]) -> dict[str, Any]:
        output = response.get("output")
        items = output if isinstance(output, list) else ()
        return {
            **response,
            **self._fields,
            "output": [self._item(item) for item in items if isinstance(item, dict)],
        }

    def _item(self, item: Mapping[str, Any]) -> dict[str, Any]:
        item_id = item.get("id")
        return {**item, "id": self._id(item_id)} if isinstance(item_id, str) else dict(item)

    def _id(self, item_id: str) -> str:
        if item_id not in self._ids:
            prefix = item_id.partition("_")[0][:16] or "item"
            ours = f"{prefix}_{self._unique}_{len(self._ids)}"
            # What this server wrote itself stays as it is.
            self._ids[item_id] = ours if self._unique not in item_id else item_id
        return self._ids[item_id]
