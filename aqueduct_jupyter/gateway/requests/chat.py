"""Chat completions: the request that goes upstream, and the answer that comes back.

The code follows a request: it is admitted, its file parts are converted, it is sent upstream, and
the answer's bytes flow back. HTTP is in the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...protocol.chat import ChatRequest, read_chat_request
from ...protocol.errors import InvalidRequestError, UnprocessableError
from ...protocol.tokens import CHARACTERS_PER_TOKEN
from ..documents.attachments import Attachments
from ..encoding import encode_json
from ..entry import Entry
from ..offload import off_the_loop
from ..upstreams.answer import UpstreamAnswer
from ..upstreams.catalog import Route
from .admission import Admission, Admitted, Asking
from .answers import (
    ClientLeftError,
    StreamedAnswer,
    WholeAnswer,
    forward_directly,
    read_frames,
    read_whole,
)
from .operation import Operation
from .stream import AnswerStream

__all__ = ["CHAT", "Chat"]

CHAT = Operation(
    name="chat",
    path="chat/completions",
    read=read_chat_request,
    files_in="messages",
    stream=AnswerStream,
)


class Chat:
    """Chat completions over all upstreams.

    Args:
        admission: admits requests.
        attachments: converts file parts.
    """

    def __init__(self, admission: Admission, attachments: Attachments) -> None:
        self._admission = admission
        self._attachments = attachments

    @asynccontextmanager
    async def answer(self, asking: Asking) -> AsyncIterator[WholeAnswer | StreamedAnswer]:
        """Answer one request; leaving the context always closes the upstream's answer.

        Raises:
            AqueductError: the request is refused, or the upstream failed before its first event.
            RequestStoppedError: the request was stopped, maybe in the middle of its answer.
        """
        with self._admission.entered(asking) as entry:
            # Only _answered holds the admitted request, so that it can free its megabytes.
            async with self._answered(
                await self._admission.admit(CHAT, asking, entry), entry, asking.is_repeated
            ) as answer:
                yield answer

    @asynccontextmanager
    async def _answered(
        self, admitted: Admitted, entry: Entry, is_repeated: bool
    ) -> AsyncIterator[WholeAnswer | StreamedAnswer]:
        request, route, headers = admitted.request, admitted.route, admitted.headers
        stream = CHAT.stream(
            route.upstream.name,
            wants_usage=request.wants_usage,
            choices=request.choices,
            secrets=route.upstream.secrets,
        )
        asked = _characters(request) // CHARACTERS_PER_TOKEN
        body = await self._upstream_body(admitted, entry.owner)
        del request, admitted
        try:
            async with _asked(body, route, entry, is_repeated=is_repeated) as upstream:
                if not entry.is_stream:
                    yield WholeAnswer(await read_whole(upstream, route, entry), headers)
                    return
                async with aclosing(read_frames(upstream, stream, entry)) as frames:
                    first, by = await anext(frames), partial(forward_directly, upstream, stream)
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

    async def _upstream_body(self, admitted: Admitted, owner: str) -> _Body:
        """Write the upstream's request: the client's object with at most three fields changed."""
        request, route = admitted.request, admitted.route
        collected = await self._attachments.collect(
            request.messages, route.upstream.settings.documents, owner
        )
        body: dict[str, Any] = {**request.body, "model": route.model}
        body[CHAT.files_in] = await self._attachments.write(collected)
        if request.is_stream and route.model not in route.upstream.without_usage:
            options = body.pop("stream_options", None) or {}
            # The last field, so that it can be replaced in the encoded JSON.
            body["stream_options"] = {**options, "include_usage": True}
        size = admitted.size + collected.size
        del collected
        return await off_the_loop(size, _write, body, request.body)


@dataclass(slots=True)
class _Body:
    """The upstream's request as JSON; it ends with ``ours``, or with ``own`` without our option.

    Both are empty if no option was added.
    """

    written: bytes
    ours: bytes = b""
    own: bytes = b""

    def take_back(self) -> bytes:
        """Return the body without our request for usage, as the client sent it."""
        return self.written.removesuffix(self.ours) + self.own


@asynccontextmanager
async def _asked(
    body: _Body, route: Route, entry: Entry, *, is_repeated: bool
) -> AsyncIterator[UpstreamAnswer]:
    """Send the request, and once more without our option if the upstream refuses that."""
    upstream = route.upstream
    ask = partial(upstream.post, CHAT.path, request_id=entry.request_id, is_repeated=is_repeated)
    async with AsyncExitStack() as answers:
        try:
            answer = await answers.enter_async_context(ask(body=body.written))
        except (InvalidRequestError, UnprocessableError) as error:
            if not body.ours or "stream_options" not in f"{error.param} {error.message}":
                raise
            answer = await answers.enter_async_context(ask(body=body.take_back()))
            # The retry succeeded, so the option was the reason.
            upstream.without_usage[route.model] = True
        yield answer


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
    # Only part types that this server knows have been checked; in others, a field may be anything.
    texts = [*contents, *(part.get("text") for part in parts)]
    return sum(len(text) for text in texts if isinstance(text, str))
