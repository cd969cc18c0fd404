"""A request to Anthropic's Messages API as a chat request, and back.

Messages are in :mod:`.messages_blocks` and :mod:`.messages_turns`, tools in
:mod:`.messages_tools`. The client's object is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..chat_fields import MAX_STOP_SEQUENCES
from ..errors import InvalidRequestError
from .checks import no_counterpart, refuse_others, required, unknown_type
from .forms import BridgedRequest
from .messages_blocks import add_messages, system_text
from .messages_tools import chat_tool_fields, messages_tool_fields
from .messages_turns import messages_and_system
from .transcript import Transcript

__all__ = ["DEFAULT_MAX_TOKENS", "chat_from_messages", "messages_from_chat"]

DEFAULT_MAX_TOKENS = 4096
"""The most tokens of an answer if a chat request names none; the Messages API requires a number."""

SMALL_BUDGET = 4096
"""Most tokens of thinking that mean little effort."""

MEDIUM_BUDGET = 16_384
"""Most tokens of thinking that mean medium effort."""

HIGHEST_TEMPERATURE = 1

_CHAT = "the chat API"
_MESSAGES = "the Messages API"

# The chat API has no top_k, but those that serve open models accept it in chat requests, too.
_SAME = ("model", "temperature", "top_p", "top_k")
_TRANSLATED = (
    "max_tokens",
    "messages",
    "output_config",
    "output_format",
    "stop_sequences",
    "stream",
    "system",
    "thinking",
    "tool_choice",
    "tools",
)
_HINTS = (
    "cache_control",  # where a cached prompt may end
    "context_management",  # old results of tools may be left out, but do not have to be
    "inference_geo",
    "metadata",  # the end user's id, for the service's own statistics
    "service_tier",
)


def chat_from_messages(
    body: dict[str, Any], *, length_field: str = "max_completion_tokens"
) -> BridgedRequest:
    """Translate a request to the Messages API for an upstream that speaks chat.

    Args:
        body: the body of a checked request.
        length_field: the upstream's name for the most tokens.

    Raises:
        InvalidRequestError: a part of the request has no counterpart; ``param`` names the client's
            field.
    """
    refuse_others(body, (*_SAME, *_TRANSLATED, *_HINTS), _CHAT)
    transcript = Transcript()
    if system := system_text(body.get("system")):
        transcript.say("system", system)
    add_messages(body["messages"], transcript)
    messages = transcript.finish()
    if not messages:
        raise InvalidRequestError("messages must not be empty.", param="messages")
    chat: dict[str, Any] = {name: body[name] for name in _SAME if body.get(name) is not None}
    chat[length_field] = body["max_tokens"]
    if body.get("stream"):
        # The last events of an answer have to contain the token counts.
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    if stop := body.get("stop_sequences"):
        if len(stop) > MAX_STOP_SEQUENCES:
            raise InvalidRequestError(
                f"stop_sequences may hold at most {MAX_STOP_SEQUENCES} sequences for this model.",
                param="stop_sequences",
            )
        chat["stop"] = stop
    if effort := _effort(body):
        chat["reasoning_effort"] = effort
    if response_format := _response_format(body):
        chat["response_format"] = response_format
    return BridgedRequest({**chat, "messages": messages, **chat_tool_fields(body)})


def _effort(body: Mapping[str, Any]) -> str | None:
    effort: str | None = (body.get("output_config") or {}).get("effort")
    budget = (body.get("thinking") or {}).get("budget_tokens")
    if effort or budget is None:
        return effort  # without a budget, the model thinks as it is used to
    return "low" if budget <= SMALL_BUDGET else "medium" if budget <= MEDIUM_BUDGET else "high"


def _response_format(body: Mapping[str, Any]) -> dict[str, Any] | None:
    config = body.get("output_config") or {}
    for name in config:
        if name not in ("effort", "format", "task_budget"):  # a budget is advice to the model
            raise no_counterpart("output_config", _CHAT)
    param = "output_config.format" if config.get("format") else "output_format"
    given = config.get("format") or body.get("output_format")
    if not given:
        return None
    if given["type"] != "json_schema":
        raise unknown_type(param, given, _CHAT)
    schema = {"name": "answer", "schema": given["schema"], "strict": True}
    return {"type": "json_schema", "json_schema": schema}


_CHAT_TRANSLATED = (
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "parallel_tool_calls",
    "reasoning_effort",
    "response_format",
    "stop",
    "stream",
    "tool_choice",
    "tools",
    "user",
)
_CHAT_HINTS = (
    "metadata",  # labels for answers that are stored
    "prediction",  # only makes an answer faster
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",  # nothing is stored
    "stream_options",  # the token counts always come
)
_CHAT_DEFAULTS: dict[str, Any] = {
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "modalities": ["text"],
    "n": 1,
    "presence_penalty": 0,
    "top_logprobs": 0,
}
"""Fields without a counterpart that change nothing with these values."""


def messages_from_chat(body: dict[str, Any]) -> dict[str, Any]:
    """Translate a chat request for an upstream that speaks the Messages API.

    Args:
        body: the body of a checked request.

    Raises:
        InvalidRequestError: a part of the request has no counterpart; ``param`` names it.
    """
    needed = {name: value for name, value in body.items() if value != _CHAT_DEFAULTS.get(name)}
    refuse_others(needed, (*_SAME, *_CHAT_TRANSLATED, *_CHAT_HINTS), _MESSAGES)
    temperature = body.get("temperature")
    if temperature is not None and temperature > HIGHEST_TEMPERATURE:
        raise InvalidRequestError(
            f"temperature must be between 0 and {HIGHEST_TEMPERATURE} for this model.",
            param="temperature",
        )
    asked: dict[str, Any] = {name: body[name] for name in _SAME if body.get(name) is not None}
    length = body.get("max_completion_tokens") or body.get("max_tokens")
    asked["max_tokens"] = length or DEFAULT_MAX_TOKENS
    asked["messages"], system = messages_and_system(body["messages"])
    if system:
        asked["system"] = system
    if body.get("stream"):
        asked["stream"] = True
    if stop := body.get("stop"):
        asked["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if body.get("user"):
        asked["metadata"] = {"user_id": body["user"]}
    if body.get("reasoning_effort") == "none":
        asked["thinking"] = {"type": "disabled"}
    if config := _output_config(body):
        asked["output_config"] = config
    return asked | messages_tool_fields(body)


def _output_config(body: Mapping[str, Any]) -> dict[str, Any]:
    config = dict[str, Any]()
    if body.get("reasoning_effort") not in (None, "none"):
        effort = required(body["reasoning_effort"], str, "reasoning_effort")
        config["effort"] = "low" if effort == "minimal" else effort
    given = body.get("response_format") or {"type": "text"}
    if given["type"] == "json_schema":
        # The Messages API always applies the schema strictly, and gives it no name.
        schema = given["json_schema"].get("schema", {})
        config["format"] = {"type": "json_schema", "schema": schema}
    elif given["type"] != "text":
        raise no_counterpart("response_format.type", _MESSAGES)
    return config
