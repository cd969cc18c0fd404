"""Chat messages as messages of the Messages API.

The opposite direction is in :mod:`.messages_blocks`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from ..errors import InvalidRequestError
from .checks import check_types, no_counterpart, read_arguments, required, unknown_type
from .data_uris import is_data_uri, split_data_uri
from .thinking_blocks import read_thinking_block

__all__ = ["messages_and_system"]

_MESSAGES = "the Messages API"
_Block = dict[str, Any]
_Message = dict[str, Any]
_System = str | list[_Block] | None


def messages_and_system(messages: Iterable[_Message]) -> tuple[list[_Message], _System]:
    """Translate the messages of a chat request.

    Returns:
        The messages, and the system prompt: the messages of the system and the developer.

    Raises:
        InvalidRequestError: a message or a part of it has no counterpart.
    """
    turns, system = list[_Message](), list[_Block]()
    results: list[_Block] | None = None
    for index, message in enumerate(messages):
        param = f"messages[{index}]"
        if message.get("name") is not None:
            raise no_counterpart(f"{param}.name", _MESSAGES)
        content, place = message.get("content"), f"{param}.content"
        match message["role"]:
            case "system" | "developer":
                system += _texts(content, place)
                continue
            case "tool":
                if results is None:  # the results of one turn belong into one message
                    results = []
                    turns.append({"role": "user", "content": results})
                results.append(
                    {
                        "type": "tool_result",
                        "tool_use_id": message["tool_call_id"],
                        "content": _blocks(content, place),
                    }
                )
                continue
            case "assistant":
                turns.append({"role": "assistant", "content": _answer(message, param)})
            case "user":
                turns.append({"role": "user", "content": _blocks(content, place)})
            case _:
                raise no_counterpart(f"{param}.role", _MESSAGES)
        results = None
    if not turns:
        raise InvalidRequestError(
            "messages must contain a message of the user for this model.", param="messages"
        )
    if len(system) == 1:
        return turns, system[0]["text"]
    return turns, system or None


def _texts(content: Any, param: str) -> list[_Block]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    for index, part in enumerate(content):
        if part["type"] != "text":
            raise unknown_type(f"{param}[{index}]", part, _MESSAGES)
    return [{"type": "text", "text": part["text"]} for part in content]


def _answer(message: _Message, param: str) -> str | list[_Block]:
    for name in ("audio", "function_call"):
        if message.get(name) is not None:
            raise no_counterpart(f"{param}.{name}", _MESSAGES)
    # Other reasoning is dropped: the Messages API accepts it only with its signature.
    thought = _thinking(message.get("thinking_blocks"))
    content = message.get("content")
    calls = message.get("tool_calls") or ()
    refusal = message.get("refusal")
    if isinstance(content, str) and not (calls or thought) and refusal is None:
        return content
    blocks = [*thought, *(_spoken(content, f"{param}.content") if content else ())]
    if refusal is not None:
        blocks.append({"type": "text", "text": required(refusal, str, f"{param}.refusal")})
    for index, call in enumerate(calls):
        blocks.append(_call(call, f"{param}.tool_calls[{index}]"))
    return blocks


def _thinking(blocks: Any) -> list[_Block]:
    read = map(read_thinking_block, blocks if isinstance(blocks, list) else ())
    return [{**block} for block in read if block]


def _spoken(content: Any, param: str) -> list[_Block]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    blocks = list[_Block]()
    for index, part in enumerate(content):
        place = f"{param}[{index}]"
        if part["type"] not in ("text", "refusal"):
            raise unknown_type(place, part, _MESSAGES)
        text = required(part.get(part["type"]), str, f"{place}.{part['type']}")
        blocks.append({"type": "text", "text": text})
    return blocks


def _call(call: dict[str, Any], param: str) -> _Block:
    if (call.get("type") or "function") != "function":
        raise unknown_type(param, call, _MESSAGES)
    function = required(call.get("function"), dict, f"{param}.function")
    place = f"{param}.function.arguments"
    arguments = required(function.get("arguments"), str, place)
    return {
        "type": "tool_use",
        "id": required(call.get("id"), str, f"{param}.id"),
        "name": required(function.get("name"), str, f"{param}.function.name"),
        "input": read_arguments(arguments, place),
    }


def _blocks(content: Any, param: str) -> str | list[_Block]:
    if isinstance(content, str):
        return content
    return [_block(part, f"{param}[{index}]") for index, part in enumerate(content)]


def _block(part: dict[str, Any], param: str) -> _Block:
    match part["type"]:
        case "text":
            return {"type": "text", "text": part["text"]}
        case "image_url":
            # How detailed an image is looked at has no counterpart, and is only a hint.
            return _image(part["image_url"]["url"], f"{param}.image_url.url")
        case "file":
            return _file(part["file"], f"{param}.file")
    raise unknown_type(param, part, _MESSAGES)


def _image(url: str, param: str) -> _Block:
    if not is_data_uri(url):
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type, data = split_data_uri(url, param)
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": media_type, "data": data},
    }


def _file(file: dict[str, Any], param: str) -> _Block:
    if file.get("file_id"):
        file_id = required(file["file_id"], str, f"{param}.file_id")
        source = {"type": "file", "file_id": file_id}
    else:
        place = f"{param}.file_data"
        media_type, data = split_data_uri(required(file.get("file_data"), str, place), place)
        if media_type.startswith("image/"):
            return _image(file["file_data"], place)
        if media_type.startswith("text/"):  # documents in base64 are PDFs in the Messages API
            text = _decoded(data, place)
            source = {"type": "text", "media_type": "text/plain", "data": text}
        else:
            source = {"type": "base64", "media_type": media_type, "data": data}
    check_types(file, {"filename": str}, param)
    title = file.get("filename")
    return {
        "type": "document",
        "source": source,
        **({"title": title} if title else {}),
    }


def _decoded(data: str, param: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidRequestError(f"{param} must be UTF-8 text in base64.", param=param) from None
