"""``responses/{id}`` and below: what is kept of the Responses API.

Responses are created in :mod:`.operations` and stored in
:mod:`aqueduct_jupyter.gateway.stores.responses`.
"""

from __future__ import annotations

from typing import Any

from tornado import web

from ...protocol.errors import InvalidRequestError
from .base import AqueductHandler

__all__ = ["InputItemsHandler", "ResponseHandler"]

MOST_ITEMS = 100
"""Most input items in one list."""


class ResponseHandler(AqueductHandler):
    """One stored response."""

    @web.authenticated
    async def get(self, response_id: str) -> None:
        """Answer with the response object."""
        if self.get_query_argument("stream", "false").lower() == "true":
            raise InvalidRequestError(
                "A stored response cannot be streamed again. Ask for it without stream.",
                param="stream",
            )
        stored = await self.gateway.responses.get(self.caller.owner, response_id)
        self.answer(dict(stored.response))

    @web.authenticated
    async def delete(self, response_id: str) -> None:
        """Delete the response; those that continue it can no longer be continued."""
        await self.gateway.responses.delete(self.caller.owner, response_id)
        self.answer({"id": response_id, "object": "response", "deleted": True})


class InputItemsHandler(AqueductHandler):
    """The input of one stored response."""

    @web.authenticated
    async def get(self, response_id: str) -> None:
        """Answer with its input items, the last first unless ``order`` is ``asc``."""
        limit = self.integer_argument("limit", 20)
        if not 1 <= limit <= MOST_ITEMS:
            raise InvalidRequestError(f"limit must be between 1 and {MOST_ITEMS}.", param="limit")
        order = self.get_query_argument("order", "desc")
        if order not in ("asc", "desc"):
            raise InvalidRequestError("order must be asc or desc.", param="order")
        stored = await self.gateway.responses.get(self.caller.owner, response_id)
        items = list(stored.input) if order == "asc" else list(stored.input)[::-1]
        self.answer(_page(items, limit, self.get_query_argument("after", None)))


def _page(items: list[dict[str, Any]], limit: int, after: str | None) -> dict[str, Any]:
    start = 0
    if after is not None:
        found = [index for index, item in enumerate(items) if item.get("id") == after]
        if not found:
            raise InvalidRequestError("after is not the id of an input item.", param="after")
        start = found[0] + 1
    shown = items[start : start + limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": start + limit < len(items),
    }
