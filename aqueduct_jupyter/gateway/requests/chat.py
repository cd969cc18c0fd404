"""One chat completion, whole or streamed, from the client's bytes to its last byte.

It reads top to bottom: the words are checked, the model's name is resolved, file parts become what
the upstream can read, the upstream is asked, its bytes flow back, and the ledger gets its row.
HTTP is left to the server; each step's own work to its own module.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...protocol.chat import ChatRequest, read_chat_request
from ...protocol.errors import (
    AqueductError,
    InvalidRequestError,
    UnprocessableError,
    UpstreamError,
)
from ..documents.attachments import Attachments
from ..encoding import decode_json, encode_json, read_json
from ..entry import Caller, Entry
from ..offload import off_the_loop
from ..policy import Policy, apply_policy
from ..upstreams.answer import UpstreamAnswer
from ..upstreams.catalog import Catalog, Route
from ..upstreams.failures import failure_from_event
from ..upstreams.reasons import LARGEST_ERROR
from .limits import Budgets
from .running import RunningRequests
from .stream import AnswerStream, error_event, read_usage

__all__ = ["Chat", "ClientLeftError", "StreamedAnswer", "WholeAnswer"]

CHARACTERS_A_TOKEN = 4
"""How many characters stand for a token where nobody counted; a rule of thumb for English."""


class ClientLeftError(Exception):
    """The client closed its connection: an event, not an error; nobody is left to tell."""


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer that is complete; ``body`` is the upstream's own JSON.

    ``headers`` say what is left of the caller's budgets.
    """

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """An answer that arrives: complete frames, one piece for each read from the upstream.

    ``first`` is there already; ``rest`` ends with ``[DONE]`` or with an error event, and reading
    it raises no upstream error. ``headers`` say what is left of the caller's budgets. Whoever waits
    for more of ``rest`` can give ``pass_by`` a function that sends bytes at once, or says that it
    cannot now: where there is nothing to do with a read, it is called in the moment of the read.
    """

    first: bytes
    rest: AsyncIterator[bytes]
    headers: Mapping[str, str]
    pass_by: Callable[[Callable[[bytes], bool]], None]


class Chat:
    """Chat completions over all upstreams.

    Args:
        catalog: which models there are.
        attachments: what becomes of file parts.
        budgets: who is let in.
        running: where a request is while it runs, to be stopped from elsewhere.
        finished: told of each request that is over, whichever way: the ledger, and others.
        policy: the operator's own rules, if there are any.
    """

    def __init__(
        self,
        catalog: Catalog,
        attachments: Attachments,
        budgets: Budgets,
        running: RunningRequests,
        finished: Sequence[Callable[[Entry], None]],
        policy: Policy | None = None,
    ) -> None:
        self._catalog = catalog
        self._attachments = attachments
        self._budgets = budgets
        self._running = running
        self._finished = tuple(finished)
        self._policy = policy

    @asynccontextmanager
    async def answer(
        self,
        pieces: list[bytes],
        caller: Caller,
        request_id: str,
        client_request_id: str | None = None,
        *,
        model: str | None = None,
        is_repeated: bool = False,
    ) -> AsyncIterator[WholeAnswer | StreamedAnswer]:
        """Answer one request; leaving the context, however that happens, closes the upstream.

        Args:
            pieces: the JSON body as the client sent it, cut anywhere; no piece is left in the list.
            caller: who asks.
            request_id: this server's id of the request.
            client_request_id: the client's own, where it has one.
            model: who is asked, whatever the body says; None where the body says it.
            is_repeated: the client tries again by itself, so the upstream is asked once.

        Raises:
            AqueductError: the request is refused, or the upstream failed before its first event.
            RequestStoppedError: somebody stopped it, maybe in the middle of its answer.
        """
        entry = Entry(request_id, caller.owner, caller.kernel)
        try:
            with self._running.running(entry, client_request_id):
                async with self._answered(pieces, entry, model, is_repeated) as answer:
                    yield answer
        except AqueductError as error:
            entry.fail(error)
            raise
        except (asyncio.CancelledError, ClientLeftError):
            entry.cancel()
            raise
        finally:
            entry.finish()
            for record in self._finished:
                record(entry)

    @asynccontextmanager
    async def _answered(
        self, pieces: list[bytes], entry: Entry, model: str | None, is_repeated: bool
    ) -> AsyncIterator[WholeAnswer | StreamedAnswer]:
        size = sum(map(len, pieces))
        request = await off_the_loop(size, _read, pieces, model)
        entry.model, entry.is_stream = request.model, request.is_stream
        caller = Caller(entry.owner, entry.kernel)
        request = await apply_policy(self._policy, request, caller, size)
        entry.is_stream = request.is_stream
        request = self._budgets.bounded(request)
        headers = await self._budgets.admit(entry)
        route = await self._catalog.resolve(request.model)
        entry.model, entry.upstream = route.model, route.upstream.name
        stream = AnswerStream(
            route.upstream.name,
            wants_usage=request.wants_usage,
            choices=request.choices,
            secrets=route.upstream.secrets,
        )
        asked = _characters(request) // CHARACTERS_A_TOKEN
        body = await self._upstream_body(request, route, size, entry.owner)
        del request
        try:
            async with _asked(body, route, entry, is_repeated=is_repeated) as upstream:
                if not entry.is_stream:
                    yield WholeAnswer(await _whole(upstream, route, entry), headers)
                    return
                async with aclosing(_frames(upstream, stream, entry)) as frames:
                    first, by = await anext(frames), partial(_pass_by, upstream, stream)
                    yield StreamedAnswer(first, frames, headers, by)
                await upstream.drain()
        except (asyncio.CancelledError, ClientLeftError):
            entry.estimate(asked, stream.deltas)
            raise
        finally:
            if stream.usage:
                entry.count(stream.usage)
            elif stream.has_begun:
                entry.estimate(asked, stream.deltas)

    async def _upstream_body(
        self, request: ChatRequest, route: Route, size: int, owner: str
    ) -> _Body:
        """Write what goes upstream: the client's object with at most three fields touched."""
        collected = await self._attachments.collect(
            request.messages, route.upstream.settings.documents, owner
        )
        body: dict[str, Any] = {**request.body, "model": route.model}
        body["messages"] = await self._attachments.write(collected)
        if request.is_stream and route.model not in route.upstream.without_usage:
            options = body.pop("stream_options", None) or {}
            # The last of the object, so that it can be taken off again.
            body["stream_options"] = {**options, "include_usage": True}
        size += collected.size
        del collected
        return await off_the_loop(size, _write, body, request.body)


