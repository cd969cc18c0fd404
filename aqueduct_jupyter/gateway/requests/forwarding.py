"""One request of any operation: sent upstream, and its answer sent back.

The code follows a request: it is admitted, its file parts are converted, it is sent upstream, and
the answer's bytes flow back. HTTP is in the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

from ..documents.attachments import Attachments
from ..entry import Entry
from ..offload import off_the_loop
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
from .upstream_body import UpstreamBody, encode_body, with_usage

__all__ = ["Forwarding"]


class Forwarding:
    """All operations over all upstreams.

    Args:
        admission: admits requests.
        attachments: converts file parts.
    """

    def __init__(self, admission: Admission, attachments: Attachments) -> None:
        self._admission = admission
        self._attachments = attachments

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
            async with self._answered(
                operation,
                await self._admission.admit(operation, asking, entry),
                entry,
                asking.is_repeated,
            ) as answer:
                yield answer

    @asynccontextmanager
    async def _answered(
        self, operation: Operation, admitted: Admitted, entry: Entry, is_repeated: bool
    ) -> AsyncIterator[WholeAnswer | StreamedAnswer]:
        request, route, headers = admitted.request, admitted.route, admitted.headers
        asked = operation.count_input(request)
        stream = operation.stream(request, route) if operation.stream and entry.is_stream else None
        body = await self._upstream_body(operation, admitted, entry)
        del request, admitted
        try:
            async with body.sent(operation, route, entry, is_repeated=is_repeated) as upstream:
                await self._admission.priced(route)
                if stream is None:
                    whole, kind = await read_whole(operation, upstream, route, entry)
                    yield WholeAnswer(whole, headers, kind)
                    return
                async with aclosing(read_frames(upstream, stream, entry)) as frames:
                    first, by = await anext(frames), partial(forward_directly, upstream, stream)
                    yield StreamedAnswer(first, frames, headers, by, stream.error_frames)
                await upstream.drain()
        except (asyncio.CancelledError, ClientLeftError):
            entry.estimate(asked, 0 if stream is None else stream.deltas)
            raise
        finally:
            if stream is not None and stream.usage:
                entry.count(stream.usage)
            elif stream is not None and stream.has_begun:
                entry.estimate(asked, stream.deltas)
            elif entry.is_answered and entry.tokens_in is None and not operation.length_fields:
                # Embeddings and the like may come without usage; they write nothing.
                entry.estimate(asked, 0)

    async def _upstream_body(
        self, operation: Operation, admitted: Admitted, entry: Entry
    ) -> UpstreamBody:
        request, route = admitted.request, admitted.route
        body: dict[str, Any] = {**request.body, "model": route.model}
        size = admitted.size
        if operation.files_in:
            collected = await self._attachments.collect(
                body[operation.files_in], route.upstream.settings.documents, entry.owner
            )
            body[operation.files_in] = await self._attachments.write(collected)
            size += collected.size
            del collected
        asks = operation.asks_for_usage and request.is_stream
        if asks and route.model not in route.upstream.without_usage:
            with_usage(body)
        return await off_the_loop(size, encode_body, operation, body, request.body)
