"""The body of an upstream request: the client's object with as few fields changed as possible."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...protocol.errors import InvalidRequestError, UnprocessableError
from ..encoding import encode_json
from ..entry import Entry
from ..upstreams.answer import UpstreamAnswer
from ..upstreams.deployments import Route
from .forms import encode_form
from .operation import Operation

__all__ = ["UpstreamBody", "encode_body", "with_usage"]


@dataclass(slots=True)
class UpstreamBody:
    """The upstream's request, encoded.

    It ends with ``ours``, or with ``own`` without our option; both are empty if no option was
    added.
    """

    written: bytes
    ours: bytes = b""
    own: bytes = b""
    content_type: str = "application/json"

    @asynccontextmanager
    async def sent(
        self,
        operation: Operation,
        route: Route,
        entry: Entry,
        *,
        is_repeated: bool,
        headers: Mapping[str, str],
    ) -> AsyncIterator[UpstreamAnswer]:
        """Send the request, and once more without our option if the upstream refuses that."""
        upstream = route.upstream
        ask = partial(
            upstream.post,
            operation.path,
            request_id=entry.request_id,
            is_repeated=is_repeated,
            content_type=self.content_type,
            headers={**operation.headers, **headers},
        )
        async with AsyncExitStack() as answers:
            try:
                answer = await answers.enter_async_context(ask(body=self.written))
            except (InvalidRequestError, UnprocessableError) as error:
                if not self.ours or "stream_options" not in f"{error.param} {error.message}":
                    raise
                answer = await answers.enter_async_context(ask(body=self._without_ours()))
                # The retry succeeded, so the option was the reason.
                upstream.without_usage[route.model] = True
            yield answer

    def _without_ours(self) -> bytes:
        """Return the body without our request for usage, as the client sent it."""
        return self.written.removesuffix(self.ours) + self.own


def with_usage(body: dict[str, Any]) -> None:
    """Ask for usage at the end of a stream."""
    options = body.pop("stream_options", None) or {}
    # The last field, so that it can be replaced in the encoded JSON.
    body["stream_options"] = {**options, "include_usage": True}


def encode_body(operation: Operation, body: dict[str, Any], asked: dict[str, Any]) -> UpstreamBody:
    """Encode a request, and free both objects: a model may think for minutes.

    Args:
        operation: the operation.
        body: the object for the upstream.
        asked: the client's own.
    """
    if operation.is_form:
        return UpstreamBody(*_form(body))
    written = UpstreamBody(encode_json(body))
    options = asked.get("stream_options")
    if "stream_options" in body and body["stream_options"] != options:
        written.ours = b',"stream_options":%b}' % encode_json(body["stream_options"])
        written.own = b',"stream_options":%b}' % encode_json(options) if options else b"}"
    body.clear()
    asked.clear()
    return written


def _form(body: dict[str, Any]) -> tuple[bytes, bytes, bytes, str]:
    written, content_type = encode_form(body)
    return written, b"", b"", content_type
