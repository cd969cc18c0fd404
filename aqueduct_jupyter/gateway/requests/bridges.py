"""The bridges between APIs: what answers in the place of what, and how it is translated.

Requests are translated through chat's form, answers through items, so there is one row for each API
and none for a pair.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...protocol.bridges.chat_reader import ChatReader
from ...protocol.bridges.chat_writer import ChatWriter
from ...protocol.bridges.checks import no_counterpart
from ...protocol.bridges.compaction import (
    TRIGGER,
    CompactedWriter,
    CompactionWriter,
    is_triggered,
)
from ...protocol.bridges.completions import CompletionWriter, chat_from_completion
from ...protocol.bridges.forms import AnswerHead, BridgedRequest, Reader, ReadFailure, Writer
from ...protocol.bridges.messages_reader import MessagesReader
from ...protocol.bridges.messages_request import chat_from_messages, messages_from_chat
from ...protocol.bridges.messages_writer import MessagesWriter
from ...protocol.bridges.responses_reader import ResponsesReader
from ...protocol.bridges.responses_request import (
    asks_for_logprobs,
    chat_from_responses,
    responses_from_chat,
)
from ...protocol.bridges.responses_writer import ResponsesWriter
from ...protocol.requests import APIRequest
from ...protocol.responses import ResponsesRequest
from ..upstreams.apis import API
from ..upstreams.deployments import Route
from ..upstreams.upstream import Upstream
from .operation import Operation
from .operations import OPERATIONS

__all__ = ["Bridge", "build_bridge", "find_target"]

_BY_API = {operation.api: operation for operation in OPERATIONS.values() if operation.api}

_BRIDGED_TO: Mapping[API, tuple[API, ...]] = {
    "chat": ("responses", "messages"),
    "responses": ("chat", "messages"),
    "messages": ("chat", "responses"),
    "completions": ("chat",),
    "compact": ("chat", "responses", "messages"),
}
"""What can answer in the place of an operation, the best first."""

_FROM_CHAT: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "responses": responses_from_chat,
    "messages": messages_from_chat,
}
_READERS: Mapping[str, Callable[[ReadFailure], Reader]] = {
    "chat": ChatReader,
    "responses": ResponsesReader,
    "messages": MessagesReader,
}
_WRITERS: Mapping[str, Callable[[AnswerHead], Writer]] = {
    "chat": ChatWriter,
    "responses": ResponsesWriter,
    "messages": MessagesWriter,
    "completions": CompletionWriter,
}
_PREFIXES = {
    "chat": "chatcmpl-",
    "responses": "resp_",
    "compact": "resp_",
    "messages": "msg_",
    "completions": "cmpl-",
}
"""How the ids of answers begin."""

_NOT_COMPACTED = ("stream", "text", "tools", "tool_choice", "parallel_tool_calls")
"""Fields that mean nothing to a summary."""

_INPUTS = ("input", "messages", "prompt")
"""Fields that no answer repeats; they may be megabytes."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """A translated request, and what translates its answer back."""

    body: dict[str, Any]
    reader: Callable[[ReadFailure], Reader]
    writer: Writer


def find_target(operation: Operation, upstream: Upstream) -> Operation | None:
    """Return the operation that answers in the place of another; None if there is none."""
    for name in _BRIDGED_TO[operation.api] if operation.api else ():
        if upstream.apis.mode(name) != "bridge":
            return _BY_API[name]
    return None


def build_bridge(
    operation: Operation,
    target: Operation,
    request: APIRequest,
    route: Route,
    earlier: Sequence[dict[str, Any]] = (),
    said: Sequence[dict[str, Any]] = (),
) -> Bridge:
    """Translate a request for an upstream that does not have its operation.

    Args:
        operation: what the client asked for.
        target: what the upstream is asked for.
        request: the client's request.
        route: the upstream and its model.
        earlier: the items of the responses that it continues.
        said: all items as the client knows them, with those that it continues.

    Raises:
        InvalidRequestError: a field has no counterpart; ``param`` names it.
    """
    field = asks_for_logprobs(request.body) if operation.name == "responses" else None
    if field and target.name == "messages":
        # Checked here, because chat has another name for it.
        raise no_counterpart(field, "the Messages API")
    translated = _as_chat(operation, target, request.body, route.upstream.length_field, earlier)
    body = {**translated.body, "model": route.model}
    if target.name != "chat":
        body = _FROM_CHAT[target.name](body)
    repeated = {name: value for name, value in request.body.items() if name not in _INPUTS}
    head = AnswerHead(
        _PREFIXES[operation.name] + secrets.token_hex(24),
        request.model or route.model,
        int(time.time()),
        repeated,
        translated.tools,
    )
    return Bridge(body, _READERS[target.name], _writer(operation, head, said))


def _writer(operation: Operation, head: AnswerHead, said: Sequence[dict[str, Any]]) -> Writer:
    if operation.name == "compact":
        return CompactedWriter(head, said)
    if operation.name == "responses" and is_triggered(said):
        return CompactionWriter(head)
    return _WRITERS[operation.name](head)


def _as_chat(
    operation: Operation,
    target: Operation,
    body: dict[str, Any],
    length_field: str,
    earlier: Sequence[dict[str, Any]],
) -> BridgedRequest:
    match operation.name:
        case "responses":
            return chat_from_responses(
                body,
                earlier,
                length_field=length_field,
                keeps_thinking=target.name == "messages",
            )
        case "compact":
            asked = {name: value for name, value in body.items() if name not in _NOT_COMPACTED}
            asked["input"] = [*ResponsesRequest(body).input_items, {"type": TRIGGER}]
            return chat_from_responses(asked, earlier, length_field=length_field)
        case "messages":
            return chat_from_messages(body, length_field=length_field)
        case "completions":
            return BridgedRequest(chat_from_completion(body, length_field=length_field))
    return BridgedRequest(body)
