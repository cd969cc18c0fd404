"""Chat messages as input items of the Responses API.

The opposite direction is in :mod:`.responses_items`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .checks import check_types, no_counterpart, required, unknown_type

__all__ = ["input_items"]

_RESPONSES = "the Responses API"
_Item = dict[str, Any]


def input_items(messages: Iterable[dict[str, Any]]) -> list[_Item]:
    """Translate the messages of a chat request.

    Raises:
        InvalidRequestError: a message or a part of it has no counterpart.
    """
    items = list[_Item]()
    custom = set[str]()  # the ids of calls of custom tools, whose results differ
    for index, message in enumerate(messages):
        param = f"messages[{index}]"
        if message.get("name") is not None:
            raise no_counterpart(f"{param}.name", _RESPONSES)
        match message["role"]:
            case "assistant":
                items += _spoken(message, param)
                items += _calls(message, param, custom)
            case "tool":
                kind = "custom_tool" if message["tool_call_id"] in custom else "function"
                output = _content(message["content"], f"{param}.content")
                call_id = message["tool_call_id"]
                items.append({"type": f"{kind}_call_output", "call_id": call_id, "output": output})
            case "function":
                raise no_counterpart(f"{param}.role", _RESPONSES)
            case role:
                content = _content(message["content"], f"{param}.content")
                items.append({"type": "message", "role": role, "content": content})
    return items


def _spoken(message: dict[str, Any], param: str) -> Iterator[_Item]:
    for name in ("audio", "function_call"):
        if message.get(name) is not None:
            raise no_counterpart(f"{param}.{name}", _RESPONSES)
    thoughts = message.get("reasoning_content") or message.get("reasoning")
    if thoughts and isinstance(thoughts, str):
        thought = {"type": "reasoning_text", "text": thoughts}
        yield {"type": "reasoning", "summary": [], "content": [thought]}
    content: Any = message.get("content")
    if isinstance(content, list):
        content = [
            _spoken_part(part, f"{param}.content[{index}]") for index, part in enumerate(content)
        ]
    if message.get("refusal") is not None:
        refusal = required(message["refusal"], str, f"{param}.refusal")
        if isinstance(content, str):
            content = [{"type": "output_text", "text": content, "annotations": []}]
        content = [*(content or ()), {"type": "refusal", "refusal": refusal}]
    if content or (content is not None and not message.get("tool_calls")):
        yield {"type": "message", "role": "assistant", "content": content}


def _spoken_part(part: dict[str, Any], param: str) -> dict[str, Any]:
    if part["type"] == "text":
        return {"type": "output_text", "text": part["text"], "annotations": []}
    if part["type"] == "refusal":
        refusal = required(part.get("refusal"), str, f"{param}.refusal")
        return {"type": "refusal", "refusal": refusal}
    raise unknown_type(param, part, _RESPONSES)


def _calls(message: dict[str, Any], param: str, custom: set[str]) -> Iterator[_Item]:
    for index, call in enumerate(message.get("tool_calls") or ()):
        at = f"{param}.tool_calls[{index}]"
        call_id = required(call.get("id"), str, f"{at}.id")
        kind = call.get("type") or "function"
        if kind not in ("function", "custom"):
            raise unknown_type(at, call, _RESPONSES)
        fields = required(call.get(kind), dict, f"{at}.{kind}")
        name = required(fields.get("name"), str, f"{at}.{kind}.name")
        given = "input" if kind == "custom" else "arguments"
        text = required(fields.get(given), str, f"{at}.{kind}.{given}")
        if kind == "custom":
            custom.add(call_id)
        item_type = "custom_tool_call" if kind == "custom" else "function_call"
        yield {"type": item_type, "call_id": call_id, "name": name, given: text}


def _content(content: Any, param: str) -> Any:
    if isinstance(content, str):
        return content
    return [_part(part, f"{param}[{index}]") for index, part in enumerate(content)]


def _part(part: dict[str, Any], param: str) -> dict[str, Any]:
    match part["type"]:
        case "text":
            return {"type": "input_text", "text": part["text"]}
        case "image_url":
            image = part["image_url"]
            check_types(image, {"detail": str}, f"{param}.image_url")
            detail = {"detail": image["detail"]} if image.get("detail") is not None else {}
            return {"type": "input_image", "image_url": image["url"], **detail}
        case "file":
            names = ("file_id", "file_data", "filename")
            file = {name: part["file"][name] for name in names if part["file"].get(name)}
            check_types(file, dict.fromkeys(names, str), f"{param}.file")
            if "file_id" not in file:
                required(file.get("file_data"), str, f"{param}.file.file_data")
            return {"type": "input_file", **file}
    raise unknown_type(param, part, _RESPONSES)
