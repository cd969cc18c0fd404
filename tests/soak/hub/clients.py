"""The clients of a soak of the hub's service: what a user does there, and what they may be told.

A client of the hub's service expects more than one of a single server: budgets that are used up, a
database or a hub that is away, a replica that is killed. What each saw is kept as it was; whether
it was right is left to :mod:`.checks`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx

from aqueduct_jupyter.protocol.relay import KERNEL_HEADER

from ..clients import Client, Seen
from ..upstream import MODEL

__all__ = ["Cut", "HubClient", "HubSeen", "Kept", "is_promised"]

KEEPS = 0.3
"""The share of uploaded files that stay, to be read again at the end."""

LARGE = 0.02
"""The share of uploads that an object store takes in parts."""

WAITS = (429, 503)
"""What a client is told when it has to wait."""

OWN = ("request_stopped", "model_not_found")
"""What a client brings about itself."""

ENDS = ("completed", "failed", "cancelled", "incomplete")

ANSWER_SECONDS = 180.0
"""Seconds in which what is written without its client must have ended, whatever happened: nobody
counts as dead before the database has answered for some time, and it is away every few seconds."""

BEGUN = "aqueduct_has_begun"
"""The name under which a request notes that its answer has begun."""

PAUSE = 0.2


class RefusedError(Exception):
    """The service told a client to wait, as it may."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A request whose connection ended; the times are in seconds since 1970.

    ``has_begun`` says whether its answer had begun.
    """

    what: str
    began: float
    ended: float
    has_begun: bool
    error: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that was uploaded and acknowledged, and is still there."""

    owner: str
    id: str
    size: int
    sha256: str


@dataclass(slots=True)
class HubSeen(Seen):
    """What all clients of a load have seen."""

    cuts: list[Cut] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)


