"""A stand-in upstream: a small real server that records what it was sent.

It plays its replies byte by byte, so it can do what real services do only on bad days: hang, cut a
connection, send half an event. It runs in a thread of its own; what is asserted is left to tests.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from .ports import port_of, reserve_port

__all__ = [
    "CUT",
    "DONE",
    "HANG",
    "RESET",
    "Received",
    "StandIn",
    "chunk",
    "completion",
    "message",
    "message_events",
    "named",
    "response",
    "response_events",
    "text_chunk",
    "usage_chunk",
    "vectors",
]

CUT: Literal["cut"] = "cut"
"""Close the connection here, politely but too early."""
RESET: Literal["reset"] = "reset"
"""Break the connection here."""
HANG: Literal["hang"] = "hang"
"""Say nothing more until the client leaves."""

DONE = b"data: [DONE]\n\n"

Step = bytes | float | threading.Event | Literal["cut", "reset", "hang"]
"""Bytes are sent, seconds and events are waited for."""


def event(words: Any) -> bytes:
    return b"data: " + json.dumps(words).encode() + b"\n\n"


def chunk(text: str, **more: Any) -> bytes:
    """One event of a streamed answer."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return event({"id": "c1", "object": "chat.completion.chunk", "choices": [choice], **more})


def usage_chunk(prompt: int = 3, completion: int = 2) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 5}
    return event({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": usage})


def completion(text: str = "Hello") -> dict[str, Any]:
    """A whole answer."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "real-name",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def vectors(*rows: Sequence[float]) -> dict[str, Any]:
    """A whole answer of embeddings."""
    data = [{"object": "embedding", "index": n, "embedding": [*row]} for n, row in enumerate(rows)]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    return {"object": "list", "model": "real-name", "data": data, "usage": usage}


def response(text: str = "Hello", status: str = "completed") -> dict[str, Any]:
    """A whole answer of the Responses API."""
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": status}
    return {
        "id": f"resp_{next(_numbers)}",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "real-name",
        "output": [{**item, "content": content}],
        "usage": {
            "input_tokens": 3,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 5,
        },
    }


def message(text: str = "Hello") -> dict[str, Any]:
    """A whole answer of the Messages API."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "real-name",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }


def named(kind: str, **more: Any) -> bytes:
    """One event that has a name."""
    return f"event: {kind}\n".encode() + event({"type": kind, **more})


def response_events(text: str = "Hello") -> list[bytes]:
    """A streamed answer of the Responses API."""
    whole = response(text)
    part = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    (done,) = whole["output"]
    item = {**done, "content": [], "status": "in_progress"}
    empty = {**done["content"][0], "text": ""}
    return [
        named("response.created", sequence_number=0, response=begun),
        named("response.output_item.added", sequence_number=1, output_index=0, item=item),
        named("response.content_part.added", sequence_number=2, **part, part=empty),
        named("response.output_text.delta", sequence_number=3, **part, delta=text),
        named("response.output_text.done", sequence_number=4, **part, text=text, logprobs=[]),
        named("response.output_item.done", sequence_number=5, output_index=0, item=done),
        named("response.completed", sequence_number=6, response=whole),
    ]


def message_events(text: str = "Hello") -> list[bytes]:
    """A streamed answer of the Messages API."""
    begun = {**message(), "content": [], "stop_reason": None}
    begun["usage"] = {"input_tokens": 3, "output_tokens": 0}
    delta = {"type": "text_delta", "text": text}
    return [
        named("message_start", message=begun),
        named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        named("content_block_delta", index=0, delta=delta),
        named("content_block_stop", index=0),
        named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}),
        named("message_stop"),
    ]


def text_chunk(text: str, reason: str | None = None) -> bytes:
    """One event of a streamed completion."""
    return event({"choices": [{"index": 0, "text": text, "finish_reason": reason}]})


