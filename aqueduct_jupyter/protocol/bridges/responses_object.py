"""The ``response`` object of the Responses API: what it repeats of the request, counts, errors.

Its output items are in :mod:`.responses_writer`. Strict clients want every field, so a field that
the client did not send has OpenAI's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..chat import Usage
from ..errors import AqueductError, RateLimitError, ServerError
from .forms import AnswerHead

__all__ = ["counts", "new_response", "response_error"]

_DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "previous_response_id": None,
    "conversation": None,
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "top_logprobs": 0,
    "truncation": "disabled",
    "store": True,
    "background": False,
    "service_tier": "default",
    "metadata": {},
    "user": None,
    "safety_identifier": None,
    "prompt_cache_key": None,
}

_OBJECTS: dict[str, dict[str, Any]] = {
    "text": {"format": {"type": "text"}},
    "reasoning": {"effort": None, "summary": None},
}
"""Fields whose own fields have defaults."""

_FUNCTION = {"description": None, "parameters": None, "strict": None}


def new_response(head: AnswerHead) -> dict[str, Any]:
    """Return the response object before the first item."""
    return {
        "id": head.id,
        "object": "response",
        "created_at": head.created,
        "completed_at": None,
        "status": "in_progress",
        "incomplete_details": None,
        "error": None,
        "model": head.model,
        "output": [],
        "usage": None,
        **_repeated(head.request),
    }


def counts(usage: Usage) -> dict[str, Any]:
    """Return the token counts; strict clients want both details."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def response_error(error: AqueductError) -> dict[str, str]:
    """Return an error in the words of ``response.failed``, whose codes are the API's own."""
    if isinstance(error, ServerError):
        return {"code": "server_error", "message": error.message}
    message = error.message
    if isinstance(error, RateLimitError) and error.retry_after is not None:
        # Codex reads from the sentence how long to wait; there are no headers here.
        message = f"{message} Please try again in {error.retry_after:g}s."
    return {"code": error.code or "invalid_prompt", "message": message}


def _repeated(request: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        name: default if request.get(name) is None else request[name]
        for name, default in _DEFAULTS.items()
    }
    for name, defaults in _OBJECTS.items():
        given = request.get(name)
        sent = given.items() if isinstance(given, Mapping) else ()
        fields[name] = {**defaults, **{key: value for key, value in sent if value is not None}}
    if isinstance(fields["conversation"], str):
        fields["conversation"] = {"id": fields["conversation"]}
    if isinstance(fields["tools"], list):
        fields["tools"] = [_with_fields(tool) for tool in fields["tools"]]
    return fields


def _with_fields(tool: Any) -> Any:
    is_function = isinstance(tool, Mapping) and tool.get("type") == "function"
    return {**_FUNCTION, **tool} if is_function else tool
