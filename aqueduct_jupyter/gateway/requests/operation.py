"""One operation of an API as data, so that the steps that all share are written once.

The order of those steps is in :mod:`.admission` and :mod:`.forwarding`; the operations themselves
are in :mod:`.operations`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from ...protocol.requests import APIRequest
from ..documents.file_forms import CHAT_FILES, FileForm
from ..upstreams.apis import API
from ..upstreams.deployments import Route
from .checked_stream import CheckedStream

__all__ = ["Operation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of an API.

    Args:
        name: its name in the ledger, in settings and in messages.
        path: its path below the base URL, here and at an upstream.
        summary: what it does, for the API's description.
        fields: the fields of its requests, for the API's description.
        read: reads and validates a request's JSON object; raises an InvalidRequestError.
        count_input: estimates the tokens of a request, which upstreams do not always report.
        stream: creates the check of a streamed answer; None if the operation has no streams.
        files_in: the field of a request whose parts may be files; "" if there is none.
        files: how its API writes files.
        length_fields: the fields that limit the tokens of an answer. The first is added to requests
            that have none, if the operator set a limit.
        not_sent: fields that are left out where the upstream has the operation itself.
        asks_for_usage: whether a stream reports usage only if it is asked to.
        is_form: whether the body is a form instead of JSON.
        has_json: whether a whole answer is JSON; otherwise it is a sound or a text.
        headers: what every request upstream needs.
        api: its API, if another can take its place.
        continues: whether a request may continue what is kept here.
        count_here: writes the answer from the estimated tokens of the request, for upstreams that
            cannot count them.
    """

    name: str
    path: str
    summary: str
    fields: type[BaseModel]
    read: Callable[[dict[str, Any]], APIRequest]
    count_input: Callable[[APIRequest], int]
    stream: Callable[[APIRequest, Route], CheckedStream] | None = None
    files_in: str = ""
    files: FileForm = CHAT_FILES
    length_fields: tuple[str, ...] = ()
    not_sent: tuple[str, ...] = ()
    asks_for_usage: bool = False
    is_form: bool = False
    has_json: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    api: API | None = None
    continues: bool = False
    count_here: Callable[[int], dict[str, Any]] | None = None
