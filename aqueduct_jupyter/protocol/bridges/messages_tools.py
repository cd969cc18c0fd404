"""Tools of the Messages API as tools of the chat API, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InvalidRequestError
from ..plain_text import in_quotes
from .checks import check_types, required, unknown_type

__all__ = ["chat_tool_fields", "messages_tool_fields"]

_CHAT = "the chat API"
_MESSAGES = "the Messages API"
_Tool = dict[str, Any]
_CHAT_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_MESSAGES_CHOICES = {chat: messages for messages, chat in _CHAT_CHOICES.items()}


def chat_tool_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Translate ``tools`` and ``tool_choice`` of a request to the Messages API.

    Raises:
        InvalidRequestError: a tool has no counterpart, and the model may call it.
    """
    choice = body.get("tool_choice") or {}
    tools = list[_Tool]()
    for index, tool in enumerate(body.get("tools") or ()):
        if (tool.get("type") or "custom") == "custom":
            tools.append(_function(tool))
        elif choice.get("type") != "none":
            param = f"tools[{index}].type"
            raise InvalidRequestError(
                f"{param} '{in_quotes(tool['type'])}' is not supported for this model: its "
                "upstream offers only functions. Leave the tool out, or declare one with an "
                "input_schema that your program runs.",
                param=param,
            )
    chosen = _chat_choice(choice) if choice else None
    if not tools:
        if chosen not in (None, "auto", "none"):
            raise InvalidRequestError(
                "tool_choice requires a tool call, but the request has no tools.",
                param="tool_choice",
            )
        return {}
    fields: dict[str, Any] = {"tools": tools}
    if chosen:
        fields["tool_choice"] = chosen
    if choice.get("disable_parallel_tool_use") is not None:
        fields["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]
    return fields


def _function(tool: _Tool) -> _Tool:
    function = {"name": tool["name"], "parameters": tool["input_schema"]}
    if tool.get("description"):
        function["description"] = tool["description"]
    if tool.get("strict"):
        function["strict"] = True
    return {"type": "function", "function": function}


def _chat_choice(choice: Mapping[str, Any]) -> Any:
    if choice["type"] == "tool":
        return {"type": "function", "function": {"name": choice["name"]}}
    if choice["type"] not in _CHAT_CHOICES:
        raise unknown_type("tool_choice", choice, _CHAT)
    return _CHAT_CHOICES[choice["type"]]


def messages_tool_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Translate ``tools``, ``tool_choice`` and ``parallel_tool_calls`` of a chat request.

    Raises:
        InvalidRequestError: a tool or the choice is malformed or has no counterpart.
    """
    tools: Iterable[_Tool] = body.get("tools") or ()
    fields = dict[str, Any]()
    if tools:
        fields["tools"] = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)]
    choice = _messages_choice(body.get("tool_choice"))
    if tools and choice != {"type": "none"} and body.get("parallel_tool_calls") is not None:
        parallel = body["parallel_tool_calls"]
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": not parallel}
    if choice:
        fields["tool_choice"] = choice
    return fields


def _tool(tool: _Tool, param: str) -> _Tool:
    if required(tool.get("type"), str, f"{param}.type") != "function":
        raise unknown_type(param, tool, _MESSAGES)
    function = required(tool.get("function"), dict, f"{param}.function")
    translated: _Tool = {"name": required(function.get("name"), str, f"{param}.function.name")}
    check_types(function, {"description": str, "parameters": dict}, f"{param}.function")
    if function.get("description"):
        translated["description"] = function["description"]
    schema = function.get("parameters")
    translated["input_schema"] = {"type": "object"} if schema is None else schema
    if function.get("strict"):
        translated["strict"] = True
    return translated


def _messages_choice(choice: Any) -> dict[str, Any] | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice not in _MESSAGES_CHOICES:
            raise InvalidRequestError(
                f"tool_choice must be one of {', '.join(_MESSAGES_CHOICES)}.", param="tool_choice"
            )
        return {"type": _MESSAGES_CHOICES[choice]}
    choice = required(choice, dict, "tool_choice")
    if choice.get("type") != "function":
        raise unknown_type("tool_choice", choice, _MESSAGES)
    function = required(choice.get("function"), dict, "tool_choice.function")
    name = required(function.get("name"), str, "tool_choice.function.name")
    return {"type": "tool", "name": name}
