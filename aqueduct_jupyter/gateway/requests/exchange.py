"""One exchange with an upstream: the request as it is sent, and what reads its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...protocol.requests import APIRequest
from ...protocol.responses import ResponsesRequest
from ..entry import Entry
from ..offload import off_the_loop
from ..upstreams.deployments import Route
from .bridged_stream import BridgedStream, read_failure
from .bridges import Bridge, build_bridge
from .checked_stream import CheckedStream
from .operation import Operation
from .turns import Turn, portable
from .upstream_body import UpstreamBody, encode_body, with_usage
from .ways import Way

__all__ = ["Exchange", "Prepared", "build_exchange"]


@dataclass(slots=True)
class Prepared:
    """A request whose files have been converted.

    Args:
        request: the request in the client's API.
        earlier: the items that it continues.
        size: the size of all of it, in bytes.
        notes: what the user should know about its files.
    """

    request: APIRequest
    earlier: Sequence[dict[str, Any]]
    size: int
    notes: Sequence[str] = ()

    def copy(self) -> Prepared:
        """Return a copy whose object may be emptied; what is in it is shared."""
        again = type(self.request)({**self.request.body})
        return Prepared(again, self.earlier, self.size, self.notes)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that can be sent.

    Args:
        operation: what the client asked for.
        route: the upstream and its model.
        body: what is sent.
        stream: checks or translates the streamed answer; None for a whole one.
        bridge: translates the answer, if the upstream speaks another API.
        restored: fields of the answer that the upstream cannot know, because it was sent all that
            was said before in their place.
    """

    operation: Operation
    route: Route
    body: UpstreamBody
    stream: CheckedStream | None = None
    bridge: Bridge | None = None
    restored: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reads_tokens(self) -> bool:
        """Whether a model reads the request and writes nothing, as for embeddings."""
        operation = self.operation
        return not operation.length_fields and operation.count_here is None

    def translated(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Translate a whole answer of an upstream that speaks another API.

        Raises:
            AqueductError: the upstream failed, or its answer cannot be understood.
        """
        assert self.bridge is not None  # noqa: S101  # the caller's mistake
        upstream = self.route.upstream
        reader = self.bridge.reader(read_failure(upstream.name, upstream.secrets))
        return self.bridge.writer.whole(reader.whole(answer))


async def build_exchange(
    operation: Operation,
    way: Way,
    route: Route,
    prepared: Prepared,
    entry: Entry,
    turn: Turn | None,
) -> Exchange:
    """Write a request in the form of one way to answer it.

    Raises:
        InvalidRequestError: a field has no counterpart in the upstream's API.
    """
    is_response = operation.api == "responses"
    restored = turn.repeated if turn and way.is_continued and is_response else {}
    said = [*turn.earlier, *turn.input] if turn else []
    return await off_the_loop(
        prepared.size, _build, operation, way, route, prepared, entry.is_stream, restored, said
    )


def _build(
    operation: Operation,
    way: Way,
    route: Route,
    prepared: Prepared,
    is_stream: bool,
    restored: Mapping[str, Any],
    said: Sequence[dict[str, Any]],
) -> Exchange:
    request = prepared.request
    stream: CheckedStream | None = None
    bridge = None
    if way.is_bridge:
        bridge = build_bridge(operation, way.target, request, route, prepared.earlier, said)
        body = bridge.body
        if is_stream:
            upstream = route.upstream
            stream = BridgedStream(upstream.name, upstream.secrets, bridge.reader, bridge.writer)
    else:
        if is_stream and operation.stream:
            stream = operation.stream(request, route)
            stream.restored = restored
        body = {**request.body, "model": route.model}
        for name in operation.not_sent:
            body.pop(name, None)
        if way.is_continued:
            given = ResponsesRequest(body).input_items
            body["input"] = [*portable(prepared.earlier), *given]
            body.pop("previous_response_id", None)
            body.pop("conversation", None)
    # The client's own options decide what it sees; the upstream is always asked for usage.
    asks = way.target.asks_for_usage and is_stream
    if asks and route.model not in route.upstream.without_usage:
        with_usage(body)
    written = encode_body(way.target, body, request.body)
    return Exchange(operation, route, written, stream, bridge, {} if bridge else restored)