@dataclass(slots=True)
class _Body:
    """What goes upstream, as JSON; ``ours`` and ``own`` are how it ends with our wish and without.

    Both are empty where nothing was wished for that the client did not ask for.
    """

    written: bytes
    ours: bytes = b""
    own: bytes = b""

    def take_back(self) -> bytes:
        """Give the body as the client would have it: without the wish for the tokens."""
        return self.written.removesuffix(self.ours) + self.own


@asynccontextmanager
async def _asked(
    body: _Body, route: Route, entry: Entry, *, is_repeated: bool
) -> AsyncIterator[UpstreamAnswer]:
    """Ask, and ask once more where the upstream refuses what only this server wished for."""
    upstream = route.upstream
    chat = partial(upstream.chat, request_id=entry.request_id, is_repeated=is_repeated)
    async with AsyncExitStack() as answers:
        try:
            answer = await answers.enter_async_context(chat(body.written))
        except (InvalidRequestError, UnprocessableError) as error:
            if not body.ours or "stream_options" not in f"{error.param} {error.message}":
                raise
            answer = await answers.enter_async_context(chat(body.take_back()))
            # Only now it is known that this was the reason.
            upstream.without_usage[route.model] = True
        yield answer


async def _whole(upstream: UpstreamAnswer, route: Route, entry: Entry) -> bytes:
    body = await upstream.read()
    answer = await off_the_loop(len(body), read_json, body)
    if not isinstance(answer, dict):
        raise UpstreamError(
            f"The upstream '{route.upstream.name}' sent an answer that is not JSON."
        )
    if answer.get("error"):
        raise failure_from_event(route.upstream.name, answer, route.upstream.secrets)
    entry.begin_answer()
    entry.end_answer()
    if usage := read_usage(answer):
        entry.count(usage)
    return body


async def _frames(
    upstream: UpstreamAnswer, stream: AnswerStream, entry: Entry
) -> AsyncGenerator[bytes, None]:
    """Give the stream's frames; an error before the first is raised, one after it is a frame."""
    if not upstream.is_stream:
        body = await upstream.read(LARGEST_ERROR)
        raise await off_the_loop(len(body), stream.refusal, body)
    try:
        async with aclosing(upstream.chunks()) as chunks:
            async for data in chunks:
                frames = await _judged(stream, data)
                # Comments alone do not begin a stream: an error may still become a status.
                if frames and stream.has_begun:
                    entry.begin_answer()
                    if stream.is_over:
                        entry.end_answer()
                    yield frames
                if stream.is_over:
                    break
        last = await off_the_loop(stream.pending, stream.end)
        if last and stream.has_begun:
            entry.end_answer()
            yield last
    except AqueductError as error:
        stream.error = error
    if stream.error and not stream.has_begun:
        raise stream.error
    if stream.error:
        entry.fail(stream.error)
        entry.end_answer()
        yield error_event(stream.error)


async def _judged(stream: AnswerStream, data: bytes) -> bytes:
    """Feed the stream; an event that came in many reads is judged in a thread."""
    stream.is_judging = True  # nothing may pass meanwhile
    try:
        return await off_the_loop(stream.pending, stream.feed, data)
    finally:
        stream.is_judging = False


def _pass_by(upstream: UpstreamAnswer, stream: AnswerStream, send: Callable[[bytes], bool]) -> None:
    upstream.offer(partial(stream.passes, send))


# A model may think for minutes, and giving megabytes back to the system takes the time of the
# thread that does it: what is not needed any more is let go of where the work on it is done.


def _read(pieces: list[bytes], model: str | None) -> ChatRequest:
    body = b"".join(pieces)
    pieces.clear()
    words = decode_json(body)
    return read_chat_request(words if model is None else {**words, "model": model})


def _write(body: dict[str, Any], asked: dict[str, Any]) -> _Body:
    written = _Body(encode_json(body))
    options = asked.get("stream_options")
    if "stream_options" in body and body["stream_options"] != options:
        written.ours = b',"stream_options":%b}' % encode_json(body["stream_options"])
        written.own = b',"stream_options":%b}' % encode_json(options) if options else b"}"
    body.clear()
    asked.clear()
    return written


def _characters(request: ChatRequest) -> int:
    """Count the text of the messages; images and files are not counted."""
    contents = [message.get("content") for message in request.messages]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    # Only the parts that this server knows have been checked: of another kind, any field may be
    # anything.
    texts = [*contents, *(part.get("text") for part in parts)]
    return sum(len(text) for text in texts if isinstance(text, str))
