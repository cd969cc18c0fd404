"""The soak's clients: each does one thing after another, and some leave in the middle.

What each saw is kept as it was; whether it was right is left to :mod:`.checks`, but for the shape
of an error, which every client looks at.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx

from .upstream import MODEL

__all__ = ["Asked", "Client", "Seen"]

LEAVES = 0.2
"""The share of chats whose client leaves before the end."""

PATIENCE = 60.0
"""Seconds after which an answer that nobody ended is a fault of its own."""

ENVELOPE = {"message", "type", "param", "code"}
"""What OpenAI's error objects hold."""

DOCUMENT = Path(__file__).parents[2] / "notebooks" / "aqueduct-of-segovia.pdf"

Ending = Literal["whole", "failed", "left"]


@dataclass(slots=True)
class Asked:
    """One chat: its id, where its client got to see one, and how it ended for the client."""

    request_id: str | None = None
    ending: Ending = "left"
    code: str | None = None
    ended: float = 0.0
    """When its end had come, in seconds since 1970."""


@dataclass(slots=True)
class Seen:
    """What all clients of a load have seen."""

    chats: list[Asked] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    """Errors as they should be, by their status and code."""
    faults: list[str] = field(default_factory=list)
    """Whatever should never be seen."""


class Client:
    """One client, with connections of its own.

    Args:
        url: the Jupyter server's address.
        token: what opens it.
        chance: what decides what it does.
        seen: where it tells what it saw.
    """

    def __init__(self, url: str, token: str, chance: random.Random, seen: Seen) -> None:
        self._chance = chance
        self._seen = seen
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
            trust_env=False,
        )

    async def run(self, until: float) -> None:
        """Do one thing after another until a moment of the loop's clock, then close.

        What has begun by then is ended.
        """
        things = self.things()
        async with self._http:
            while asyncio.get_running_loop().time() < until:
                (thing,) = self._chance.choices([*things], [*things.values()])
                name = thing.__name__.lstrip("_")
                self._seen.done[name] += 1
                try:
                    await thing()
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    await self.failed(name, error)

    def things(self) -> dict[Callable[[], Awaitable[None]], int]:
        """Give what it does, and how often of a hundred times."""
        return {
            self._streamed: 40,
            self._whole: 16,
            self._stopped: 4,
            self._refused: 4,
            self._file: 12,
            self._document: 4,
            self._look: 12,
            self._conversation: 8,
        }

    async def failed(self, name: str, error: Exception) -> None:
        """Note that something failed that must not."""
        self._seen.faults.append(f"{name}: {error!r}")

    async def _streamed(self) -> None:
        await self._stream(self._words("Go on.", stream=True))

    async def _whole(self) -> None:
        await self._ask(self._words("And?"))

    async def _stopped(self) -> None:
        """Ask, and have it stopped by another request."""
        name = f"soak-{self._chance.getrandbits(64):x}"
        asking = asyncio.create_task(
            self._stream(self._words("Count."), headers={"X-Client-Request-Id": name})
        )
        await asyncio.sleep(self._chance.uniform(0, 0.3))
        try:
            response = await self._http.delete(f"aqueduct/requests/{name}")
            # It may not have begun yet, or be over.
            if response.status_code != 404:
                self._json(response)
        finally:
            await asking

    async def _refused(self) -> None:
        """Ask for what there is not."""
        body: dict[str, Any] = {**self._words("Hm."), "model": "nowhere/none"}
        if self._chance.random() < 0.5:
            body["messages"] = "no list"
        await self._ask(body, leaves=False)

    async def _file(self) -> None:
        text = f"# Notes\n{self._chance.getrandbits(64)}\n" * self._chance.randint(1, 2000)
        await self._with_file("notes.md", text.encode())

    async def _document(self) -> None:
        # What stands behind the end of a PDF is not read, and makes it another file.
        mark = b"%% %d\n" % self._chance.getrandbits(64)
        await self._with_file("segovia.pdf", DOCUMENT.read_bytes() + mark)

    async def _with_file(self, name: str, data: bytes) -> None:
        """Upload, ask about it, take it away."""
        form = {"purpose": "user_data"}
        kept = await self._http.post("v1/files", data=form, files={"file": (name, data)})
        file_id = self._json(kept)["id"]
        parts = [
            {"type": "file", "file": {"file_id": file_id}},
            {"type": "text", "text": "What is it about?"},
        ]
        await self._stream(self._words(parts, stream=True))
        listed = self._json(await self._http.get("v1/files?limit=5"))
        assert isinstance(listed["data"], list)
        await self._compare(f"v1/files/{file_id}/content", data)
        self._json(await self._http.delete(f"v1/files/{file_id}"))

    async def _compare(self, address: str, data: bytes) -> None:
        """Read a file, which must have these bytes."""
        content = await self._http.get(address)
        if content.status_code != 200:
            self._json(content)
        elif content.content != data:
            self._seen.faults.append(
                f"{len(data)} bytes came back as {len(content.content)} others"
            )

    async def _look(self) -> None:
        addresses = ("v1/models", "aqueduct/status", "aqueduct/usage", "aqueduct/requests")
        self._json(await self._http.get(self._chance.choice(addresses)))

    async def _conversation(self) -> None:
        turns = [{"prompt": "Hi", "content": "Hi", "answer": "Hello. " * 200, "state": "whole"}]
        made = await self._http.post("aqueduct/conversations", json={"turns": turns})
        address = f"aqueduct/conversations/{self._json(made)['id']}"
        self._json(await self._http.patch(address, json={"name": "Soaked"}))
        self._json(await self._http.get(address))
        self._json(await self._http.delete(address))

    def _words(self, content: object, **more: object) -> dict[str, object]:
        return {"model": MODEL, "messages": [{"role": "user", "content": content}], **more}

    async def _ask(self, body: dict[str, Any], *, leaves: bool | None = None) -> None:
        """Ask for a whole answer."""
        asked = self._asked()
        try:
            async with asyncio.timeout(self._moment() if leaves is not False else None):
                response = await self._http.post("v1/chat/completions", json=body)
        except TimeoutError:
            return
        asked.request_id = response.headers["x-request-id"]
        answer = self._answer_of(response, asked)
        if answer is not None:
            asked.ending, asked.ended = "whole", time.time()
            assert answer["choices"][0]["message"]["content"]

    async def _stream(self, body: dict[str, Any], *, headers: dict[str, str] | None = None) -> None:
        """Ask for a stream and read it, to its end or as far as this client stays."""
        asked = self._asked()
        body["stream"] = True
        data = b""
        try:
            async with (
                asyncio.timeout(self._moment()),
                self._http.stream(
                    "POST", "v1/chat/completions", json=body, headers=headers
                ) as response,
            ):
                asked.request_id = response.headers["x-request-id"]
                async for piece in response.aiter_bytes():
                    data += piece
        except TimeoutError:
            # It may have heard the end in the moment in which it left.
            asked.ending = "left"
            return
        if response.status_code != 200:
            response = httpx.Response(response.status_code, content=data)
            self._answer_of(response, asked)
            return
        self._end_of(data, asked)

    def _asked(self) -> Asked:
        asked = Asked()
        self._seen.chats.append(asked)
        return asked

    def _moment(self) -> float | None:
        """Give the seconds after which this client leaves, if it does."""
        if self._chance.random() >= LEAVES:
            return None
        # Before the head of an answer, and in the middle of it.
        return self._chance.choice((0.005, 0.05, 0.3, 0.8)) * self._chance.uniform(0.5, 1)

    def _end_of(self, data: bytes, asked: Asked) -> None:
        """Note how a stream ended: with [DONE] or with one error event, and nothing behind it."""
        *events, rest = data.split(b"\n\n")
        last = events[-1].removeprefix(b"data: ") if events else b""
        if rest or not last:
            self._seen.faults.append(f"a stream ended within an event: {data[-200:]!r}")
        elif last == b"[DONE]":
            asked.ending, asked.ended = "whole", time.time()
        else:
            self._note_error(200, json.loads(last), asked)

    def _answer_of(self, response: httpx.Response, asked: Asked) -> Any:
        """Give the JSON of a chat's answer; None, and a note, where it is an error."""
        if response.status_code == 200:
            return response.json()
        self._note_error(response.status_code, response.json(), asked)
        return None

    def _note_error(self, status: int, words: Any, asked: Asked | None = None) -> None:
        error = words.get("error") if isinstance(words, dict) else None
        if not isinstance(error, dict) or set(error) != ENVELOPE or not error["message"]:
            self._seen.faults.append(f"an error that is none of ours: {status} {words!r}"[:500])
            return
        self._seen.errors[f"{status} {error['code']}"] += 1
        if asked:
            asked.ending, asked.code = "failed", error["code"]

    def _json(self, response: httpx.Response) -> Any:
        """Give the JSON of what must not fail."""
        if response.status_code != 200:
            self._note_error(response.status_code, response.json())
            self._seen.faults.append(
                f"{response.request.method} {response.request.url.path}: {response.status_code}"
            )
            raise ValueError(response.text[:300])
        return response.json()
