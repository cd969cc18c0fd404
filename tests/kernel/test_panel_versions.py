"""A panel goes back: to other versions of an answer, to a deleted question, on after a fault."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.kernel.panel import ChatPanel

from ..standin import CUT, DONE, StandIn, chunk, usage_chunk
from .conftest import Shell
from .front import Front, Shown, until


@pytest.fixture
def front(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Front:
    return Front(ChatPanel(chats=shell.magics.chats), monkeypatch)


def answered(front: Front, standin: StandIn, text: str, **more: Any) -> str:
    """Ask, have a text answered, and give the turn's id."""
    standin.stream(chunk(text), usage_chunk(), DONE)
    number = len(front.of("ended"))
    front.ask("Hi", request=f"r{number}", **more)
    turn: str = front.wait("ended", number + 1)["turn"]["id"]
    return turn


def shown(front: Front) -> list[tuple[str, int, int]]:
    """Give the answers as the panel shows them, each with its version and their number."""
    turns = Shown(front).turns.values()
    return [(turn["answer"], turn["version"], turn["versions"]) for turn in turns]


def test_what_is_asked_again_keeps_its_earlier_versions_and_what_followed(
    front: Front, shell: Shell, standin: StandIn
) -> None:
    first = answered(front, standin, "one")
    answered(front, standin, "after one")
    second = answered(front, standin, "two", before=first)
    assert (
        front.of("begun")[-1]["turn"]["version"],
        front.of("ended")[-1]["turn"]["versions"],
    ) == (
        1,
        2,
    )
    third = answered(front, standin, "three", before=second)
    assert shown(front) == [("three", 2, 3)]
    front.say(type="choose", turn=third, version=0)
    assert shown(front) == [("one", 0, 3), ("after one", 0, 1)]
    front.say(type="choose", turn=first, version=1)
    assert shown(front) == [("two", 1, 3)]
    front.say(type="choose", turn=second, version=0)
    shell.ask("And now?")
    contents = [message["content"] for message in shell.sent[-1]["messages"]]
    assert contents == ["Hi", "one", "Hi", "after one", "And now?"]


def test_every_panel_is_told_the_version_that_was_chosen(
    front: Front, shell: Shell, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Front(ChatPanel(chats=shell.magics.chats), monkeypatch)
    first = answered(front, standin, "one")
    second = answered(front, standin, "two", before=first)
    front.say(type="choose", turn=second, version=0)
    (turn,) = other.of("turns")[-1]["turns"]
    assert (turn["answer"], turn["version"], turn["versions"]) == ("one", 0, 2)


def test_a_version_that_says_nothing_is_not_kept(front: Front, standin: StandIn) -> None:
    standin.reply({"error": {"message": "no"}}, status=400)
    front.ask("Hi", request="first")
    failed = front.wait("ended")["turn"]["id"]
    answered(front, standin, "one", before=failed)
    assert shown(front) == [("one", 0, 1)]


@pytest.mark.parametrize("version", [-1, 2, 99])
def test_a_version_that_does_not_exist_changes_nothing(
    front: Front, standin: StandIn, version: int
) -> None:
    first = answered(front, standin, "one")
    second = answered(front, standin, "two", before=first)
    front.say(type="choose", turn=second, version=version)
    assert "There is no version" in front.wait("trouble")["message"]
    assert shown(front) == [("two", 1, 2)]


def test_the_only_version_of_a_turn_can_be_chosen(
    front: Front, shell: Shell, standin: StandIn
) -> None:
    only = answered(front, standin, "One")
    shell.magics.chats.session.versions(front.panel.conversation.name).choose(only, 0)
    assert shown(front) == [("One", 0, 1)]


def test_no_version_is_chosen_while_an_answer_is_written(front: Front, standin: StandIn) -> None:
    first = answered(front, standin, "one")
    second = answered(front, standin, "two", before=first)
    more = threading.Event()
    standin.stream(chunk("half"), more, usage_chunk(), DONE)
    front.ask("Go on", request="running")
    until(lambda: "half" in [delta["text"] for delta in front.of("delta")])
    front.say(type="choose", turn=second, version=0)
    assert "being written" in front.wait("trouble")["message"]
    more.set()
    front.wait("ended", 3)
    assert shown(front)[0] == ("two", 1, 2)


def test_a_deleted_question_comes_back_to_its_place_with_its_versions(
    front: Front, standin: StandIn
) -> None:
    first = answered(front, standin, "one")
    second = answered(front, standin, "two", before=first)
    answered(front, standin, "three")
    front.say(type="remove", turn=second)
    assert shown(front) == [("three", 0, 1)]
    front.say(type="restore", turn=second)
    assert shown(front) == [("two", 1, 2), ("three", 0, 1)]
    front.say(type="restore", turn=second)
    assert "can no longer be restored" in front.wait("trouble")["message"]
    assert shown(front) == [("two", 1, 2), ("three", 0, 1)]


def test_a_model_goes_on_with_an_answer_that_failed(
    front: Front, shell: Shell, standin: StandIn
) -> None:
    standin.stream(chunk("half of "), CUT)
    front.ask("Hi", request="first")
    assert front.wait("ended")["turn"]["state"] == "failed"
    answered(front, standin, "it", continues=True)
    contents = [message["content"] for message in shell.sent[-1]["messages"]]
    assert contents == ["Hi", "half of ", "Hi"]
    states = {turn["id"]: turn["state"] for told in front.of("turns") for turn in told["turns"]}
    assert next(iter(states.values())) == "stopped", "the panel is told what became of it"


def test_a_saved_conversation_has_what_is_shown(
    front: Front, shell: Shell, standin: StandIn, tmp_path: Path
) -> None:
    first = answered(front, standin, "one")
    answered(front, standin, "two", before=first)
    shell.run("%chat save saved.json")
    (turn,) = json.loads((tmp_path / "saved.json").read_text())["turns"]
    assert turn["answer"] == "two"
    shell.run("%chat load saved.json")
    assert [answer for answer, *_ in shown(front)] == ["two"]
