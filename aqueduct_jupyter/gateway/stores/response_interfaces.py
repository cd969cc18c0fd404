"""The interface of the store of responses; the others are in :mod:`.interfaces`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Responses", "StoredResponse"]


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One response: its object, its own input, and what it continues.

    Args:
        id: its id.
        response: the response object.
        input: the input items of its request.
        previous_id: the id of the response that it continues, if any.
        upstream: the name of the upstream that wrote it and may know it; None if none does.
    """

    id: str
    response: Mapping[str, Any]
    input: Sequence[dict[str, Any]]
    previous_id: str | None = None
    upstream: str | None = None


class Responses(Protocol):
    """Stored responses of the Responses API."""

    async def put(self, owner: str, stored: StoredResponse) -> None:
        """Store a response, or replace the one with its id."""
        ...

    async def get(self, owner: str, response_id: str) -> StoredResponse:
        """Return a response.

        Raises:
            NotFoundError: it was not stored, was deleted, has expired, or has another owner.
        """
        ...

    async def chain(self, owner: str, response_id: str) -> list[StoredResponse]:
        """Return a response and all that it continues, the oldest first.

        Raises:
            NotFoundError: one of them cannot be found; as for :meth:`get`.
            InvalidRequestError: there are too many.
        """
        ...

    async def delete(self, owner: str, response_id: str) -> None:
        """Delete a response.

        Raises:
            NotFoundError: as for :meth:`get`.
        """
        ...

    async def purge(self) -> None:
        """Remove all responses that have expired."""
        ...
