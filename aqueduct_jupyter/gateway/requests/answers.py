"""An answer on its way to the client: whole, or as a stream of checked frames.

Frames are checked in :mod:`.stream`; each operation sends its upstream request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...protocol.errors import AqueductError, UpstreamError
from ..encoding import encode_json, read_json, read_outline
from ..entry import Entry
from ..offload import off_the_loop
from ..upstreams.answer import UpstreamAnswer
from ..upstreams.failures import failure_from_event
from ..upstreams.reasons import LARGEST_ERROR
from .checked_stream import CheckedStream
from .exchange import Exchange
from .stream import read_usage

__all__ = [
    "ClientLeftError",
    "Keep",
    "StreamedAnswer",
    "WholeAnswer",
    "forward_directly",
    "read_frames",
    "read_whole",
]


JSON = "application/json"

Keep = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Stores an answer's JSON object; raises an UnavailableError if it cannot."""

_TEXTS = (JSON, "text/plain", "text/vtt", "application/x-subrip")


class ClientLeftError(Exception):
    """The client closed its connection: an event, not an error."""


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """A complete answer; ``body`` is the upstream's own, of the type ``media_type``.

    ``headers`` say what is left of the caller's budgets.
    """

    body: bytes
    headers: Mapping[str, str]
    media_type: str = JSON


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """A streamed answer: complete frames, one item for each read from the upstream.

    ``first`` has already arrived. ``rest`` ends with ``[DONE]`` or an error event, and reading it
    raises no upstream error. ``headers`` say what is left of the caller's budgets. While waiting
    for more of ``rest``, pass ``forward_directly`` a function that sends bytes at once and returns
    whether it could. A read that needs no check is then sent as soon as it is read.
    ``error_frames`` writes an error of the server as the stream's end.
    """

    first: bytes
    rest: AsyncIterator[bytes]
    headers: Mapping[str, str]
    forward_directly: Callable[[Callable[[bytes], bool]], None]
    error_frames: Callable[[AqueductError], bytes]


async def read_whole(
    exchange: Exchange, upstream: UpstreamAnswer, entry: Entry, keep: Keep | None = None
) -> tuple[bytes, str]:
    """Read an answer that is not streamed.

    Args:
        exchange: what was asked for.
        upstream: the answer.
        entry: the request.
        keep: stores the answer, if it is to be kept.

    Returns:
        Its body and its media type.

    Raises:
        UpstreamError: it is not valid JSON, or it is an error.
    """
    body, route = await upstream.read(), exchange.route
    kind = JSON if exchange.operation.has_json else _harmless(upstream.media_type)
    is_read = exchange.bridge or exchange.restored or keep
    read = read_json if is_read else read_outline
    answer = await off_the_loop(len(body), read, body) if kind == JSON else {}
    if not isinstance(answer, dict):
        raise UpstreamError(
            f"The upstream '{route.upstream.name}' sent an answer that is not valid JSON."
        )
    if answer.get("error"):
        raise failure_from_event(route.upstream.name, answer, route.upstream.secrets)
    entry.begin_answer()
    entry.end_answer()
    if usage := read_usage(answer):
        entry.count(usage)
    if exchange.bridge:
        answer = await off_the_loop(len(body), exchange.translated, answer)
    if exchange.bridge or exchange.restored:
        answer.update(exchange.restored)
        body = await off_the_loop(len(body), encode_json, answer)
    if keep:
        await keep(answer)
    return body, kind


def _harmless(media_type: str) -> str:
    # A page from an upstream must not run with the rights of this server's pages.
    is_known = media_type.startswith("audio/") or media_type in _TEXTS
    return media_type if is_known else "application/octet-stream"


async def read_frames(
    upstream: UpstreamAnswer, stream: CheckedStream, entry: Entry, keep: Keep | None = None
) -> AsyncGenerator[bytes, None]:
    """Yield the stream's frames; an error before the first is raised, a later one is a frame.

    An answer that is to be kept is stored before its last frame.
    """
    if not upstream.is_stream:
        body = await upstream.read(LARGEST_ERROR)
        raise await off_the_loop(len(body), stream.refusal, body)
    try:
        async with aclosing(upstream.chunks()) as chunks:
            async for data in chunks:
                frames = await _judged(stream, data)
                # Comments alone do not start a stream: an error can still become an HTTP status.
                if frames and stream.has_begun:
                    entry.begin_answer()
                    if stream.is_over:
                        entry.end_answer()
                        await _kept(stream, keep)
                    yield frames
                if stream.is_over:
                    break
        last = await off_the_loop(stream.pending, stream.end)
        if last and stream.has_begun:
            entry.end_answer()
            await _kept(stream, keep)
            yield last
    except AqueductError as error:
        stream.error = error
    if stream.error and not stream.has_begun:
        raise stream.error
    if stream.error:
        entry.fail(stream.error)
        entry.end_answer()
        yield stream.error_frames(stream.error)


async def _kept(stream: CheckedStream, keep: Keep | None) -> None:
    if keep and stream.answer is not None:
        await keep(stream.answer)


async def _judged(stream: CheckedStream, data: bytes) -> bytes:
    """Check the next bytes, in a thread if a large event is pending."""
    stream.is_judging = True  # later bytes must not overtake these
    try:
        return await off_the_loop(stream.pending, stream.feed, data)
    finally:
        stream.is_judging = False


def forward_directly(
    upstream: UpstreamAnswer, stream: CheckedStream, send: Callable[[bytes], bool]
) -> None:
    """Send the next reads that need no check as soon as they are read."""
    upstream.set_receiver(partial(stream.forward, send))