class HubClient(Client):
    """One client of a user.

    Args:
        owner: the user.
        *arguments: those of :class:`..clients.Client`.
    """

    def __init__(self, owner: str, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._seen: HubSeen = self._seen
        self._owner = owner
        self._began = 0.0
        self._is_to_wait = False

        async def begin(response: httpx.Response) -> None:
            response.request.extensions[BEGUN] = True

        # A client may have two requests at a time, so each knows whether its answer has begun.
        self._http.event_hooks = {"response": [begin]}

    def things(self) -> dict[Callable[[], Awaitable[None]], int]:
        """Give what it does, and how often of a hundred times."""
        return {
            self._begin(thing): weight
            for thing, weight in {
                self._streamed: 30,
                self._of_a_kernel: 10,
                self._whole: 16,
                self._stopped: 6,
                self._refused: 2,
                self._upload: 10,
                self._document: 2,
                self._look: 8,
                self._talk: 6,
                self._respond: 6,
                self._background: 6,
            }.items()
        }

    async def failed(self, name: str, error: Exception) -> None:
        """Note what failed; a connection that ended may be that of a replica that was killed."""
        if isinstance(error, httpx.TransportError) and not isinstance(
            error, httpx.TimeoutException
        ):
            self._seen.cuts.append(
                Cut(
                    name,
                    self._began,
                    time.time(),
                    bool(error.request.extensions.get(BEGUN)),
                    repr(error),
                )
            )
            await asyncio.sleep(PAUSE)
        else:
            await super().failed(name, error)

    def _begin(self, thing: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def begun() -> None:
            self._began = time.time()
            with suppress(RefusedError):
                await thing()
            if self._is_to_wait:
                self._is_to_wait = False
                await asyncio.sleep(self._chance.uniform(PAUSE, 4 * PAUSE))

        begun.__name__ = thing.__name__
        return begun

    async def _of_a_kernel(self) -> None:
        kernel = f"kernel-{self._chance.randrange(2)}"
        body = self._words("Of a kernel.", stream=True)
        await self._stream(body, headers={KERNEL_HEADER: kernel})

    async def _upload(self) -> None:
        """Upload a file, compare what comes back, and keep it or take it away."""
        is_large = self._chance.random() < LARGE
        size = (
            self._chance.randrange(6, 9) * 2**20 if is_large else self._chance.randrange(1, 10**5)
        )
        data = self._chance.randbytes(size)
        form = {"purpose": "user_data"}
        try:
            async with asyncio.timeout(self._moment()):
                sent = await self._http.post("v1/files", data=form, files={"file": ("a.bin", data)})
        except TimeoutError:
            return  # who leaves does not know whether it was kept
        kept = Kept(self._owner, self._json(sent)["id"], size, sha256(data).hexdigest())
        self._seen.kept.append(kept)
        await self._compare(f"v1/files/{kept.id}/content", data)
        if self._chance.random() >= KEEPS:
            # Where the answer is lost, nobody knows whether it is still there.
            self._seen.kept.remove(kept)
            self._json(await self._http.delete(f"v1/files/{kept.id}"))

    async def _talk(self) -> None:
        """Ask in a conversation, and follow it until the answer has ended."""
        made = self._json(await self._http.post("aqueduct/conversations", json={"name": "Soaked"}))
        address = f"aqueduct/conversations/{made['id']}"
        name = f"turn-{self._chance.getrandbits(64):x}"
        new = {"id": name, "request": name, "prompt": "Hi", "model": MODEL}
        self._json(await self._http.post(f"{address}/turns", json=new))
        if self._chance.random() < 0.2:
            self._json(await self._http.post(f"{address}/turns/{name}/stop"))

        async def is_over() -> bool:
            turns = self._json(await self._http.get(address))["turns"]
            return [turn["state"] for turn in turns if turn["id"] == name] != ["running"]

        await self._until("a turn", is_over)
        self._json(await self._http.delete(address))

    async def _respond(self) -> None:
        """Ask for a response, and go on from it."""
        body = {"model": MODEL, "input": "Hi"}
        first = self._json(await self._http.post("v1/responses", json=body))
        kept = self._json(await self._http.get(f"v1/responses/{first['id']}"))
        if kept["output"] != first["output"]:
            self._seen.faults.append(f"a response is kept as another one: {first['id']}")
        again = {**body, "previous_response_id": first["id"]}
        self._json(await self._http.post("v1/responses", json=again))

    async def _background(self) -> None:
        """Ask for a response in the background, and look until it has ended."""
        body = {"model": MODEL, "input": "Hi", "background": True}
        address = (
            f"v1/responses/{self._json(await self._http.post('v1/responses', json=body))['id']}"
        )
        if self._chance.random() < 0.2:
            self._json(await self._http.post(f"{address}/cancel"))

        async def is_over() -> bool:
            return self._json(await self._http.get(address))["status"] in ENDS

        await self._until("a background response", is_over)

    async def _until(self, what: str, is_over: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            try:
                if await is_over():
                    return
            except RefusedError:
                self._is_to_wait = False
            await asyncio.sleep(PAUSE)
        self._seen.faults.append(f"{what} has not ended after {ANSWER_SECONDS:g} s")

    def _note_error(self, status: int, words: Any, asked: Any = None) -> None:
        self._is_to_wait |= status in WAITS
        super()._note_error(status, words, asked)

    def _json(self, response: httpx.Response) -> Any:
        """Give the JSON of what may be refused."""
        if response.status_code == 200:
            return response.json()
        words = response.json()
        self._note_error(response.status_code, words)
        if not is_promised(response.status_code, words["error"]["code"]):
            request = response.request
            self._seen.faults.append(f"{request.method} {request.url.path}: {response.text[:300]}")
        raise RefusedError


def is_promised(status: int, code: str | None) -> bool:
    """Say whether a client may be told this error."""
    if code is None:
        return status == 400
    return status in WAITS or code.startswith("upstream_") or code in OWN
