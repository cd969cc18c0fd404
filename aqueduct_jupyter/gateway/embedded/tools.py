"""Tools for the embedded model: described in its prompt, because the engine does not get them.

The format is llama.cpp's generic one: the model writes one object, constrained by a JSON schema,
that is either a call or a response. :mod:`.requests` gets the object from the engine.

Source: "Generic" tool calls in llama.cpp's documentation of function calling.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from pydantic_core import from_json

from ...protocol.errors import InvalidRequestError
from ..encoding import read_json

__all__ = ["as_tool_answer", "chooses_tools", "with_tools_in_words"]

CALL, RESPONSE = "tool_call", "response"
MOST_TOKENS = 512
"""Maximum tokens of an answer with tools if the client sets no limit: small models may not stop."""

_Object = dict[str, Any]


def chooses_tools(body: Mapping[str, Any]) -> bool:
    """Return whether tools may be called, or were called earlier in the conversation."""
    called = any(
        message.get("tool_calls") or message["role"] == "tool" for message in body["messages"]
    )
    return bool(called or (body.get("tools") and body.get("tool_choice") != "none"))


def with_tools_in_words(body: Mapping[str, Any]) -> _Object:
    """Return a request without tools whose prompt makes the model choose one, or answer.

    Raises:
        InvalidRequestError: a tool or ``tool_choice`` is invalid.
    """
    kept = {name: value for name, value in body.items() if name not in _OWN_FIELDS}
    messages = [_in_words(message) for message in body["messages"]]
    tools = _chosen(body)
    if not tools:
        return {**kept, "messages": messages}
    is_forced = body.get("tool_choice") not in (None, "auto")
    limits = ("max_tokens", "max_completion_tokens")
    more = {} if any(body.get(name) for name in limits) else {"max_tokens": MOST_TOKENS}
    schema = _schema(tools, is_forced=is_forced)
    return {
        **kept,
        **more,
        "messages": [_instruction(tools, is_forced=is_forced), *messages],
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    }


def as_tool_answer(choice: _Object) -> _Object:
    """Convert a choice whose text is the object to the API's form; a truncated one has no call."""
    message = choice.get("message") or {}
    content = message.get("content") or ""
    is_whole = isinstance(said := read_json(content), dict)
    if not is_whole:
        said = _beginning(content)
    if is_whole and isinstance(call := said.get(CALL), dict):
        called = {"name": call.get("name"), "arguments": json.dumps(call.get("arguments") or {})}
        calls = [{"id": f"call_{uuid4().hex[:24]}", "type": "function", "function": called}]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
        return {**choice, "message": message, "finish_reason": "tool_calls"}
    text = said.get(RESPONSE) if RESPONSE in said else ""
    return {**choice, "message": {"role": "assistant", "content": str(text)}}


def _beginning(content: str) -> _Object:
    """Read as much of a truncated object as possible."""
    try:
        said = from_json(content, allow_partial="trailing-strings")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


_OWN_FIELDS = ("tools", "tool_choice", "parallel_tool_calls", "messages", "functions")


def _chosen(body: Mapping[str, Any]) -> Sequence[_Object]:
    """Return the functions that may be called."""
    choice = body.get("tool_choice", "auto")
    tools = body.get("tools") or []
    functions = [tool.get("function") for tool in tools]
    for place, function in enumerate(functions):
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise _refusal(f"tools[{place}].function", "must have a name")
        if not isinstance(function.get("parameters", {}), dict):
            raise _refusal(f"tools[{place}].function.parameters", "must be a JSON schema")
    if choice in ("none", "auto", "required", None):
        if choice == "required" and not functions:
            raise _refusal("tools", "is required if tool_choice is 'required'")
        return functions if choice != "none" else []
    chosen = choice.get("function") if isinstance(choice, dict) else None
    name = chosen.get("name") if isinstance(chosen, dict) else None
    named = [function for function in functions if function["name"] == name]
    if not named:
        raise _refusal("tool_choice", "must be none, auto, required, or name one of the tools")
    return named


def _schema(functions: Sequence[_Object], *, is_forced: bool) -> _Object:
    empty = {"type": "object", "properties": {}}
    # A tool's references start at its own parameters, which are now inside another schema.
    parameters = [
        _with_references_to(function.get("parameters") or empty, f"#/$defs/{number}")
        for number, function in enumerate(functions)
    ]
    calls = [
        _object(name={"const": function["name"]}, arguments=arguments)
        for function, arguments in zip(functions, parameters, strict=True)
    ]
    call = calls[0] if len(calls) == 1 else {"anyOf": calls}
    schema = _object(**{CALL: call})
    if not is_forced:
        schema = {"anyOf": [schema, _object(**{RESPONSE: {"type": "string"}})]}
    return {**schema, "$defs": {str(number): one for number, one in enumerate(parameters)}}


def _with_references_to(schema: Any, root: str) -> Any:
    if isinstance(schema, list):
        return [_with_references_to(one, root) for one in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {name: _with_references_to(value, root) for name, value in schema.items()}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = root + reference[1:]
    return moved


def _object(**properties: _Object) -> _Object:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _instruction(functions: Sequence[_Object], *, is_forced: bool) -> _Object:
    listed = json.dumps(list(functions), ensure_ascii=False)
    form = json.dumps({CALL: {"name": "NAME", "arguments": {}}})
    other = "" if is_forced else f" or, to answer in words, with {json.dumps({RESPONSE: 'TEXT'})}"
    said = f"You can call these functions: {listed}\nAnswer with one JSON object: {form}{other}."
    return {"role": "system", "content": said}


def _in_words(message: _Object) -> _Object:
    """Convert an earlier message to the form that the model itself would have written or read."""
    if message["role"] == "tool":
        return {"role": "user", "content": f"Result of the call: {_text(message.get('content'))}"}
    calls = message.get("tool_calls")
    if not calls:
        return message
    said = [_text(message["content"])] if message.get("content") else []
    return {"role": "assistant", "content": "\n".join([*said, *map(_call, calls)])}


def _call(call: _Object) -> str:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    arguments = function.get("arguments")
    # A string with JSON or, from some clients, an object.
    arguments = read_json(arguments) if isinstance(arguments, str) else arguments
    return json.dumps({CALL: {"name": function.get("name"), "arguments": arguments or {}}})


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return str(content)


def _refusal(param: str, what: str) -> InvalidRequestError:
    return InvalidRequestError(f"{param} {what}.", param=param)
