"""A request to the Responses API as a chat request, and back.

Items are in :mod:`.responses_items` and :mod:`.responses_input`, tools in :mod:`.responses_tools`.
Nothing is copied that may be large, and the client's object is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidRequestError
from ..responses import ResponsesRequest
from .checks import no_counterpart, refuse_others, required, unknown_type
from .compaction import is_triggered
from .forms import BridgedRequest
from .responses_input import input_items
from .responses_items import add_items, additional_tools
from .responses_tools import chat_tools, responses_choice, responses_tools
from .tool_names import ToolNames
from .transcript import Transcript

__all__ = ["asks_for_logprobs", "chat_from_responses", "responses_from_chat"]

_CHAT = "the chat API"
_RESPONSES = "the Responses API"

_LOGPROBS = "message.output_text.logprobs"

_SAME = ("model", "temperature", "top_p", "presence_penalty", "frequency_penalty", "user")
_TRANSLATED = (
    "input",
    "instructions",
    "stream",
    "max_output_tokens",
    "text",
    "reasoning",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "top_logprobs",
    "include",
)
_GATEWAYS = ("background", "conversation", "previous_response_id", "store")
_HINTS = (
    "client_metadata",  # what Codex says about itself
    "max_tool_calls",  # counts the calls of hosted tools only
    "metadata",  # a label for the client's own use, repeated in the answer
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "stream_options",  # the padding of OpenAI's own streams
    "truncation",  # an upstream that may cut the input does not have to
)


def chat_from_responses(
    body: dict[str, Any],
    earlier: Sequence[dict[str, Any]] = (),
    *,
    length_field: str = "max_completion_tokens",
    keeps_thinking: bool = False,
) -> BridgedRequest:
    """Translate a request to the Responses API for an upstream that speaks chat.

    Args:
        body: the body of a checked request.
        earlier: items of earlier turns, input and output, in order, as they were stored: those
            of checked requests, and those that this server wrote.
        length_field: the upstream's name for the most tokens.
        keeps_thinking: whether the messages get ``thinking_blocks``, for
            :func:`.messages_from_chat`.

    Raises:
        InvalidRequestError: a part of the request has no counterpart; ``param`` names the client's
            field.
    """
    refuse_others(body, (*_SAME, *_TRANSLATED, *_GATEWAYS, *_HINTS), _CHAT)
    loaded = "previous_response_id" if body.get("previous_response_id") else "conversation"
    place = "input" if isinstance(body.get("input"), str) else "input[{}]"
    given = ResponsesRequest(body).input_items
    if is_triggered(given[:-1]):
        raise InvalidRequestError(
            "An item of the type compaction_trigger must be the last of the input.", param="input"
        )
    items = [(item, loaded) for item in earlier]
    items += [(item, place.format(index)) for index, item in enumerate(given)]
    names = ToolNames()
    tools = [(tool, f"tools[{index}]") for index, tool in enumerate(body.get("tools") or ())]
    tools += additional_tools(items)
    declared = chat_tools(tools, body.get("tool_choice"), names)
    transcript = Transcript()
    if body.get("instructions"):
        transcript.say("system", body["instructions"])
    add_items(items, transcript, names, keeps_thinking=keeps_thinking)
    messages = transcript.finish()
    if not messages:
        raise InvalidRequestError("input must not be empty.", param="input")
    chat = {
        **_chat_parameters(body, length_field),
        "messages": messages,
        **declared,
    }
    if is_triggered(given):
        # A model with tools would go on; one that speaks of them must still know them.
        chat.pop("response_format", None)
        if "tools" in chat:
            chat["tool_choice"] = "none"
    elif "tools" in declared and body.get("parallel_tool_calls") is not None:
        chat["parallel_tool_calls"] = body["parallel_tool_calls"]  # refused without tools
    return BridgedRequest(chat, names.restored())


def _chat_parameters(body: Mapping[str, Any], length_field: str) -> dict[str, Any]:
    chat: dict[str, Any] = {name: body[name] for name in _SAME if body.get(name) is not None}
    if body.get("stream"):
        # The last event of an answer has to contain the token counts.
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    if body.get("max_output_tokens") is not None:
        chat[length_field] = body["max_output_tokens"]
    if asks_for_logprobs(body):
        chat["logprobs"] = True
    if body.get("top_logprobs"):
        chat["top_logprobs"] = body["top_logprobs"]
    text = body.get("text") or {}
    if text.get("format"):
        chat["response_format"] = _nested(text["format"])
    if text.get("verbosity"):
        chat["verbosity"] = text["verbosity"]
    # How reasoning is summarized has no counterpart; chat upstreams give it as it is.
    if effort := (body.get("reasoning") or {}).get("effort"):
        chat["reasoning_effort"] = effort
    return chat


def asks_for_logprobs(body: Mapping[str, Any]) -> str | None:
    """Return the field of a checked request that asks for log probabilities, if one does."""
    if body.get("top_logprobs"):
        return "top_logprobs"
    # The other details that it may ask for are those of hosted tools, or are given anyway.
    return "include" if _LOGPROBS in (body.get("include") or ()) else None


def _nested(text_format: dict[str, Any]) -> dict[str, Any]:
    kind = text_format["type"]
    if kind in ("text", "json_object"):
        return {"type": kind}
    if kind != "json_schema":
        raise unknown_type("text.format", text_format, _CHAT)
    names = ("name", "description", "schema", "strict")
    schema = {name: text_format[name] for name in names if text_format.get(name) is not None}
    return {"type": kind, "json_schema": schema}


_CHAT_SAME = (
    *_SAME,
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "top_logprobs",
)
_CHAT_TRANSLATED = (
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "reasoning_effort",
    "response_format",
    "store",
    "stream",
    "tool_choice",
    "tools",
    "verbosity",
)
_CHAT_HINTS = (
    "prediction",  # only makes an answer faster
    "stream_options",  # the token counts always come
)
_CHAT_DEFAULTS: dict[str, Any] = {"n": 1, "logit_bias": {}, "modalities": ["text"], "stop": []}
"""Fields without a counterpart that change nothing with these values."""


def responses_from_chat(body: dict[str, Any]) -> dict[str, Any]:
    """Translate a chat request for an upstream that speaks the Responses API.

    Args:
        body: the body of a checked request.

    Raises:
        InvalidRequestError: a part of the request has no counterpart; ``param`` names it.
    """
    known = (*_CHAT_SAME, *_CHAT_TRANSLATED, *_CHAT_HINTS)
    needed = {name: value for name, value in body.items() if value != _CHAT_DEFAULTS.get(name)}
    refuse_others(needed, known, _RESPONSES)
    asked: dict[str, Any] = {name: body[name] for name in _CHAT_SAME if body.get(name) is not None}
    # The default of the Responses API is to store answers; that of the chat API is not to.
    asked["store"] = bool(body.get("store"))
    asked["input"] = input_items(body["messages"])
    if body.get("stream"):
        asked["stream"] = True
    length = body.get("max_completion_tokens") or body.get("max_tokens")
    if length is not None:
        asked["max_output_tokens"] = length
    if body.get("logprobs"):
        asked["include"] = [_LOGPROBS]
    if body.get("reasoning_effort") is not None:
        asked["reasoning"] = {"effort": required(body["reasoning_effort"], str, "reasoning_effort")}
    if text := _text_options(body):
        asked["text"] = text
    if body.get("tools"):
        asked["tools"] = responses_tools(body["tools"])
    choice = responses_choice(body.get("tool_choice"))
    if choice is not None:
        asked["tool_choice"] = choice
    return asked


def _text_options(body: Mapping[str, Any]) -> dict[str, Any]:
    text = dict[str, Any]()
    if body.get("verbosity") is not None:
        text["verbosity"] = required(body["verbosity"], str, "verbosity")
    if given := body.get("response_format"):
        kind = given["type"]
        if kind not in ("text", "json_object", "json_schema"):
            raise no_counterpart("response_format.type", _RESPONSES)
        # The schema is optional in the chat API only.
        schema = {"schema": {}, **given["json_schema"]} if kind == "json_schema" else {}
        text["format"] = {**schema, "type": kind}
    return text
