"""Scripted models for tutorials and tests. They are not language models, and their answers say so.

They are a transport like any upstream's, so everything between a client and an upstream can be
tried with them: streaming, errors, a broken connection, an answer that fits a JSON schema.

========================  =====================================================================
``echo``                  repeats the user's last message
``story``, ``story-N``    a story in N chunks (default 50), word by word
``slow``                  a story, with a chunk every half second
``fail-STATUS``           an error with that status, such as ``fail-429``
``cut``                   a stream whose connection breaks in the middle
``schema``                an object that fits ``response_format``'s JSON schema
========================  =====================================================================
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import httpx

from .only_chat import other_operation

__all__ = ["DemoTransport"]

MODELS = ("echo", "story", "slow", "fail-503", "cut", "schema")
"""The listed models; names with other numbers also work."""

LABEL = "(demo, no language model) "
"""The start of every text answer, so that nobody mistakes it for a model's."""

MAX_CHUNKS = 100_000
SLOW_PAUSE = 0.5
CHUNKS_BEFORE_CUT = 5
MAX_VALUES = 1000
"""Maximum number of values in an answer that fits a schema."""

MAX_SCHEMA_DEPTH = 20

_NAME = re.compile(r"(echo|story|slow|cut|schema)$|(story)-(\d{1,6})$|(fail)-([45]\d\d)$")
_WORDS = re.findall(r"\S+", "The water ran through the aqueduct, over the hills and into the town.")


class DemoTransport(httpx.AsyncBaseTransport):
    """Answers requests for chats and models.

    Args:
        listed: the names in the list of models; all others work, too.
    """

    def __init__(self, listed: Sequence[str] = MODELS) -> None:
        self._listed = listed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as an OpenAI-compatible service would."""
        if request.url.path.endswith("/models"):
            return httpx.Response(200, json={"data": [{"id": name} for name in self._listed]})
        body = json.loads(await request.aread())
        if refused := other_operation(request, body["model"]):
            return refused
        name = _NAME.match(body["model"])
        if name is None:
            return _error(404, f"There is no demo model '{body['model']}'.")
        if status := name[5]:
            return _error(int(status), f"This demo model always fails with status {status}.")
        return _streamed(body, name) if body.get("stream") else await _whole(body, name)


def _error(status: int, message: str) -> httpx.Response:
    headers = {"Retry-After": "30"} if status in (429, 503) else {}
    return httpx.Response(status, json={"error": {"message": message}}, headers=headers)


async def _whole(body: Mapping[str, Any], name: re.Match[str]) -> httpx.Response:
    if name[1] == "cut":
        raise httpx.ReadError("This demo model's connection always breaks.")
    pieces = [piece async for piece in _pieces(body, name)]
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": "".join(pieces)},
            "finish_reason": "stop",
        }
        for index in range(body.get("n") or 1)
    ]
    answer = {**_frame_fields(body, "chat.completion"), "choices": choices}
    return httpx.Response(200, json={**answer, "usage": _usage(body, len(pieces))})


def _streamed(body: Mapping[str, Any], name: re.Match[str]) -> httpx.Response:
    headers = {"Content-Type": "text/event-stream"}
    return httpx.Response(200, headers=headers, stream=_Events(body, name))


class _Events(httpx.AsyncByteStream):
    """The events of one streamed answer."""

    def __init__(self, body: Mapping[str, Any], name: re.Match[str]) -> None:
        self._body = body
        self._name = name
        self._frame = _frame_fields(body, "chat.completion.chunk")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        choices = range(self._body.get("n") or 1)
        count = 0
        yield self._event(
            [_choice(index, {"role": "assistant", "content": ""}) for index in choices]
        )
        async for piece in _pieces(self._body, self._name):
            count += 1
            yield self._event([_choice(index, {"content": piece}) for index in choices])
            if self._name[1] == "cut" and count == CHUNKS_BEFORE_CUT:
                raise httpx.ReadError("This demo model's connection always breaks.")
        yield self._event([_choice(index, {}, "stop") for index in choices])
        if (self._body.get("stream_options") or {}).get("include_usage"):
            yield self._event([], usage=_usage(self._body, count))
        yield b"data: [DONE]\n\n"

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return b"data: %b\n\n" % json.dumps({**self._frame, "choices": choices, **more}).encode()


def _choice(index: int, delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": reason}


def _frame_fields(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    created = int(time.time())
    return {"id": "chatcmpl-demo", "object": kind, "created": created, "model": body["model"]}


async def _pieces(body: Mapping[str, Any], name: re.Match[str]) -> AsyncIterator[str]:
    """Yield the answer's text, one chunk at a time."""
    if name[1] == "schema":
        schema = _schema(body)
        yield json.dumps(_Instance(schema).of(schema))
        return
    if name[1] == "echo":
        for piece in re.findall(r"\S+\s*|\s+", LABEL + _last_user_text(body)):
            yield piece
        return
    yield LABEL
    for index in range(min(int(name[3] or 50), MAX_CHUNKS) - 1):
        # Even without a pause, control returns to the event loop, as it does with a network.
        await asyncio.sleep(SLOW_PAUSE if name[1] == "slow" else 0)
        yield _WORDS[index % len(_WORDS)] + " "


def _last_user_text(body: Mapping[str, Any]) -> str:
    users = [message for message in body["messages"] if message.get("role") == "user"]
    content = users[-1].get("content") if users else ""
    if isinstance(content, str):
        return content
    texts = ((part.get("text"), part.get("type")) for part in content or ())
    return "\n".join(text if isinstance(text, str) else f"[{kind}]" for text, kind in texts)


def _usage(body: Mapping[str, Any], completion_tokens: int) -> dict[str, int]:
    prompt_tokens = len(_last_user_text(body).split())
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any]:
    response_format = body.get("response_format") or {}
    schema: Mapping[str, Any] = (response_format.get("json_schema") or {}).get("schema") or {}
    return schema


class _Instance:
    """Makes the simplest value that fits a schema of the kind generated from type definitions.

    A short schema can describe a huge value, so values beyond the limits are null.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = MAX_VALUES

    def of(self, schema: Any, depth: int = 0) -> Any:
        """Make the value of a schema at this depth."""
        self._left -= 1
        if depth > MAX_SCHEMA_DEPTH or self._left < 0 or not isinstance(schema, Mapping):
            return None
        inner = partial(self.of, depth=depth + 1)
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return inner(self._root.get("$defs", {}).get(name, {}))
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        for keyword in ("anyOf", "oneOf", "allOf"):
            if schema.get(keyword):
                return inner(schema[keyword][0])
        kind = schema.get("type", "object")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            properties = schema.get("properties", {})
            return {name: inner(within) for name, within in properties.items() if self._left > 0}
        if kind == "array":
            count = min(max(1, schema.get("minItems", 1)), max(self._left, 0))
            return [inner(schema.get("items") or {}) for _ in range(count)]
        simple = {"string": "demo", "boolean": True, "null": None}
        return simple[kind] if kind in simple else max(1, schema.get("minimum", 1))
