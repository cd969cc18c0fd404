"""``responses/{id}`` and below: what is kept of the Responses API.

Responses are created in :mod:`.operations` and stored in
:mod:`aqueduct_jupyter.gateway.stores.responses`; those that are still being written are in
:mod:`aqueduct_jupyter.gateway.requests.background`.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from tornado import web

from ...protocol.errors import InvalidRequestError
from .base import AqueductHandler
from .body import authenticated_after_body
from .streaming import StreamingHandler

__all__ = ["CancelHandler", "InputItemsHandler", "ResponseHandler", "item_list", "list_arguments"]

MOST_ITEMS = 100
"""Most items in one list."""


class ResponseHandler(StreamingHandler):
    """One stored response."""

    verbs_with_body = ()

    @property
    def max_body_bytes(self) -> int:
        """The largest body, in bytes; none is expected."""
        return 0

    @authenticated_after_body
    async def get(self, response_id: str) -> None:
        """Answer with the response object; with ``stream=true``, with its events.

        The events are those after ``starting_after``, and those to come. Only a response that was
        created with ``background`` has any.
        """
        owner = self.caller.owner
        if self.get_query_argument("stream", "false").lower() != "true":
            self.answer(await self.gateway.background.get(owner, response_id))
            return
        after = self.integer_argument("starting_after", -1)
        with self.working():
            found = await self.gateway.background.follow(owner, response_id, after)
            async with aclosing(found) as events:
                await self.send_stream(await anext(events), events)

    @authenticated_after_body
    async def delete(self, response_id: str) -> None:
        """Delete the response; those that continue it can no longer be continued."""
        await self.gateway.background.delete(self.caller.owner, response_id)
        self.answer({"id": response_id, "object": "response", "deleted": True})


class CancelHandler(AqueductHandler):
    """Cancels a response that is being written in the background."""

    @web.authenticated
    async def post(self, response_id: str) -> None:
        """Cancel it, and answer with what has been written."""
        self.answer(await self.gateway.background.cancel(self.caller.owner, response_id))


class InputItemsHandler(AqueductHandler):
    """The input of one stored response."""

    @web.authenticated
    async def get(self, response_id: str) -> None:
        """Answer with its input items, the last first unless ``order`` is ``asc``."""
        limit, after, is_descending = list_arguments(self)
        stored = await self.gateway.responses.get(self.caller.owner, response_id)
        items = list(stored.input)[::-1] if is_descending else list(stored.input)
        start = 0
        if after is not None:
            found = [index for index, item in enumerate(items) if item.get("id") == after]
            if not found:
                raise InvalidRequestError("after is not the id of an input item.", param="after")
            start = found[0] + 1
        shown = items[start : start + limit]
        self.answer(item_list(shown, has_more=start + limit < len(items)))


def list_arguments(handler: AqueductHandler) -> tuple[int, str | None, bool]:
    """Read what a client asks of a list of items: ``limit``, ``after``, and ``order``.

    Raises:
        InvalidRequestError: one of them is invalid.
    """
    limit = handler.integer_argument("limit", 20)
    if not 1 <= limit <= MOST_ITEMS:
        raise InvalidRequestError(f"limit must be between 1 and {MOST_ITEMS}.", param="limit")
    order = handler.get_query_argument("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidRequestError("order must be asc or desc.", param="order")
    return limit, handler.get_query_argument("after", None), order == "desc"


def item_list(items: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """Return a list of items as the API has it."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }
