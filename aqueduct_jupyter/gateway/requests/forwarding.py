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
from ..upstreams.faults import says_nothing
from .admission import Admission, Admitted, Asking
from .answers import (
    ClientLeftError,
    Keep,
    StreamedAnswer,
    WholeAnswer,
    forward_directly,
    read_frames,
    read_whole,
)
from .attempts import Attempt
from .exchange import Exchange, build_exchange
from .operation import Operation
from .operations import RESPONSES
from .pending import Pending
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
        asked, turn = admitted[0].tokens, None
        if operation.continues:
            turn = await self._turns.find(entry.owner, admitted[0].request)
            asked += operation.count_input(APIRequest({"input": turn.earlier}))
        pending = Pending(operation, asking, entry, self._attachments, admitted, turn, asked)
        async with AsyncExitStack() as answers:
            yield await self._first_answer(pending, answers)

    async def _first_answer(
        self, pending: Pending, answers: AsyncExitStack
    ) -> WholeAnswer | StreamedAnswer:
        """Ask one deployment after another until one begins to answer."""
        attempts = pending.attempts()
        for attempt in attempts:
            if not attempt.is_only:
                self._admission.choose(
                    pending.operation, pending.name, attempt.route, pending.entry
                )
            try:
                answer = await answers.enter_async_context(self._asked(attempt, pending))
            except AqueductError as error:
                attempts.fail(attempt, error)
            except BaseException:
                attempt.abandon()
                raise
            else:
                pending.free()
                return answer
        raise RuntimeError("The last attempt failed without an error.")

    @asynccontextmanager
    async def _asked(
        self, attempt: Attempt, pending: Pending
    ) -> AsyncIterator[WholeAnswer | StreamedAnswer]:
        operation, entry, turn = pending.operation, pending.entry, pending.turn
        asking, route = pending.asking, attempt.route
        with attempt.only_here():
            ways = find_ways(operation, route.upstream, turn)
        prepared = [await pending.prepared(attempt)]
        said = {**model_headers(route.model), **notes_headers(prepared[0].notes)}
        headers = {**pending.headers, **said}
        async with AsyncExitStack() as upstreams:
            for way in ways:
                is_last = way is ways[-1]
                # The last way frees the request, because a model may think for minutes.
                content = prepared.pop() if is_last else prepared[0].copy()
                with attempt.only_here():
                    exchange = await build_exchange(operation, way, route, content, entry, turn)
                del content
                await pending.accept(route, headers)
                try:
                    upstream = await upstreams.enter_async_context(
                        exchange.body.sent(
                            way.target,
                            route,
                            entry,
                            # What another deployment can answer is not asked of this one twice.
                            is_repeated=asking.is_repeated or not attempt.is_only,
                            headers=asking.headers,
                        )
                    )
                except asyncio.CancelledError:
                    entry.estimate(pending.tokens, 0)
                    raise
                except AqueductError as error:
                    if operation.count_here and error.status in ABSENT:
                        entry.upstream_api = None
                        body = encode_json(operation.count_here(pending.tokens))
                        attempt.begin()
                        yield WholeAnswer(body, headers)
                        attempt.end(None)
                        return
                    if is_last and _is_absent(operation, error):
                        with attempt.only_here():
                            raise NotFoundError(
                                f"The upstream '{route.upstream.name}' has no {operation.path}. "
                                "Choose a model of an upstream that has it.",
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
            async with _read(exchange, upstream, entry, headers, keep, pending.tokens) as answer:
                attempt.begin()
                yield answer
            attempt.end(exchange.stream.error if exchange.stream else None)

    def _keeping(self, turn: Turn | None, exchange: Exchange) -> Keep | None:
        if turn is None or not (turn.is_stored or turn.conversation_id):
            return None
        upstream = None if exchange.bridge else exchange.route.upstream.name
        return lambda answer: self._turns.keep(turn, answer, upstream)


def _is_absent(operation: Operation, error: AqueductError) -> bool:
    """Return whether an upstream said no more than that it does not have an operation."""
    return operation.api is None and error.status in ABSENT and says_nothing(error)


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
        elif entry.is_answered and entry.tokens_in is None and exchange.reads_tokens:
            # Embeddings and the like may come without usage; they write nothing.
            entry.estimate(asked, 0)
