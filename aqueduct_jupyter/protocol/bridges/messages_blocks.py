"""Messages of the Messages API, which consist of blocks, as chat messages.

The opposite direction is in :mod:`.messages_turns`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import InvalidRequestError
from .checks import no_counterpart, not_fetched, unknown_type, write_arguments
from .data_uris import data_uri
from .transcript import Transcript

__all__ = ["add_messages", "system_text"]

_CHAT = "the chat API"
_Block = dict[str, Any]
_Part = dict[str, Any]


def system_text(system: str | list[_Block] | None) -> str:
    """Return the system prompt as one text."""
    if isinstance(system, list):
        return "\n\n".join(block["text"] for block in system)
    return system or ""


def add_messages(messages: Iterable[dict[str, Any]], transcript: Transcript) -> None:
    """Add messages to a transcript.

    Raises:
        InvalidRequestError: a block has no counterpart, or a tool call and its result do not
            belong together.
    """
    for index, message in enumerate(messages):
        content, param = message["content"], f"messages[{index}].content"
        if message["role"] == "assistant":
            _add_answer(content, param, transcript)
        elif message["role"] == "system":
            transcript.say("system", _instruction(content, param))
        elif isinstance(content, str):
            transcript.say("user", content)
        else:
            _add_user(content, param, transcript)


def _instruction(content: str | list[_Block], param: str) -> str:
    if isinstance(content, str):
        return content
    for index, block in enumerate(content):
        if block["type"] != "text":
            raise unknown_type(f"{param}[{index}]", block, _CHAT)
    return "\n\n".join(block["text"] for block in content)


def _add_answer(content: str | list[_Block], param: str, transcript: Transcript) -> None:
    if isinstance(content, str):
        transcript.answer([content])
        return
    for block in content:
        if block["type"] == "thinking" and block["thinking"]:
            transcript.think(block["thinking"])
    texts = [block["text"] for block in content if block["type"] == "text"]
    if texts:
        transcript.answer(texts)
    for index, block in enumerate(content):
        place = f"{param}[{index}]"
        match block["type"]:
            case "tool_use":
                arguments = write_arguments(block["input"], f"{place}.input")
                transcript.call(block["id"], block["name"], arguments, f"{place}.id")
            case "text" | "thinking" | "redacted_thinking":
                pass  # redacted thinking can be read only by the service that wrote it
            case _:
                raise unknown_type(place, block, _CHAT)


def _add_user(content: list[_Block], param: str, transcript: Transcript) -> None:
    parts, has_results = list[_Part](), False
    for index, block in enumerate(content):
        place = f"{param}[{index}]"
        if block["type"] == "tool_result":
            has_results = True
            text, shown = _result(block, place)
            transcript.result(block["tool_use_id"], text, shown, f"{place}.tool_use_id")
        else:
            parts += _parts(block, place)
    if parts:
        transcript.say("user", parts)
    elif not has_results:
        transcript.say("user", "")


def _result(block: _Block, param: str) -> tuple[str, list[_Part]]:
    content = block.get("content") or ""
    texts, shown = [content] if isinstance(content, str) else [], list[_Part]()
    for index, inner in enumerate(content if isinstance(content, list) else ()):
        for part in _parts(inner, f"{param}.content[{index}]"):
            if part["type"] == "text":
                texts.append(part["text"])
            else:
                shown.append(part)
    text = "\n".join(texts)
    # A tool message of the chat API has no field for this.
    return f"Error: {text}" if block.get("is_error") else text, shown


def _parts(block: _Block, param: str) -> Iterator[_Part]:
    match block["type"]:
        case "text":
            yield {"type": "text", "text": block["text"]}
        case "image":
            yield _image(block["source"], f"{param}.source")
        case "document":
            if (block.get("citations") or {}).get("enabled"):
                raise no_counterpart(f"{param}.citations", _CHAT)
            if block.get("context"):
                yield {"type": "text", "text": block["context"]}
            yield _document(block, f"{param}.source")
        case _:
            raise unknown_type(param, block, _CHAT)


def _image(source: _Block, param: str) -> _Part:
    match source["type"]:
        case "base64":
            url = data_uri(source["media_type"], source["data"])
        case "url":
            url = source["url"]
        case "file":
            return {"type": "file", "file": {"file_id": source["file_id"]}}
        case _:
            raise unknown_type(param, source, _CHAT)
    return {"type": "image_url", "image_url": {"url": url}}


def _document(block: _Block, param: str) -> _Part:
    source, title = block["source"], block.get("title")
    match source["type"]:
        case "base64":
            file = {"file_data": data_uri(source["media_type"], source["data"])}
        case "file":
            file = {"file_id": source["file_id"]}
        case "text":
            return _text_document(title, source["data"])
        case "content":
            return _text_document(title, _content_text(source["content"], f"{param}.content"))
        case "url":
            raise not_fetched(f"{param}.url")
        case _:
            raise unknown_type(param, source, _CHAT)
    return {"type": "file", "file": file | ({"filename": title} if title else {})}


def _text_document(title: str | None, text: str) -> _Part:
    return {"type": "text", "text": f"{title}\n\n{text}" if title else text}


def _content_text(content: str | list[_Block], param: str) -> str:
    if isinstance(content, str):
        return content
    for index, block in enumerate(content):
        if block["type"] != "text":
            place = f"{param}[{index}].type"
            raise InvalidRequestError(
                f"{place} must be 'text' for this model. Send images as blocks of the message.",
                param=place,
            )
    return "\n".join(block["text"] for block in content)
