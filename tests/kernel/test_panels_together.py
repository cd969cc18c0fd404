"""Two panels and cells of one conversation: everybody sees an answer grow, and can stop it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from aqueduct_jupyter.kernel.panel import ChatPanel
from aqueduct_jupyter.protocol.errors import RequestStoppedError

from ..standin import CUT, DONE, HANG, StandIn, chunk, usage_chunk
from .conftest import Shell
from .front import Front, Shown, until


@pytest.fixture
def fronts(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> list[Front]:
    return [Front(ChatPanel(chats=shell.magics.chats), monkeypatch) for _ in range(2)]


def test_another_panel_sees_an_answer_grow_and_end(fronts: list[Front], standin: StandIn) -> None:
    asking, other = fronts
    more = threading.Event()
    standin.stream(chunk("The first "), more, chunk("half."), usage_chunk(), DONE)
    asking.ask("Hi")
    other.wait("delta")
    assert Shown(other).answers == [("running", "The first ")]
    assert Shown(other).running == "r1"
    more.set()
    ended = other.wait("ended")["turn"]
    assert (ended["state"], ended["tokens_out"], "answer" in ended) == ("whole", 2, False)
    asking.wait("ended")
    assert Shown(other).answers == Shown(asking).answers == [("whole", "The first half.")]
    assert Shown(other).running is Shown(asking).running is None
    told = [turn["answer"] for message in other.of("turns") for turn in message["turns"]]
    assert told == [""], "the text came in pieces only"


def test_what_two_panels_are_told_grows_as_the_answer_does(
    fronts: list[Front], standin: StandIn
) -> None:
    pieces = [step for number in range(40) for step in (chunk(f"word {number} "), 0.02)]
    standin.stream(*pieces, usage_chunk(), DONE)
    fronts[0].ask("Hi")
    for front in fronts:
        front.wait("ended")
        ((_, answer),) = Shown(front).answers
        assert len(front.of("delta")) > 3
        assert sum(len(delta["text"]) for delta in front.of("delta")) == len(answer)


@pytest.mark.parametrize("stopping", [0, 1], ids=["the asking panel", "the other panel"])
def test_either_panel_stops_an_answer(fronts: list[Front], standin: StandIn, stopping: int) -> None:
    standin.stream(chunk("half"), 0.3, chunk(" more"), HANG)
    fronts[0].ask("Hi")
    fronts[1].wait("delta")
    fronts[stopping].say(type="stop", request="r1")
    for front in fronts:
        until(lambda front=front: Shown(front).answers[0][0] == "stopped")
        assert Shown(front).answers[0][1].startswith("half")
        assert Shown(front).running is None
    assert standin.chats[0].client_left.wait(5)


def test_a_panel_of_another_conversation_stops_nothing(
    fronts: list[Front], shell: Shell, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Front(ChatPanel(chats=shell.magics.chats, conversation="other"), monkeypatch)
    more = threading.Event()
    standin.stream(chunk("half"), more, chunk(" more"), usage_chunk(), DONE)
    fronts[0].ask("Hi")
    fronts[0].wait("delta")
    elsewhere.say(type="stop", request="r1")
    more.set()
    assert fronts[0].wait("ended")["turn"]["state"] == "whole"
    assert elsewhere.told == []


def test_another_panel_sees_how_an_answer_failed(fronts: list[Front], standin: StandIn) -> None:
    standin.stream(chunk("half"), 0.2, CUT)
    fronts[0].ask("Hi")
    ended = fronts[1].wait("ended")["turn"]
    assert (ended["state"], ended["error_code"]) == ("failed", "upstream_disconnected")
    assert Shown(fronts[1]).answers == [("failed", "half")]


def test_a_panel_that_asks_in_between_follows_its_own_answer(
    fronts: list[Front], standin: StandIn
) -> None:
    first, second = fronts
    more = threading.Event()
    standin.stream(chunk("The first "), more, chunk("half."), usage_chunk(), DONE)
    first.ask("mine")
    second.wait("delta")
    standin.stream(chunk("Theirs"), usage_chunk(), DONE)
    second.ask("another", request="r2")
    until(lambda: Shown(second).answers[1:] == [("whole", "Theirs")])
    # The one that still runs is followed again, from where it is.
    assert Shown(second).answers[0] == ("running", "The first ")
    assert Shown(second).running == Shown(first).running == "r1"
    until(lambda: Shown(first).answers[1:] == [("whole", "Theirs")])
    more.set()
    for front in fronts:
        until(lambda front=front: Shown(front).running is None)
        assert Shown(front).answers == [("whole", "The first half."), ("whole", "Theirs")]


def test_a_panel_sees_the_answer_of_a_cell_grow(
    fronts: list[Front], shell: Shell, standin: StandIn
) -> None:
    standin.stream(chunk("Hel"), 0.1, chunk("lo"), usage_chunk(), DONE)
    shell.ask("Hi")
    for front in fronts:
        assert [delta["text"] for delta in front.of("delta")] == ["Hel", "lo"]
        assert Shown(front).answers == [("whole", "Hello")]
    shell.ask("Two")
    for front in fronts:
        assert [len(message["turns"]) for message in front.of("turns")] == [1, 1]
        assert [state for state, _ in Shown(front).answers] == ["whole", "whole"]


def test_a_panel_stops_the_answer_of_a_cell(
    fronts: list[Front], shell: Shell, standin: StandIn
) -> None:
    standin.stream(chunk("half"), 0.5, chunk(" more"), HANG)

    def stop() -> None:
        fronts[0].wait("delta")
        fronts[0].say(type="stop", request=Shown(fronts[0]).running)

    stopping = threading.Thread(target=stop)
    stopping.start()
    with pytest.raises(RequestStoppedError):
        shell.ask("Hi")
    stopping.join()
    assert Shown(fronts[1]).answers[0][0] == "stopped"


def test_an_answer_that_starts_again_replaces_its_text(
    fronts: list[Front], shell: Shell, standin: StandIn
) -> None:
    standin.stream(chunk("not a number"), usage_chunk(), DONE)
    standin.stream(chunk("4"), 0.1, chunk("2"), usage_chunk(), DONE)
    assert shell.ask("How many?", "--as int") == 42
    assert Shown(fronts[0]).answers == [("whole", "42")]


def test_panels_for_two_models_do_not_share_a_conversation(shell: Shell) -> None:
    def conversation(**made: Any) -> str:
        return ChatPanel(chats=shell.magics.chats, **made).conversation.name

    assert conversation() == "main"
    assert conversation(model="a") == "main", "what %%chat asks is seen, too"
    assert conversation(model="b") == "main 2"
    assert conversation(model="b", system="Be brief.") == "main 3"
    assert conversation(model="b") == "main 2", "the cell was run again"
    assert conversation() == conversation(model="a") == "main"
    assert conversation(model="b", conversation="main") == "main"
    shell.run("%config ChatMagics.model = 'b'")
    assert conversation() == "main"


def test_a_panel_that_is_closed_is_told_nothing(fronts: list[Front], standin: StandIn) -> None:
    fronts[1].panel.close()
    fronts[0].ask("Hi")
    fronts[0].wait("ended")
    assert fronts[1].told == []
