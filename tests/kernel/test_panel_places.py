"""Which conversation a panel is in: a cell that is run again goes on, two models stay apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aqueduct_jupyter.kernel.panel import ChatPanel
from aqueduct_jupyter.kernel.panel_places import MOST_PLACES, CellRun, PanelPlaces

from .conftest import Shell
from .front import Front

Run = Callable[..., list[str]]


@pytest.fixture
def run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a cell that makes panels, and give their conversations."""
    place = "aqueduct_jupyter.kernel.panel_places.running_cell"
    monkeypatch.setattr(place, lambda shell: shell.user_ns["cell"])
    shell.names["ChatPanel"] = ChatPanel
    shell.names["chats"] = shell.magics.chats

    def run(cell: str, *panels: str) -> list[str]:
        shell.names["cell"] = cell
        made = ", ".join(f"ChatPanel(chats=chats, {arguments})" for arguments in panels)
        shell.run(f"made = [{made}]")
        return [panel.conversation.name for panel in shell.names["made"]]

    return run


def test_a_cell_that_is_run_again_with_another_model_goes_on(
    run: Run, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("c1", "model='a'") == ["main"]
    shell.ask("Hi")
    assert run("c1", "model='b'") == ["main"]
    front = Front(shell.names["made"][0], monkeypatch)
    front.ask("And now?", model="b")
    front.wait("ended")
    assert shell.sent[-1]["model"] == "b"
    assert [message["content"] for message in shell.sent[-1]["messages"]] == [
        "Hi",
        "Hello",
        "And now?",
    ]


def test_panels_of_two_cells_for_two_models_stay_apart_and_each_goes_on(run: Run) -> None:
    assert run("c1", "model='a'") == ["main"]
    assert run("c2", "model='b'") == ["main 2"]
    assert run("c2", "model='c'") == ["main 2"]
    assert run("c1", "model='d', temperature=0") == ["main"]
    assert run("c2", "") == ["main 2"]
    # The other cell's panel is still asked as before.
    assert run("c1", "model='a'") == ["main"]
    assert run("c3", "model='a'") == ["main"]
    assert run("c3", "model='b'") == ["main 2"]


def test_panels_of_one_cell_keep_their_conversations(run: Run) -> None:
    assert run("c1", "model='a'", "model='b'", "") == ["main", "main 2", "main"]
    assert run("c1", "model='b'", "model='a'") == ["main 2", "main"]
    assert run("c1", "model='b'") == ["main 2"]
    assert run("c1", "model='c'", "model='d'") == ["main 2", "main"]


def test_an_argument_that_another_cell_still_gives_holds(run: Run, shell: Shell) -> None:
    run("c1", "temperature=0")
    run("c2", "temperature=0")
    assert run("c1", "") == ["main"]
    assert shell.magics.chats.session.panels.parameters("main").temperature == 0


def test_a_panel_that_fails_leaves_nothing(run: Run, shell: Shell) -> None:
    assert run("c1", "") == ["main"]
    with pytest.raises(Exception, match="typo"):
        run("c2", "model='a', temperature=1.5, attachments=['typo']")
    assert shell.magics.chats.session.panels.parameters("main").temperature is None
    assert run("c3", "model='b'") == ["main"]


def test_another_current_conversation_and_one_that_is_named_come_first(
    run: Run, shell: Shell
) -> None:
    assert run("c1", "") == ["main"]
    shell.magics.chats.current = "other"
    assert run("c1", "") == ["other"]
    assert run("c1", "conversation='mine', model='a'") == ["mine"]
    assert run("c2", "conversation='mine', model='b'") == ["mine"]
    assert run("c1", "") == ["other"]


def test_arguments_that_a_cell_no_longer_gives_hold_no_longer(
    run: Run, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parameters() -> dict[str, Any]:
        made = shell.magics.chats.session.panels.parameters("main")
        return made.model_dump(exclude_none=True)

    run("c1", "temperature=0, system='Be!'", "")
    assert parameters() == {"temperature": 0.0, "system": "Be!"}
    run("c1", "", "temperature=0")
    assert parameters() == {"temperature": 0.0}
    front = Front(shell.names["made"][0], monkeypatch)
    front.say(type="set_parameters", parameters=parameters() | {"max_tokens": 5})
    run("c1", "")
    assert parameters() == {"max_tokens": 5}, "the menu's stay"


def test_panels_that_are_asked_otherwise_stay_apart() -> None:
    places = PanelPlaces()

    def name(**given: Any) -> str:
        return places.take("main", None, given, None).conversation

    assert name(temperature=0.0) == "main"
    assert name(temperature=1.0) == "main 2"
    assert name(max_tokens=5) == "main 3"
    assert name(temperature=0.0) == name() == "main"


def test_a_closed_panel_makes_room(run: Run, shell: Shell) -> None:
    run("c1", "model='a'")
    shell.names["made"][0].close()
    assert run("c2", "model='b'") == ["main"]


def test_panels_without_end_are_not_all_remembered() -> None:
    places = PanelPlaces()
    for number in range(MOST_PLACES + 10):
        places.take("main", "one", {}, CellRun("c", number % 2))
        places.take("main", "one", {}, None)
    assert len(places._places) == MOST_PLACES
