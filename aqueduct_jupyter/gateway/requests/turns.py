"""What the Responses API keeps: the turn before a request, and the answer for a later one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...protocol.errors import InvalidRequestError, NotFoundError
from ...protocol.requests import APIRequest
from ...protocol.responses import ResponsesRequest
from ..stores.interfaces import Responses, StoredResponse

__all__ = ["Turn", "find_turn", "portable"]

_SEALED = "encrypted_content"
_OWN_FIELDS = ("id", "status")
"""Fields of an item that mean something only to the server that wrote it."""


@dataclass(slots=True)
class Turn:
    """One request to the Responses API, and what it continues.

    Args:
        owner: whose it is.
        input: its own input items, as the client sent them.
        is_stored: whether its answer is kept.
        previous_id: the id of the response that it continues, if any.
        earlier: the items before it, input and output, oldest first.
        upstream: the upstream that may know the previous response.
    """

    owner: str
    input: Sequence[dict[str, Any]]
    is_stored: bool
    previous_id: str | None = None
    earlier: Sequence[dict[str, Any]] = field(default=())
    upstream: str | None = None

    async def keep(
        self, responses: Responses, answer: Mapping[str, Any], upstream: str | None
    ) -> None:
        """Store the answer, before its last event is sent.

        Args:
            responses: the store.
            answer: the response object.
            upstream: the upstream that may know it.

        Raises:
            UnavailableError: the disk or the database cannot be used.
        """
        answer_id = answer.get("id")
        if self.is_stored and isinstance(answer_id, str) and answer_id:
            items = [_with_id(item) for item in self.input]
            kept = StoredResponse(answer_id, answer, items, self.previous_id, upstream)
            await responses.put(self.owner, kept)


def _with_id(item: dict[str, Any]) -> dict[str, Any]:
    # Lists of input items are paged by their ids.
    if item.get("id"):
        return item
    kind = item.get("type") or "message"
    prefix = {"message": "msg", "reasoning": "rs", "function_call": "fc"}.get(kind, "item")
    return {**item, "type": kind, "id": f"{prefix}_{secrets.token_hex(12)}"}


async def find_turn(responses: Responses, owner: str, request: APIRequest) -> Turn:
    """Load what a request continues.

    Raises:
        InvalidRequestError: the response that it continues cannot be found.
    """
    asked = ResponsesRequest(request.body)
    if asked.conversation_id:
        raise InvalidRequestError(
            "This server has no conversations of the Responses API. Continue an answer with "
            "previous_response_id, or send the whole input.",
            param="conversation",
        )
    if asked.is_background:
        raise InvalidRequestError(
            "background is not supported here. Send the request with stream set to true, and read "
            "the answer as it comes.",
            param="background",
        )
    turn = Turn(owner, asked.input_items, asked.is_stored, asked.previous_response_id)
    if turn.previous_id is not None:
        try:
            chain = await responses.chain(owner, turn.previous_id)
        except NotFoundError as error:
            raise InvalidRequestError(
                error.message, param="previous_response_id", code="previous_response_not_found"
            ) from None
        turn.upstream = chain[-1].upstream
        turn.earlier = [
            item
            for stored in chain
            for item in (*stored.input, *(stored.response.get("output") or ()))
        ]
    return turn


def portable(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return items in a form that an upstream reads that has not written them.

    Reasoning goes along only if it is sealed: otherwise its id would have to be known there.
    """
    return [
        {name: value for name, value in item.items() if name not in _OWN_FIELDS}
        for item in items
        if item.get("type") != "reasoning" or item.get(_SEALED)
    ]
