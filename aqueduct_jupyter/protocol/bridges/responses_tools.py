"""Tools of the Responses API as tools of the chat API, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import InvalidRequestError
from ..plain_text import in_quotes
from .checks import check_types, required, unknown_type
from .forms import ToolName
from .tool_names import ToolNames

__all__ = ["chat_tools", "responses_choice", "responses_tools"]

_CHAT = "the chat API"
_RESPONSES = "the Responses API"
_Tool = dict[str, Any]
_CHOICES = ("auto", "none", "required")


def chat_tools(tools: Iterable[tuple[_Tool, str]], choice: Any, names: ToolNames) -> dict[str, Any]:
    """Translate the tools of a request to the Responses API.

    Custom tools become functions with one string parameter, and namespaces part of the name. What
    hosted tools do cannot be done upstream, so they are refused, unless the model need not call
    them: then they are left out.

    Args:
        tools: the tools, each with its field's name.
        choice: the request's ``tool_choice``.
        names: receives the tools' names.

    Returns:
        ``tools`` and ``tool_choice`` of a chat request, or nothing if there are no tools.

    Raises:
        InvalidRequestError: a tool or the choice has no counterpart.
    """
    declared = dict[ToolName, _Tool]()
    hosted = list[tuple[_Tool, str]]()
    for tool, param, namespace in _flat(tools):
        if tool["type"] in ("function", "custom"):
            declared[ToolName(tool["name"], namespace, tool["type"] == "custom")] = tool
        else:
            hosted.append((tool, param))
    allowed = _allowed(choice, declared)
    # An explicit "auto", which Codex sends, says that the model can do without any tool.
    if hosted and allowed is None and choice not in ("none", "auto"):
        raise _hosted(*hosted[0])
    # Plain functions come first, so that they keep their names.
    for name in sorted(declared, key=lambda name: name != ToolName(name.name)):
        names.upstream(name)
    translated = [
        _function(names.upstream(name), tool)
        for name, tool in declared.items()
        if allowed is None or name in allowed
    ]
    chosen = _chat_choice(choice, declared, names)
    if translated:
        return {"tools": translated} | ({"tool_choice": chosen} if chosen else {})
    if chosen not in (None, "auto", "none"):
        raise InvalidRequestError(
            "tool_choice requires a tool call, but the request has no tools.", param="tool_choice"
        )
    return {}


def _flat(tools: Iterable[tuple[_Tool, str]]) -> Iterator[tuple[_Tool, str, str | None]]:
    for tool, param in tools:
        if tool["type"] == "namespace":
            # Its description is dropped: each tool in it has its own.
            for index, inner in enumerate(tool["tools"]):
                yield inner, f"{param}.tools[{index}]", tool["name"]
        else:
            yield tool, param, None


def _hosted(tool: _Tool, param: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{param}.type '{in_quotes(tool['type'])}' is not supported for this model: its upstream "
        "offers only functions. Leave the tool out, or declare a function that your program runs.",
        param=f"{param}.type",
    )


def _function(name: str, tool: _Tool) -> _Tool:
    function: _Tool = {"name": name}
    if tool.get("description"):
        function["description"] = tool["description"]
    if tool["type"] == "custom":
        function["parameters"] = _one_string(tool.get("format") or {})
    else:
        if tool.get("parameters") is not None:
            function["parameters"] = tool["parameters"]
        # The Responses API makes a schema strict by itself if it can. Most upstreams cannot, so
        # only what the client says counts.
        if tool.get("strict"):
            function["strict"] = True
    return {"type": "function", "function": function}


def _one_string(form: Mapping[str, Any]) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    if isinstance(form.get("definition"), str):
        text["description"] = (
            f"Must match this grammar ({in_quotes(form.get('syntax'))}):\n{form['definition']}"
        )
    return {"type": "object", "properties": {"input": text}, "required": ["input"]}


def _chosen(choice: Mapping[str, Any], param: str, declared: Mapping[ToolName, _Tool]) -> ToolName:
    if choice["type"] not in ("function", "custom"):
        raise unknown_type(param, choice, _CHAT)
    name = required(choice.get("name"), str, f"{param}.name")
    tool = ToolName(name, choice.get("namespace"), choice["type"] == "custom")
    if tool not in declared:
        raise InvalidRequestError(
            f"{param}.name '{in_quotes(name)}' is not the name of a declared tool.",
            param=f"{param}.name",
        )
    return tool


def _allowed(choice: Any, declared: Mapping[ToolName, _Tool]) -> set[ToolName] | None:
    if not isinstance(choice, dict) or choice["type"] != "allowed_tools":
        return None
    return {
        _chosen(tool, f"tool_choice.tools[{index}]", declared)
        for index, tool in enumerate(choice.get("tools") or ())
    }


def _chat_choice(choice: Any, declared: Mapping[ToolName, _Tool], names: ToolNames) -> Any:
    if choice is None:
        return None
    param = "tool_choice"
    if isinstance(choice, dict):
        if choice["type"] != "allowed_tools":
            name = names.upstream(_chosen(choice, param, declared))
            return {"type": "function", "function": {"name": name}}
        choice, param = choice.get("mode") or "auto", "tool_choice.mode"
    if choice not in _CHOICES:
        raise InvalidRequestError(f"{param} must be one of {', '.join(_CHOICES)}.", param=param)
    return choice


def responses_tools(tools: Iterable[_Tool]) -> list[_Tool]:
    """Translate the tools of a chat request.

    Raises:
        InvalidRequestError: a tool is malformed or of an unknown type.
    """
    return [_flat_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)]


def _flat_tool(tool: _Tool, param: str) -> _Tool:
    kind = required(tool.get("type"), str, f"{param}.type")
    if kind not in ("function", "custom"):
        raise unknown_type(param, tool, _RESPONSES)
    fields = dict(required(tool.get(kind), dict, f"{param}.{kind}"))
    required(fields.get("name"), str, f"{param}.{kind}.name")
    check_types(fields, {"description": str, "parameters": dict, "format": dict}, f"{param}.{kind}")
    if kind == "function":
        # The default is true in the Responses API, but false in the chat API.
        strict = bool(fields.get("strict"))
        return {"parameters": None, **fields, "type": "function", "strict": strict}
    form = fields.get("format")
    if isinstance(form, dict) and isinstance(form.get("grammar"), dict):
        fields["format"] = {"type": "grammar", **form["grammar"]}
    return {**fields, "type": "custom"}


def responses_choice(choice: Any) -> Any:
    """Translate the ``tool_choice`` of a chat request.

    Raises:
        InvalidRequestError: it is malformed or of an unknown type.
    """
    if choice is None or isinstance(choice, str):
        return choice
    choice = required(choice, dict, "tool_choice")
    if choice.get("type") != "allowed_tools":
        return _flat_choice(choice, "tool_choice")
    allowed = required(choice.get("allowed_tools"), dict, "tool_choice.allowed_tools")
    check_types(allowed, {"mode": str}, "tool_choice.allowed_tools")
    param = "tool_choice.allowed_tools.tools"
    tools = [
        _flat_choice(tool, f"{param}[{index}]")
        for index, tool in enumerate(required(allowed.get("tools"), list, param))
    ]
    return {"type": "allowed_tools", "mode": allowed.get("mode") or "auto", "tools": tools}


def _flat_choice(choice: Any, param: str) -> _Tool:
    choice = required(choice, dict, param)
    kind = required(choice.get("type"), str, f"{param}.type")
    if kind not in ("function", "custom"):
        raise unknown_type(param, choice, _RESPONSES)
    fields = required(choice.get(kind), dict, f"{param}.{kind}")
    return {"type": kind, "name": required(fields.get("name"), str, f"{param}.{kind}.name")}