WHOLE: dict[str, dict[str, Any]] = {
    "/v1/completions": {
        "object": "text_completion",
        "choices": [{"index": 0, "text": "Hello", "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    },
    "/v1/embeddings": vectors([0.25, -0.5]),
    "/v1/moderations": {"results": [{"flagged": False}]},
    "/v1/rerank": {"results": [{"index": 0, "relevance_score": 0.5}], "usage": {"total_tokens": 3}},
    "/v1/images/generations": {"created": 1, "data": [{"b64_json": "aGk="}]},
    "/v1/audio/transcriptions": {"text": "Hello"},
    "/v1/responses/compact": {
        "object": "response.compaction",
        "output": [],
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    },
    "/v1/responses/input_tokens": {"input_tokens": 3},
    "/v1/messages/count_tokens": {"input_tokens": 3},
    "/v1/responses": {},
    "/v1/messages": {},
}
"""What is said to a request whose path is not chat's."""

_numbers = itertools.count(1)


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    client_left: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    head: bytes
    steps: Sequence[Step]
    is_chunked: bool


class StandIn:
    """Use as a context manager; ``url`` is the base_url to configure."""

    def __init__(
        self, models: Sequence[str] = ("real-name",), *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self.models = list(models)
        self.facts: dict[str, dict[str, Any]] = {}
        """What the list says of a model besides its name."""
        self.models_status = 200
        self.received: list[Received] = []
        self.answer_to: dict[str, dict[str, Any]] = {}
        """Whole answers to last messages; for a client that cannot be asked to wait for one."""
        self.absent: set[str] = set()
        """The paths that this upstream does not have, such as ``/v1/responses``."""
        self.is_ours = False
        """Whether it has addresses that only our servers have."""
        self.connections = 0
        self.open_connections = 0
        self.answering = 0
        """How many replies are being played; a connection without one is kept for the next."""
        self.has_chat = threading.Event()
        self._replies: deque[Reply] = deque()
        # Another server with its port would answer where nobody should, after ``stop``.
        self._reserved = reserve_port()
        self.port = port_of(self._reserved)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def chats(self) -> list[Received]:
        return [request for request in self.received if request.path.endswith("chat/completions")]

    def reply(
        self,
        *steps: Step | dict[str, Any],
        status: int = 200,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
        is_chunked: bool = False,
        raw_head: bytes | None = None,
    ) -> None:
        """Queue the reply to the next chat; without one a whole or streamed "Hello" is said."""
        body = [json.dumps(step).encode() if isinstance(step, dict) else step for step in steps]
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += ["Transfer-Encoding: chunked" if is_chunked else "Connection: close", "", ""]
        head = raw_head if raw_head is not None else "\r\n".join(lines).encode()
        self._replies.append(Reply(head, body, is_chunked))

    def stream(self, *steps: Step, is_chunked: bool = True) -> None:
        """Queue a streamed reply."""
        self.reply(*steps, kind="text/event-stream", is_chunked=is_chunked)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        self._reserved.close()

    def begin_anew(self) -> None:
        """Forget what was received and what is still to be said; listen, where it was stopped."""
        self.received.clear()
        self.answer_to.clear()
        self.absent.clear()
        self.is_ours = False
        self.models_status = 200
        self.has_chat.clear()
        self._replies.clear()
        if not self._thread.is_alive():
            self.start()

    def start(self) -> None:
        """Listen; after a stop on the same port as before, as a service that was restarted."""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        """Stop listening, and break whatever is open; nobody else gets the port."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        )
        self._ready.set()
        self._loop.run_forever()
        self._server.close()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A closed transport lets go of its socket in the next round of the loop.
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        # One reader waits for a byte all the time: of the next request, or of the client's leaving.
        watching = asyncio.ensure_future(reader.read(1))
        try:
            while first := await watching:
                request = await self._read(first, reader)
                watching = asyncio.ensure_future(reader.read(1))
                if not await self._answer(request, watching, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client broke off, or the stand-in is stopped: both are what tests do.
            pass
        finally:
            watching.cancel()
            writer.close()
            self.open_connections -= 1

    async def _read(self, first: bytes, reader: asyncio.StreamReader) -> Received:
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        pairs = (line.split(":", 1) for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Received(method, path, headers, body)
        self.received.append(request)
        if request in self.chats:
            self.has_chat.set()
        return request

    async def _answer(
        self, request: Received, watching: asyncio.Future[bytes], writer: asyncio.StreamWriter
    ) -> bool:
        """Play the reply; tell whether the connection serves another request."""
        reply = self._reply_to(request)
        playing = asyncio.ensure_future(self._play(reply, writer))
        self.answering += 1
        try:
            await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.answering -= 1
        if playing.done() and playing.exception() is None:
            return reply.is_chunked and playing.result()
        request.client_left.set()
        playing.cancel()
        return False

    def _reply_to(self, request: Received) -> Reply:
        if request.path.endswith("/models") and request.path not in self.absent:
            return self._models()
        if "/aqueduct/" in request.path and not self.is_ours:
            head = b"HTTP/1.1 404 X\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
            return Reply(head, [], is_chunked=False)
        return self._next(request)

    def _models(self) -> Reply:
        body = json.dumps(
            {"data": [{"id": name, **self.facts.get(name, {})} for name in self.models]}
        ).encode()
        head = f"HTTP/1.1 {self.models_status} X\r\nContent-Type: application/json\r\n"
        return Reply(f"{head}Connection: close\r\n\r\n".encode(), [body], is_chunked=False)

    def _next(self, request: Received) -> Reply:
        if not self._replies and request.path == "/v1/audio/speech":
            self.reply(b"ID3 sound", kind="audio/mpeg")
        elif not self._replies and request.path in self.absent:
            self.reply({"detail": "Not Found"}, status=404)
        elif not self._replies and request.path in WHOLE:
            self._say(request)
        elif not self._replies:
            messages = request.json["messages"]
            question = messages[-1]["content"] if messages else ""
            if isinstance(question, str) and question in self.answer_to:
                self.reply(self.answer_to[question])
            elif request.json.get("stream"):
                self.stream(chunk("Hel"), chunk("lo"), usage_chunk(), DONE)
            else:
                self.reply(completion())
        return self._replies.popleft()

    def _say(self, request: Received) -> None:
        if request.path == "/v1/responses":
            says, events = response(), response_events()
        elif request.path == "/v1/messages":
            says, events = message(), message_events()
        else:
            says, events = WHOLE[request.path], [text_chunk("Hello", "stop"), usage_chunk(), DONE]
        if request.headers["content-type"].endswith("json") and request.json.get("stream"):
            self.stream(*events)
        else:
            self.reply(says)

    async def _play(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        writer.write(reply.head)
        for step in reply.steps:
            if isinstance(step, bytes):
                framed = b"%x\r\n%b\r\n" % (len(step), step) if reply.is_chunked else step
                writer.write(framed)
                await writer.drain()
            elif isinstance(step, float | int):
                await asyncio.sleep(step)
            elif isinstance(step, threading.Event):
                # The test that sets it is in another thread.
                while not step.is_set():  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            elif step == HANG:
                await asyncio.sleep(3600)
            else:
                if step == RESET:
                    _reset(writer)
                return False
        if reply.is_chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def _reset(writer: asyncio.StreamWriter) -> None:
    # Closing with a linger time of zero sends RST instead of FIN.
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
