"""What the requests of one conversation have in common, so that they ask the same deployment.

A model's service keeps the beginnings of recent prompts and reads only what is new, which saves
most of a long conversation's time and costs. So a request's key is, in this order:

1. the conversation, if this server keeps it, or the Responses API's ``conversation``;
2. ``prompt_cache_key``, with which clients name what shares a beginning;
3. the beginning itself: what comes before the first message of the user, and that message.

The owner is part of it. ``user`` is not: one person has many conversations. A request without
messages has no beginning that others continue; its key is drawn, so the weights alone decide.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain, islice
from typing import Any

from ...protocol.requests import APIRequest
from .turns import Turn

__all__ = ["affinity_key"]

KEY_BYTES = 16

SAMPLE = 2048
"""Characters at each end of a text or an attachment that are looked at, besides its length."""

MOST_ITEMS = MOST_TEXTS = 32
"""How many messages are looked at, and how many texts in them: a first one may have many parts."""

MOST_PARTS = 256
"""How many parts and fields are looked at for texts, of which a part may have none."""

_TEXTS = ("text", "file_id", "filename", "file_data", "data", "url", "image_url")
"""The fields of a part that distinguish it from others, in every API."""


def affinity_key(
    name: str, owner: str, request: APIRequest, turn: Turn | None, conversation: str | None
) -> bytes:
    """Return the key of a request; it takes some microseconds, however large that is.

    Args:
        name: the name of the model that was asked for.
        owner: whose request it is.
        request: the request.
        turn: what it continues, if its API has such a thing.
        conversation: the id of the conversation that this server keeps, if it belongs to one.
    """
    hashed = blake2b(digest_size=KEY_BYTES)
    for given in (name, owner, *_common(request.body, turn, conversation)):
        hashed.update(f"{len(given)} {given[:SAMPLE]} {given[-SAMPLE:]}\0".encode(errors="replace"))
    return hashed.digest()


def _common(body: dict[str, Any], turn: Turn | None, conversation: str | None) -> Sequence[str]:
    conversation = conversation or (turn.conversation_id if turn else None)
    if conversation:
        return ("conversation", conversation)
    given = body.get("prompt_cache_key")
    if isinstance(given, str) and given:
        return ("key", given)
    beginning = list(islice(_beginning(body, turn), MOST_TEXTS))
    return ("beginning", *beginning) if beginning else ("drawn", secrets.token_hex(KEY_BYTES))


def _beginning(body: dict[str, Any], turn: Turn | None) -> Iterator[str]:
    """Yield the texts up to the user's first message; none if there is no such message."""
    items = [item for item in islice(_items(body, turn), MOST_ITEMS) if isinstance(item, dict)]
    first = next((n for n, item in enumerate(items) if item.get("role") == "user"), None)
    if first is None:
        return
    looks = iter(range(MOST_PARTS))
    # The user's own comes first, because only so many texts are looked at.
    for item in reversed(items[: first + 1]):
        yield from _texts(item.get("content"), looks)
    for name in ("instructions", "system"):
        yield from _texts(body.get(name), iter(range(MOST_PARTS)))


def _items(body: dict[str, Any], turn: Turn | None) -> Iterable[Any]:
    if turn is not None:
        return chain(turn.earlier, turn.input)
    given = body.get("messages")
    return given if isinstance(given, list) else ()


def _texts(content: Any, looks: Iterator[int]) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part, _ in zip(content, looks, strict=False):
            yield from _texts(part, looks)
    elif isinstance(content, dict):
        for (name, value), _ in zip(content.items(), looks, strict=False):
            if isinstance(value, dict):
                yield from _texts(value, looks)
            elif name in _TEXTS and isinstance(value, str):
                yield value
