"""Input items of the Responses API as chat messages.

The opposite direction is in :mod:`.responses_input`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import InvalidRequestError
from ..responses_fields import item_type
from .checks import no_counterpart, not_fetched, unknown_type, write_arguments
from .compaction import INSTRUCTION, read_summary
from .forms import ToolName
from .thinking_blocks import unsealed_thinking
from .tool_names import ToolNames
from .transcript import Content, Transcript

__all__ = ["PlacedItem", "add_items", "additional_tools"]

_CHAT = "the chat API"
_Item = dict[str, Any]
_Part = dict[str, Any]

PlacedItem = tuple[_Item, str]
"""An item, and its field: ``input[3]``, or the field that it was loaded for."""


def additional_tools(items: Iterable[PlacedItem]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the tools that items declare, each with its field's name."""
    for item, place in items:
        if item_type(item) == "additional_tools":
            for index, tool in enumerate(item["tools"]):
                yield tool, _at(place, f".tools[{index}]")


def add_items(
    items: Iterable[PlacedItem],
    transcript: Transcript,
    names: ToolNames,
    *,
    keeps_thinking: bool = False,
) -> None:
    """Add items to a transcript.

    Args:
        items: the items.
        transcript: what they are added to.
        names: what tools are called upstream.
        keeps_thinking: whether blocks of thinking go along, which only the Messages API reads.

    Raises:
        InvalidRequestError: an item or a part has no counterpart, or a tool call and its output do
            not belong together.
    """
    for item, place in items:
        match item_type(item):
            case "message":
                _add_message(item, place, transcript)
            case "function_call":
                name = names.upstream(ToolName(item["name"], item.get("namespace")))
                transcript.call(item["call_id"], name, item["arguments"], _at(place, ".call_id"))
            case "custom_tool_call":
                tool = ToolName(item["name"], item.get("namespace"), is_custom=True)
                arguments = write_arguments({"input": item["input"]}, _at(place, ".input"))
                param = _at(place, ".call_id")
                transcript.call(item["call_id"], names.upstream(tool), arguments, param)
            case "function_call_output" | "custom_tool_call_output":
                text, shown = _output(item["output"], _at(place, ".output"))
                transcript.result(item["call_id"], text, shown, _at(place, ".call_id"))
            case "reasoning":
                # What is encrypted can be read only by the service that wrote it.
                thoughts = item.get("content") or item.get("summary") or ()
                text = "\n".join(part["text"] for part in thoughts)
                sealed = item.get("encrypted_content") if keeps_thinking else None
                block = unsealed_thinking(sealed)
                if text or block:
                    transcript.think(text, block)
            case "item_reference":
                raise InvalidRequestError(
                    f"{place} refers to an item that is not stored here. Send the item itself.",
                    param=place,
                )
            case "additional_tools":
                pass  # declared with the others
            case "compaction":
                param = _at(place, ".encrypted_content")
                transcript.say("user", read_summary(item["encrypted_content"], param))
            case "compaction_trigger":
                transcript.say("user", INSTRUCTION)
            case _ if place.startswith("input"):
                raise unknown_type(place, item, _CHAT)
            case _:
                raise no_counterpart(place, _CHAT)


def _at(place: str, field: str) -> str:
    # A stored item has no field of its own in the request.
    return place + field if place.startswith("input") else place


def _add_message(item: _Item, place: str, transcript: Transcript) -> None:
    role, content = item["role"], item["content"]
    place = _at(place, ".content")
    if role == "assistant":
        texts, refusals = [content] if isinstance(content, str) else [], list[str]()
        for index, part in enumerate(content if isinstance(content, list) else ()):
            if part["type"] == "refusal":
                refusals.append(part["refusal"])
            elif part["type"] in ("output_text", "input_text"):
                texts.append(part["text"])
            else:
                raise _unknown_part(part, _at(place, f"[{index}]"))
        transcript.answer(texts, refusals)
    elif role == "user":
        transcript.say(role, _content(content, place))
    else:  # many chat templates do not know the role "developer"
        content = _content(content, place)
        if isinstance(content, list) and all(part["type"] == "text" for part in content):
            content = "\n\n".join(part["text"] for part in content)
        transcript.say("system", content)


def _content(content: Content, place: str) -> Content:
    if isinstance(content, str):
        return content
    parts = [_part(part, _at(place, f"[{index}]")) for index, part in enumerate(content)]
    return parts or ""  # an empty list is not allowed in the chat API


def _output(output: Content, place: str) -> tuple[str, list[_Part]]:
    if isinstance(output, str):
        return output, []
    texts, shown = list[str](), list[_Part]()
    for index, part in enumerate(output):
        translated = _part(part, _at(place, f"[{index}]"))
        if translated["type"] == "text":
            texts.append(translated["text"])
        else:
            shown.append(translated)
    return "\n".join(texts), shown


def _part(part: _Part, place: str) -> _Part:
    match part["type"]:
        case "input_text" | "output_text":
            return {"type": "text", "text": part["text"]}
        case "input_image":
            return _image(part, place)
        case "input_file":
            return _file(part, place)
    raise _unknown_part(part, place)


def _unknown_part(part: _Part, place: str) -> InvalidRequestError:
    return (
        unknown_type(place, part, _CHAT)
        if place.startswith("input")
        else no_counterpart(place, _CHAT)
    )


def _image(part: _Part, place: str) -> _Part:
    if part.get("image_url"):
        image = {"url": part["image_url"]}
        if part.get("detail"):
            image["detail"] = part["detail"]
        return {"type": "image_url", "image_url": image}
    if part.get("file_id"):
        # An uploaded image; as every file, it is read where the request is prepared.
        return {"type": "file", "file": {"file_id": part["file_id"]}}
    place = _at(place, ".image_url")
    raise InvalidRequestError(f"{place} is required, or file_id.", param=place)


def _file(part: _Part, place: str) -> _Part:
    if part.get("file_url"):
        raise not_fetched(_at(place, ".file_url"))
    names = ("file_id", "file_data", "filename")
    file = {name: part[name] for name in names if part.get(name)}
    if "file_id" not in file and "file_data" not in file:
        place = _at(place, ".file_data")
        raise InvalidRequestError(f"{place} is required, or file_id.", param=place)
    return {"type": "file", "file": file}
