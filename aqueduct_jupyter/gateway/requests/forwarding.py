"""One request of any operation: sent upstream, and its answer sent back.

The code follows a request: it is admitted, its file parts are converted, it is sent upstream, and
the answer's bytes flow back. HTTP is in the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial

from ...protocol.errors import AqueductError, NotFoundError
from ...protocol.notes import model_headers, notes_headers
from ...protocol.requests import APIRequest
from ..documents.attachments import Attachments
from ..encoding import encode_json
from ..entry import Entry
from ..upstreams.answer import UpstreamAnswer
from ..upstreams.apis import ABSENT, APIMode
from .admission import Accepted, Admission, Admitted, Asking
from .answers import (
    ClientLeftError,
    Keep,
    StreamedAnswer,
    WholeAnswer,
    forward_directly,
    read_frames,
    read_whole,
)
from .exchange import Exchange, Prepared, build_exchange
from .operation import Operation
from .operations import RESPONSES
from .turns import Turn, Turns
from .ways import Way, find_ways

__all__ = ["Forwarding"]


class Forwarding:
    """All operations over all upstreams.

    Args:
        admission: admits requests.
        attachments: converts file parts.
        turns: what is kept of the Responses API.
    """

    def __init__(self, admission: Admission, attachments: Attachments, turns: Turns) -> None:
        self._admission = admission
        self._attachments = attachments
        self._turns = turns

    @asynccontextmanager
    async def answer(
        self, operation: Operation, asking: Asking
    ) -> AsyncIterator[WholeAnswer | StreamedAnswer]:
        """Answer one request; leaving the context always closes the upstream's answer.

        Raises:
            AqueductError: the request is refused, or the upstream failed before its first event.
            RequestStoppedError: the request was stopped, maybe in the middle of its answer.
        """
        with self._admission.entered(operation, asking) as entry:
            # Only _answered holds the admitted request, so that it can free its megabytes.
            admitted = [await self._admission.admit(operation, asking, entry)]
            async with self._answered(operation, admitted, entry, asking) as answer:
                yield answer

    @asynccontextmanager
    async def _answered(
        self, operation: Operation, admitted: list[Admitted], entry: Entry, asking: Asking
    ) -> AsyncIterator[WholeAnswer | StreamedAnswer]:
        asked = operation.count_input(admitted[0].request)
        turn = None
        if operation.continues:
            turn = await self._turns.find(entry.owner, admitted[0].request)
            asked += operation.count_input(APIRequest({"input": turn.earlier}))
        route, headers = admitted[0].route, admitted[0].headers
        ways = find_ways(operation, route.upstream, turn)
        prepared = [await self._prepared(operation, admitted.pop(), entry.owner, turn)]
        said = {**model_headers(route.model), **notes_headers(prepared[0].notes)}
        headers = {**headers, **said}
        async with AsyncExitStack() as upstreams:
            for way in ways:
                is_last = way is ways[-1]
                # The last way frees the request, because a model may think for minutes.
                content = prepared.pop() if is_last else prepared[0].copy()
                exchange = await build_exchange(operation, way, content, entry, turn)
                del content
                if way is ways[0] and asking.accepted is not None:
                    await asking.accepted(Accepted(turn, route.model, headers))
                try:
                    upstream = await upstreams.enter_async_context(
                        exchange.body.sent(
                            way.target,
                            route,
                            entry,
                            is_repeated=asking.is_repeated,
                            headers=asking.headers,
                        )
                    )
                except asyncio.CancelledError:
                    entry.estimate(asked, 0)
                    raise
                except AqueductError as error:
                    if operation.count_here and error.status in ABSENT:
                        entry.upstream_api = None
                        body = encode_json(operation.count_here(asked))
                        yield WholeAnswer(body, headers)
                        return
                    if is_last and _is_absent(operation, error):
                        raise NotFoundError(
                            f"The upstream '{route.upstream.name}' has no {operation.path}. Choose "
                            "a model of an upstream that has it.",
                            code="unsupported_operation",
                        ) from None
                    if is_last or not way.leads_nowhere(error):
                        raise
                    continue
                break
            _remember(operation, way, exchange)
            entry.upstream_api = way.target.name
            await self._admission.priced(route)
            is_kept = operation is RESPONSES and asking.accepted is None
            keep = self._keeping(turn, exchange) if is_kept else None
            async with _read(exchange, upstream, entry, headers, keep, asked) as answer:
                yield answer

    async def _prepared(
        self, operation: Operation, admitted: Admitted, owner: str, turn: Turn | None
    ) -> Prepared:
        request, route = admitted.request, admitted.route
        size = admitted.size
        body, earlier = request.body, turn.earlier if turn else ()
        notes: list[str] = []
        mode = route.upstream.settings.documents
        if operation.files_in and isinstance(body.get(operation.files_in), list):
            collected = await self._attachments.collect(
                body[operation.files_in], mode, owner, operation.files
            )
            written = await self._attachments.write(collected)
            size += collected.size
            notes += collected.notes
            if written is not body[operation.files_in]:
                body = {**body, operation.files_in: written}
        if earlier:
            collected = await self._attachments.collect(earlier, mode, owner, operation.files)
            earlier = await self._attachments.write(collected)
            size += collected.size
        return Prepared(type(request)(body), route, earlier, size, notes)

    def _keeping(self, turn: Turn | None, exchange: Exchange) -> Keep | None:
        if turn is None or not (turn.is_stored or turn.conversation_id):
            return None
        upstream = None if exchange.bridge else exchange.route.upstream.name
        return lambda answer: self._turns.keep(turn, answer, upstream)


def _is_absent(operation: Operation, error: AqueductError) -> bool:
    """Return whether an upstream said no more than that it does not have an operation."""
    said = error.message.lower().strip(" .").removeprefix("404: ").removeprefix("404 ")
    is_said = said in ("", "not found", "method not allowed", "not implemented")
    return operation.api is None and error.status in ABSENT and is_said


def _remember(operation: Operation, way: Way, exchange: Exchange) -> None:
    if operation.api:
        mode: APIMode = "bridge" if way.is_bridge else "native"
        exchange.route.upstream.apis.remember(operation.api, mode)


@asynccontextmanager
async def _read(
    exchange: Exchange,
    upstream: UpstreamAnswer,
    entry: Entry,
    headers: Mapping[str, str],
    keep: Keep | None,
    asked: int,
) -> AsyncIterator[WholeAnswer | StreamedAnswer]:
    """Read an answer whose headers have arrived, and count its tokens however it ends."""
    stream = exchange.stream
    try:
        if stream is None:
            whole, kind = await read_whole(exchange, upstream, entry, keep)
            yield WholeAnswer(whole, headers, kind)
            return
        async with aclosing(read_frames(upstream, stream, entry, keep)) as frames:
            first, by = await anext(frames), partial(forward_directly, upstream, stream)
            yield StreamedAnswer(first, frames, headers, by, stream.error_frames)
        await upstream.drain()
    except (asyncio.CancelledError, ClientLeftError):
        entry.estimate(asked, 0 if stream is None else stream.deltas)
        raise
    finally:
        # Usage that comes at the beginning counts only the input.
        if (
            stream is not None
            and stream.usage
            and (stream.is_done or stream.usage.completion_tokens)
        ):
            entry.count(stream.usage)
        elif stream is not None and stream.has_begun:
            entry.estimate(asked, stream.deltas)
        elif entry.is_answered and entry.tokens_in is None and not exchange.has_text:
            # Embeddings and the like may come without usage; they write nothing.
            entry.estimate(asked, 0)
