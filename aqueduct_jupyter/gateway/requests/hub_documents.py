"""Documents of requests that a hub's service answers, read in the user's server before.

Reading a document takes up to seconds of CPU, which each user's server has, and a service for a
thousand users has not. So the files of a request become text here, as
:mod:`..documents.attachments` does it, and the service gets a request without files.

* Only requests of which the service keeps nothing: responses and conversations keep their files.
* Only where the service would do the same. It tells which models read documents themselves.
* Whatever cannot be read here goes on as it came, and the service reads it or says why not.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from ...protocol.errors import AqueductError, UnknownFileError, UpstreamError
from ...protocol.files import FileObject
from ...protocol.relay import DECLARED_TYPE_HEADER
from ..documents.attachments import MAX_FILE_BYTES, MAX_REQUEST_BYTES, Attachments
from ..documents.reader import DocumentReader
from ..encoding import decode_json, encode_json
from ..offload import off_the_loop
from ..stores.interfaces import StoredFile
from ..upstreams.hub_service import HubAnswer, HubService
from .operation import Operation

__all__ = ["HubDocuments", "Passed"]

MODES_SECONDS = 60.0
"""How long it is believed which models read documents themselves, in seconds."""

_log = logging.getLogger(__name__)

_MARKS = (b'"file"', b'"document"')
"""What a request with files contains. One that writes it in another way is read by the service."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A request as it goes to the service.

    Args:
        body: the body.
        notes: what the user should know about its files.
    """

    body: bytes
    notes: tuple[str, ...] = ()


class HubDocuments:
    """Reads the documents of requests.

    Args:
        service: the service.
        documents: the document reader.
        max_body_bytes: the largest body that the service is sent, in bytes.
        clock: a monotonic clock in seconds; for tests.
    """

    def __init__(
        self,
        service: HubService,
        documents: DocumentReader,
        *,
        max_body_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._documents = documents
        self._max_body_bytes = max_body_bytes
        self._clock = clock
        self._lock = asyncio.Lock()
        self._modes: Mapping[str, Any] = {}
        self._modes_until = float("-inf")

    async def read(
        self, operation: Operation, model: str | None, body: bytes, headers: Mapping[str, str]
    ) -> Passed:
        """Return a request whose documents are text, or as it is.

        Args:
            operation: the operation that it is for.
            model: the model in its address, if it has one there.
            body: the body.
            headers: the headers with which the service knows for whom this server asks.
        """
        is_kept = operation.continues
        if is_kept or not operation.files_in or not any(mark in body for mark in _MARKS):
            return Passed(body)
        try:
            return await self._read(operation, model, body, headers)
        except (AqueductError, ValueError) as error:
            _log.info("The service reads the documents of a request, because: %s", error)
            return Passed(body)

    async def _read(
        self, operation: Operation, model: str | None, body: bytes, headers: Mapping[str, str]
    ) -> Passed:
        fields = await off_the_loop(len(body), decode_json, body)
        # The request that was checked; what is sent has all that the client wrote.
        request = await off_the_loop(len(body), operation.read, {**fields})
        if await self._mode(model or request.model) != "text":
            return Passed(body)
        attachments = Attachments(_ServiceFiles(self._service, headers), self._documents)
        messages = fields[operation.files_in]
        collected = await attachments.collect(messages, "text", "", operation.files)
        written = await attachments.write(collected)
        if written is messages:
            return Passed(body)
        changed = {**fields, operation.files_in: written}
        encoded = await off_the_loop(len(body) + collected.size, encode_json, changed)
        if len(encoded) > self._max_body_bytes:
            return Passed(body)
        return Passed(encoded, tuple(collected.notes))

    async def _mode(self, model: str | None) -> object:
        """Return how documents are forwarded to a model; None if that is not known."""
        async with self._lock:
            if self._clock() >= self._modes_until:
                status = await _object(self._service, "aqueduct/status", {})
                modes = status.get("document_modes")
                self._modes = modes if isinstance(modes, dict) else {}
                if isinstance(default := status.get("default_model"), str):
                    self._modes = {**self._modes, "": self._modes.get(default)}
                self._modes_until = self._clock() + MODES_SECONDS
        return self._modes.get(model or "")


class _ServiceFiles:
    """The files in the service that one request names."""

    def __init__(self, service: HubService, headers: Mapping[str, str]) -> None:
        self._service = service
        self._headers = headers
        self._contents: dict[str, bytes] = {}
        self._bytes = 0

    async def find(self, owner: str, file_id: str) -> StoredFile:  # noqa: ARG002  # the service knows
        """Describe a file, and get its bytes unless it is too large for a request."""
        path = f"v1/files/{file_id}"
        if not file_id.replace("-", "").isalnum():
            raise UnknownFileError(f"There is no file '{file_id}'.")
        file = FileObject(**await _object(self._service, path, self._headers))
        self._bytes += file.bytes
        if file.bytes > MAX_FILE_BYTES or self._bytes > MAX_REQUEST_BYTES:
            return StoredFile(file, "", "", file_id)
        answer, content = await _get(self._service, f"{path}/content", self._headers)
        self._contents[file_id] = content
        digest = await off_the_loop(len(content), lambda: sha256(content).hexdigest())
        declared = answer.headers.get(DECLARED_TYPE_HEADER, "")
        return StoredFile(file, digest, answer.media_type, file_id, declared)

    async def read(self, stored: StoredFile) -> bytes:
        """Return the bytes of a file that has been found."""
        return self._contents[stored.blob]


async def _get(
    service: HubService, path: str, headers: Mapping[str, str]
) -> tuple[HubAnswer, bytes]:
    answer = await service.ask("GET", path, headers, b"")
    try:
        if answer.status != HTTPStatus.OK:
            raise UpstreamError(f"The hub's service answered {path} with {answer.status}.")
        return answer, await answer.read(MAX_FILE_BYTES)
    finally:
        await answer.close()


async def _object(service: HubService, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    _, body = await _get(service, path, headers)
    found = json.loads(body)
    if not isinstance(found, dict):
        raise UpstreamError(f"The hub's service answered {path} with something else.")
    return found
