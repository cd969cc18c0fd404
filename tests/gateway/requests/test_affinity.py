"""The requests of one conversation have one key, in every API, and others have others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aqueduct_jupyter.gateway.requests.affinity import MOST_PARTS, affinity_key
from aqueduct_jupyter.gateway.requests.turns import Turn
from aqueduct_jupyter.protocol.requests import APIRequest
from aqueduct_jupyter.protocol.response_conversations import as_stored_item


def key(turn: Turn | None = None, chat: str | None = None, **body: Any) -> bytes:
    owner = body.pop("owner", "ada")
    name = body.pop("name", "gpt")
    return affinity_key(name, owner, APIRequest(body), turn, chat)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def system(content: Any) -> dict[str, Any]:
    return {"role": "system", "content": content}


ANSWER = {"role": "assistant", "content": "Hello."}
FIRST = [system("Be brief."), user("Hi")]
LONG = "x" * 100_000


def test_later_turns_have_the_key_of_the_first() -> None:
    assert key(messages=FIRST) == key(messages=[*FIRST, ANSWER, user("And now?")])
    assert key(messages=FIRST) == key(messages=FIRST, temperature=1, stream=True)
    told = {"system": [{"type": "text", "text": "Be brief."}]}
    later = [user("Hi"), ANSWER, user("More")]
    assert key(messages=[user("Hi")], **told) == key(messages=later, **told)


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [system("Be long."), user("Hi")]},
        {"messages": [system("Be brief."), user("Ho")]},
        {"messages": FIRST, "owner": "bob"},
        {"messages": FIRST, "name": "other"},
        {"messages": [user("Hi")]},
        {"messages": [user("Hi")], "system": "Be brief.", "prompt_cache_key": "mine"},
    ],
)
def test_other_conversations_have_other_keys(other: dict[str, Any]) -> None:
    assert key(messages=FIRST) != key(**other)


@pytest.mark.parametrize(
    "parts",
    [
        [{"type": "text", "text": f"{LONG}a{LONG}"}, {"type": "text", "text": "b"}],
        [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{LONG}b"}}],
        [{"type": "file", "file": {"file_id": "file-2"}}],
        [{"type": "input_audio", "input_audio": {"data": f"{LONG}b", "format": "wav"}}],
        [{"type": "image", "source": {"type": "base64", "data": f"{LONG}bb"}}],
    ],
)
def test_parts_distinguish_conversations(parts: list[dict[str, Any]]) -> None:
    same = [user("Describe it."), user(parts)]
    assert key(messages=[user(parts)]) == key(messages=[user(parts), ANSWER, *same])
    changed = eval(repr(parts).replace("b'", "c'").replace("file-2", "file-3"))
    assert changed != parts
    assert key(messages=[user(parts)]) != key(messages=[user(changed)])


def test_what_a_client_names_comes_first() -> None:
    named = {"prompt_cache_key": "thread-1"}
    assert key(messages=FIRST, **named) == key(messages=[user("Something else")], **named)
    assert key(messages=FIRST, **named) != key(messages=FIRST, prompt_cache_key="thread-2")
    assert key(messages=FIRST, prompt_cache_key=7) == key(messages=FIRST)
    assert key(messages=FIRST, user="ada") == key(messages=FIRST), "a user has many conversations"


def test_a_conversation_that_is_kept_here_comes_before_all() -> None:
    assert key(chat="c1", messages=FIRST) == key(chat="c1", messages=[system("It is noon.")])
    assert key(chat="c1", messages=FIRST) != key(chat="c2", messages=FIRST)


def turn(*items: dict[str, Any], earlier: Any = (), **more: Any) -> Turn:
    return Turn("ada", items, is_stored=True, earlier=earlier, **more)


def test_a_response_has_the_key_of_what_it_continues() -> None:
    first = {"type": "message", **user("Hi")}
    earlier = [as_stored_item(first), as_stored_item(ANSWER)]
    later = turn(user("More"), earlier=earlier, previous_id="resp_1")
    assert key(turn(first), input="Hi") == key(later, input="More")
    assert key(turn(user("More")), input="More") != key(later, input="More")


def test_the_apis_conversation_is_one() -> None:
    one = turn(user("Hi"), conversation_id="conv_1")
    assert key(one) == key(turn(user("More"), earlier=[user("x")], conversation_id="conv_1"))
    assert key(one) != key(turn(user("Hi"), conversation_id="conv_2"))


@pytest.mark.parametrize(
    "body", [{"input": "Hi"}, {"prompt": "Hi"}, {"messages": [system("Be brief.")]}, {}]
)
def test_what_nobody_continues_is_drawn(body: dict[str, Any]) -> None:
    assert len({key(**body) for _ in range(20)}) == 20


class Counted(list[Any]):
    """A list that counts how much of it is looked at."""

    seen = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.seen += 1
            yield item


def test_not_all_parts_of_a_large_request_are_looked_at() -> None:
    parts = Counted([{"type": "odd"}] * 10_000)
    nested = Counted([parts] * 10_000)
    for content in (parts, nested):
        key(messages=[user(content)])
    assert parts.seen + nested.seen <= 4 * MOST_PARTS


def test_odd_contents_do_no_harm() -> None:
    odd: list[Any] = [None, 1, [None, 2, {"text": 3}], {"text": "\ud800"}, [[["x"]]], {"url": {}}]
    for content in odd:
        assert len(key(messages=[None, "x", user(content)])) == 16
