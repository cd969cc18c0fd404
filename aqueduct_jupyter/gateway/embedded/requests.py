"""Features that the embedded model's engine lacks: clear refusals, tool calls, and ``n`` answers.

It is a transport in front of the engine's. A plain request passes unchanged. A request with images
or sound is refused with a message. Tools are described to the model in its prompt (:mod:`.tools`).
For several answers, the engine gets one request after the other.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, cast

import httpx

from ...protocol.errors import InvalidRequestError
from ...protocol.sse import DONE, Event, FrameBuffer, decode_frame, encode_event, split_frames
from ..encoding import decode_json, encode_json, read_json
from ..offload import off_the_loop
from .only_chat import other_operation
from .tools import as_tool_answer, chooses_tools, with_tools_in_words

__all__ = ["LocalRequests"]

_Object = dict[str, Any]
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class LocalRequests(httpx.AsyncBaseTransport):
    """Sends chat requests to the engine in a form that it supports.

    Args:
        engine: the transport to the engine.
        model: the model's name, for messages.
    """

    def __init__(self, engine: httpx.AsyncBaseTransport, model: str) -> None:
        self._engine = engine
        self._model = model

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, or answer with 400 if the model cannot serve it."""
        if request.method != "POST":
            return await self._engine.handle_async_request(request)
        if refused := other_operation(request, self._model):
            return refused
        content = request.content
        body = await off_the_loop(len(content), decode_json, content)
        try:
            self._check_parts(body)
            has_tools, count = chooses_tools(body), body.get("n") or 1
            if not has_tools and count == 1:
                return await self._engine.handle_async_request(request)
            if has_tools:
                return await self._with_tools(request, body, count)
        except InvalidRequestError as error:
            return httpx.Response(error.status, json=error.envelope())
        if body.get("stream"):
            stream = _Streams(self, request, body, count)
            kind = {"Content-Type": "text/event-stream"}
            return httpx.Response(200, headers=kind, stream=stream, request=request)
        return await self._merged(request, body, count)

    async def aclose(self) -> None:
        """Close the transport to the engine."""
        await self._engine.aclose()

    async def ask(self, request: httpx.Request, body: _Object) -> httpx.Response:
        """Request one answer from the engine."""
        content = await off_the_loop(len(request.content), encode_json, {**body, "n": 1})
        headers = {
            name: value
            for name, value in request.headers.items()
            if name not in ("content-length", "host")
        }
        again = httpx.Request(
            "POST", request.url, headers=headers, content=content, extensions=request.extensions
        )
        return await self._engine.handle_async_request(again)

    async def _with_tools(
        self, request: httpx.Request, body: _Object, count: int
    ) -> httpx.Response:
        """Request whole answers, because a tool call is recognized only at its end."""
        plain = {**with_tools_in_words(body), "stream": False}
        plain.pop("stream_options", None)
        response = await self._merged(request, plain, count)
        answer = read_json(response.content)
        if response.status_code != 200 or not isinstance(answer, dict):
            return response
        if "response_format" in plain and plain["response_format"] != body.get("response_format"):
            answer["choices"] = [as_tool_answer(choice) for choice in answer["choices"]]
        if not body.get("stream"):
            return httpx.Response(200, json=answer)
        kind = {"Content-Type": "text/event-stream"}
        return httpx.Response(200, headers=kind, content=b"".join(_events(answer)))

    async def _merged(self, request: httpx.Request, body: _Object, count: int) -> httpx.Response:
        """Request each answer by itself, and combine them."""
        merged: _Object = {}
        for index in range(count):
            response = await self.ask(request, body)
            try:
                answer = read_json(await response.aread())
            finally:
                await response.aclose()
            if response.status_code != 200 or not isinstance(answer, dict):
                return response
            choices = [{**choice, "index": index} for choice in answer.get("choices") or ()]
            usage = _sum(merged.get("usage"), answer.get("usage"))
            merged = {**answer, "choices": [*merged.get("choices", ()), *choices], "usage": usage}
        return httpx.Response(200, json=merged)

    def _check_parts(self, body: Mapping[str, Any]) -> None:
        for place, message in enumerate(body["messages"]):
            content = message.get("content")
            for index, part in enumerate(content if isinstance(content, list) else ()):
                if part.get("type") not in ("text", "refusal"):
                    where = f"messages[{place}].content[{index}]"
                    raise InvalidRequestError(
                        f"{where}: the model '{self._model}' reads only text, not images, sound or "
                        "files. Choose a model that does, or describe it in words.",
                        param=where,
                        code="unsupported_content",
                    )


class _Streams(httpx.AsyncByteStream):
    """The streams of several answers, one after the other, combined into one."""

    def __init__(
        self, requests: LocalRequests, request: httpx.Request, body: _Object, count: int
    ) -> None:
        self._requests = requests
        self._request = request
        self._body = body
        self._count = count
        self._response: httpx.Response | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        usage: _Object | None = None
        for index in range(self._count):
            self._response = await self._requests.ask(self._request, self._body)
            if self._response.status_code != 200:
                error = read_json(await self._response.aread())
                yield _event(error if isinstance(error, dict) else {"error": {"code": 502}})
                return
            async with aclosing(_chunks(self._response)) as chunks:
                async for chunk in chunks:
                    usage = _sum(usage, chunk.pop("usage", None))
                    if choices := chunk.get("choices"):
                        yield _event(
                            {**chunk, "choices": [{**one, "index": index} for one in choices]}
                        )
            await self._response.aclose()
        if usage:
            yield _event({"object": "chat.completion.chunk", "choices": [], "usage": usage})
        yield encode_event(Event(DONE))

    async def aclose(self) -> None:
        """Stop the engine's work on the current answer."""
        if self._response is not None:
            await self._response.aclose()


async def _chunks(response: httpx.Response) -> AsyncGenerator[_Object, None]:
    buffer = FrameBuffer()
    async for data in cast(httpx.AsyncByteStream, response.stream):
        for frame in split_frames(buffer.feed(data)):
            event = decode_frame(frame)
            chunk = read_json(event.data) if event else None
            if isinstance(chunk, dict):
                yield chunk


def _events(answer: _Object) -> list[bytes]:
    """Convert a whole answer to the events of a stream."""
    head = {**answer, "object": "chat.completion.chunk"}
    usage = head.pop("usage", None)
    events = []
    for choice in answer["choices"]:
        delta = dict(choice["message"])
        if calls := delta.get("tool_calls"):
            delta["tool_calls"] = [{"index": place, **call} for place, call in enumerate(calls)]
        index, reason = choice["index"], choice["finish_reason"]
        said = [
            {"index": index, "delta": delta, "finish_reason": None},
            {"index": index, "delta": {}, "finish_reason": reason},
        ]
        events += [_event({**head, "choices": [one]}) for one in said]
    events.append(_event({**head, "choices": [], "usage": usage}))
    return [*events, encode_event(Event(DONE))]


def _event(chunk: Mapping[str, Any]) -> bytes:
    return encode_event(Event(encode_json(dict(chunk)).decode()))


def _sum(before: _Object | None, usage: Any) -> _Object | None:
    """Add the usage of another answer to the same prompt, whose tokens count only once."""
    if not isinstance(usage, dict):
        return before
    if before is None:
        return {name: usage.get(name) for name in _COUNTS}
    written = before["completion_tokens"] + usage.get("completion_tokens", 0)
    read = before["prompt_tokens"]
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
