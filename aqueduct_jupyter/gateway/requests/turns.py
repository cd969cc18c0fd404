"""What the Responses API keeps: what comes before a request, and its answer for a later one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ...protocol.errors import BodyTooLargeError, InvalidRequestError, NotFoundError
from ...protocol.requests import APIRequest
from ...protocol.response_conversations import as_stored_item
from ...protocol.responses import ResponsesRequest
from ...protocol.responses_fields import item_type
from ..stores.response_interfaces import (
    MOST_ITEMS,
    ResponseConversations,
    Responses,
    StoredResponse,
)

__all__ = ["Turn", "Turns", "portable"]

_SEALED = "encrypted_content"
_OWN_FIELDS = ("id", "status")
"""Fields of an item that mean something only to the server that wrote it."""

_OWN_ITEM = re.compile(r"[a-z]+_([0-9a-f]{48})_[0-9]+")
"""The id of an item that this server wrote; the group is the end of its response's id."""

Item = dict[str, Any]


@dataclass(slots=True)
class Turn:
    """One request to the Responses API, and what it continues.

    Args:
        owner: whose it is.
        input: its own input items.
        is_stored: whether its answer is kept.
        previous_id: the id of the response that it continues, if any.
        conversation_id: the id of the conversation that it belongs to, if any.
        earlier: the items before it, input and output, oldest first.
        upstream: the upstream that may know the previous response.
    """

    owner: str
    input: Sequence[Item]
    is_stored: bool
    previous_id: str | None = None
    conversation_id: str | None = None
    earlier: Sequence[Item] = field(default=())
    upstream: str | None = None
    _kept: list[Item] | None = None

    @property
    def kept_input(self) -> list[Item]:
        """Its own input items as they are stored."""
        if self._kept is None:
            self._kept = [as_stored_item(item) for item in self.input]
        return self._kept

    @property
    def is_continued(self) -> bool:
        """Whether something comes before it."""
        return self.previous_id is not None or self.conversation_id is not None

    @property
    def repeated(self) -> dict[str, Any]:
        """The fields of the answer that say what it continues."""
        if self.conversation_id is not None:
            return {"conversation": {"id": self.conversation_id}}
        return {} if self.previous_id is None else {"previous_response_id": self.previous_id}


class Turns:
    """The turns of all owners.

    Args:
        responses: the stored responses.
        conversations: the conversations of the Responses API.
    """

    def __init__(self, responses: Responses, conversations: ResponseConversations) -> None:
        self._responses = responses
        self._conversations = conversations

    async def find(self, owner: str, request: APIRequest) -> Turn:
        """Load what a request continues.

        Raises:
            InvalidRequestError: what it continues, or refers to, cannot be found.
            BodyTooLargeError: its conversation has no room for it.
        """
        asked = ResponsesRequest(request.body)
        turn = Turn(
            owner,
            asked.input_items,
            asked.is_stored,
            asked.previous_response_id,
            asked.conversation_id,
        )
        try:
            if turn.previous_id is not None:
                await self._load_chain(turn, turn.previous_id)
        except NotFoundError as error:
            raise InvalidRequestError(
                error.message, param="previous_response_id", code="previous_response_not_found"
            ) from None
        try:
            if turn.conversation_id is not None:
                items = await self._conversations.items(owner, turn.conversation_id)
                if len(items) + len(turn.input) >= MOST_ITEMS:  # before the model is asked
                    raise BodyTooLargeError(
                        f"The conversation has {len(items)} items, and {MOST_ITEMS} is the "
                        "maximum, so this request and its answer do not fit. Start a new one.",
                        param="conversation",
                        code="quota_exceeded",
                    )
                turn.earlier = _since_summary(items)
        except NotFoundError as error:
            raise InvalidRequestError(
                error.message, param="conversation", code=error.code
            ) from None
        if any(item_type(item) == "item_reference" for item in turn.input):
            turn.input = [await self._resolved(turn, item) for item in turn.input]
            request.body["input"] = turn.input
        return turn

    async def keep(self, turn: Turn, answer: Mapping[str, Any], upstream: str | None) -> None:
        """Store an answer, before its last event is sent.

        Args:
            turn: what it answers.
            answer: the response object.
            upstream: the upstream that may know it.

        Raises:
            UnavailableError: the disk or the database cannot be used.
        """
        answer_id = answer.get("id")
        if turn.is_stored and isinstance(answer_id, str) and answer_id:
            kept = StoredResponse(answer_id, answer, turn.kept_input, turn.previous_id, upstream)
            await self._responses.put(turn.owner, kept)
        await self.keep_in_conversation(turn, answer)

    async def keep_in_conversation(self, turn: Turn, answer: Mapping[str, Any]) -> None:
        """Add a request's input and its answer to its conversation, if it has one.

        Raises:
            UnavailableError: the disk or the database cannot be used.
        """
        if turn.conversation_id is None:
            return
        said = [*turn.kept_input, *_output(answer)]
        with suppress(NotFoundError):  # deleted in the meantime, by its owner
            await self._conversations.add(turn.owner, turn.conversation_id, said)

    async def _load_chain(self, turn: Turn, previous_id: str) -> None:
        chain = await self._responses.chain(turn.owner, previous_id)
        if chain[-1].alive_at is not None:
            raise InvalidRequestError(
                f"The response '{previous_id[:80]}' is still being written. Wait until it has "
                "ended, or cancel it.",
                param="previous_response_id",
                code="response_in_progress",
            )
        turn.upstream = chain[-1].upstream
        turn.earlier = _since_summary(
            [item for stored in chain for item in (*stored.input, *_output(stored.response))]
        )

    async def _resolved(self, turn: Turn, item: Item) -> Item:
        """Return the item that a reference means, if this server wrote it."""
        if item_type(item) != "item_reference":
            return item
        found = next((known for known in turn.earlier if known.get("id") == item["id"]), None)
        if found is None and (named := _OWN_ITEM.fullmatch(item["id"])):
            try:
                stored = await self._responses.get(turn.owner, f"resp_{named[1]}")
            except NotFoundError:
                return item
            output = _output(stored.response)
            found = next((known for known in output if known.get("id") == item["id"]), None)
        return item if found is None else portable([found], keeps_reasoning=True)[0]


def portable(items: Sequence[Item], *, keeps_reasoning: bool = False) -> list[Item]:
    """Return items in a form that an upstream reads that has not written them.

    Reasoning goes along only if it is sealed: otherwise its id would have to be known there.

    Args:
        items: the items.
        keeps_reasoning: whether all reasoning goes along, because a bridge may read it.
    """
    return [
        {name: value for name, value in item.items() if name not in _OWN_FIELDS}
        for item in items
        if keeps_reasoning or item.get("type") != "reasoning" or item.get(_SEALED)
    ]


def _since_summary(items: Sequence[Item]) -> Sequence[Item]:
    """Leave out what the last summary stands for."""
    summaries = [index for index, item in enumerate(items) if item.get("type") == "compaction"]
    return items[summaries[-1] :] if summaries else items


def _output(answer: Mapping[str, Any]) -> list[Item]:
    output = answer.get("output")
    return [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
