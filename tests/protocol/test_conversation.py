"""The messages of a conversation are those that the browser makes; watchers hear of each change."""

from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.protocol.conversation import Conversation, Turn
from aqueduct_jupyter.protocol.stored_conversations import TURNS

from ..shared_samples import sample

SAMPLES = sample("conversations.json")


@pytest.mark.parametrize("words", SAMPLES, ids=[words["name"] for words in SAMPLES])
def test_the_messages_are_those_of_the_browser(words: dict[str, Any]) -> None:
    turns = [Turn(**turn) for turn in words["turns"]]
    conversation = Conversation("main", turns)
    messages, dropped = conversation.messages(turns[-1], system=words["system"])
    assert (messages, dropped) == (words["messages"], 0)


def test_a_turn_has_the_fields_that_the_browser_knows() -> None:
    (turn,) = SAMPLES[0]["turns"]
    assert set(turn) == set(Turn.__dataclass_fields__)
    assert TURNS.dump_python(TURNS.validate_python([turn])) == [
        {**turn, "versions": [], "version": 0}
    ]


def test_watchers_hear_of_each_change() -> None:
    conversation = Conversation()
    heard: list[int] = []
    conversation.watchers.append(lambda: heard.append(len(conversation.turns)))
    first = conversation.begin("a", "a")
    conversation.begin("b", "b")
    assert heard == [], "whoever begins a turn tells of it"
    conversation.changed()
    conversation.remove(first.id)
    conversation.reset()
    assert heard == [2, 1, 0]


def test_going_back_forgets_a_turn_and_what_came_after() -> None:
    conversation = Conversation()
    turns = [conversation.begin(name, name) for name in "abc"]
    conversation.go_back("nobody")
    assert len(conversation.turns) == 3
    conversation.go_back(turns[1].id)
    assert conversation.turns == turns[:1]
