"""The soak's upstream: it answers like a model, and every tenth time like a bad day.

It runs on the loop of the clients. ``standin.py`` keeps all that it is sent and plays what a test
has queued; this one keeps a count, and makes its answers up from a seed.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

__all__ = ["FAULTS", "IDLE_TIMEOUT", "MODEL", "SoakUpstream"]

MODEL = "soaked"
"""The one model that it lists."""

IDLE_TIMEOUT = 3.0
"""Seconds of silence that the gateway is to allow it; a stall is shorter, a hang is longer."""

ONE_IN = 10
"""Every so many answers, one has a fault."""

FAULTS = (
    *("cut", "reset", "no end", "stall", "hang", "error in the answer", "HTML"),
    *("status 500", "status 429", "status 429 for a moment", "status 503"),
)
"""What can be wrong with an answer; each in its turn."""

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_REQUEST_ID = re.compile(rb"x-request-id: *(\S+)", re.IGNORECASE)
_STATUS = {"status 500": 500, "status 429": 429, "status 429 for a moment": 429, "status 503": 503}


class _GoneError(Exception):
    """The gateway closed the connection, as it does when its own client leaves."""


class SoakUpstream:
    """A service that answers chats until its context ends.

    Args:
        seed: what its answers are made from.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.port = 0
        self.answers = 0
        self.busy = 0
        """Connections on which an answer is under way."""
        self.faults: Counter[str] = Counter()
        self.tokens: dict[str, tuple[int, int]] = {}
        """By the gateway's ids of what it asked: the tokens that its last answer counts."""
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def connections(self) -> int:
        """How many are open, idle ones among them."""
        return len(self._tasks)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen on a free port of this machine, until the context ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, _GoneError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request; tell whether the connection serves another one."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.busy += 1
        try:
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            if head.startswith(b"GET"):
                writer.write(_json({"object": "list", "data": [{"id": MODEL}]}))
                return True
            request_id = _REQUEST_ID.search(head)
            assert request_id, head
            return await self._chat(request_id[1].decode(), json.loads(body), reader, writer)
        finally:
            self.busy -= 1

    async def _chat(
        self,
        request_id: str,
        body: dict[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        self.answers += 1
        fault = ""
        if self.answers % ONE_IN == 0:
            fault = FAULTS[self.answers // ONE_IN % len(FAULTS)]
            self.faults[fault] += 1
        answer = _Answer(random.Random(f"{self._seed} {self.answers}"), fault, reader, writer)
        self.tokens[request_id] = (answer.tokens_in, answer.tokens_out)
        if fault in _STATUS:
            more = "Retry-After: 0\r\n" if fault.endswith("moment") else ""
            writer.write(_json({"error": {"message": fault}}, _STATUS[fault], more))
            return True
        if fault == "HTML":
            writer.write(_response(b"<h1>Welcome</h1>", "text/html"))
            return True
        return await (answer.stream() if body.get("stream") else answer.whole())


class _Answer:
    """One answer with status 200, and what goes wrong in its middle."""

    def __init__(
        self,
        chance: random.Random,
        fault: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._chance = chance
        self._fault = fault
        self._reader = reader
        self._writer = writer
        self.tokens_in = chance.randint(1, 60)
        self.tokens_out = chance.randint(1, 90)

    async def whole(self) -> bool:
        await asyncio.sleep(self._chance.uniform(0, 0.1))
        words: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1}
        message = {"role": "assistant", "content": self._text(20_000)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        words |= {"model": MODEL, "choices": [choice], "usage": self._usage()}
        if self._fault == "error in the answer":
            words = {"error": {"message": "out of memory", "code": 500}}
        data = _json(words)
        if self._fault == "no end":
            data = _response(json.dumps(words).encode()[:-9], "application/json")
        middle = len(data) // 2
        self._writer.write(data[:middle])
        if not await self._is_past_the_middle():
            return False
        self._writer.write(data[middle:])
        await self._writer.drain()
        return True

    async def stream(self) -> bool:
        self._writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        # One in eight comes as fast as it can, the others as a model writes.
        is_burst = self._chance.random() < 0.125
        pause = 0.0 if is_burst else self._chance.uniform(0.002, 0.04)
        count = self._chance.randint(200, 800) if is_burst else self._chance.randint(2, 40)
        for number in range(count):
            if number == count // 2 and not await self._is_past_the_middle():
                return False
            self._event(_chunk({"content": self._text(200)}))
            if pause:
                await asyncio.sleep(pause)
            await self._flush()
        self._event(_chunk({}, "stop"))
        self._event({**_chunk({}), "choices": [], "usage": self._usage()})
        if self._fault != "no end":
            self._write(b"data: [DONE]\n\n")
        self._writer.write(b"0\r\n\r\n")
        await self._flush()
        return True

    async def _is_past_the_middle(self) -> bool:
        """Do what is to go wrong in the middle of an answer; tell whether it goes on."""
        await self._flush()
        if self._fault == "stall":
            await self._silence(self._chance.uniform(0.2, IDLE_TIMEOUT / 2))
        elif self._fault == "hang":
            await self._silence(IDLE_TIMEOUT * 20)
        elif self._fault == "error in the answer":
            self._event({"error": {"message": "out of memory", "code": 500}})
        elif self._fault == "reset":
            # Closing with a linger time of zero sends RST instead of FIN.
            sock = self._writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        return self._fault not in ("cut", "reset")

    async def _silence(self, seconds: float) -> None:
        """Say nothing for some seconds; raises a _GoneError where the gateway waits no longer."""
        try:
            # It sends nothing before it has its answer: whatever arrives is its leaving.
            await asyncio.wait_for(self._reader.read(1), seconds)
        except TimeoutError:
            return
        raise _GoneError

    async def _flush(self) -> None:
        await self._writer.drain()
        if self._reader.at_eof():
            raise _GoneError

    def _event(self, words: dict[str, Any]) -> None:
        self._write(b"data: %b\n\n" % json.dumps(words).encode())

    def _write(self, frame: bytes) -> None:
        self._writer.write(b"%x\r\n%b\r\n" % (len(frame), frame))

    def _usage(self) -> dict[str, int]:
        total = self.tokens_in + self.tokens_out
        counts = {"prompt_tokens": self.tokens_in, "completion_tokens": self.tokens_out}
        return {**counts, "total_tokens": total}

    def _text(self, most: int) -> str:
        return "wörds " * (self._chance.randint(6, most) // 6)


def _chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    words = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return {**words, "choices": [choice]}


def _json(words: object, status: int = 200, more: str = "") -> bytes:
    return _response(json.dumps(words).encode(), "application/json", status, more)


def _response(body: bytes, kind: str, status: int = 200, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}"
    return f"{head}\r\n".encode() + body
