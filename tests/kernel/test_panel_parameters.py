"""How a panel asks: its arguments and its menu hold for the panels of a conversation."""

from __future__ import annotations

from typing import Any

import pytest

from aqueduct_jupyter.kernel.panel import ChatPanel
from aqueduct_jupyter.protocol.errors import CellError

from .conftest import Shell
from .front import Front

ALL = {"system": "Be!", "temperature": 0.0, "max_tokens": 9, "reasoning_effort": "low"}
NONE = dict.fromkeys(ALL)


def asked(front: Front, shell: Shell) -> dict[str, Any]:
    """Ask, and give the parameters that the upstream was sent."""
    number = len(front.of("ended"))
    front.ask("Hi", request=f"r{number}")
    front.wait("ended", number + 1)
    sent = shell.sent[-1]
    first = sent["messages"][0]
    system = {"system": first["content"]} if first["role"] == "system" else {}
    names = ("temperature", "max_tokens", "reasoning_effort")
    return system | {name: sent[name] for name in names if name in sent}


def told(front: Front) -> dict[str, Any]:
    parameters: dict[str, Any] = front.of("parameters")[-1]["parameters"]
    return parameters


def test_arguments_go_upstream_and_last_for_the_conversation(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = shell.magics.chats
    front = Front(ChatPanel(chats=chats, **ALL), monkeypatch)
    assert asked(front, shell) == ALL
    assert asked(front, shell) == ALL
    later = Front(ChatPanel(chats=chats), monkeypatch)
    assert asked(later, shell) == ALL
    elsewhere = Front(ChatPanel(chats=chats, conversation="other"), monkeypatch)
    assert asked(elsewhere, shell) == {}
    shell.ask("Hi")
    assert "temperature" not in shell.sent[-1], "a cell has options of its own"


def test_what_is_set_in_the_menu_goes_upstream_and_is_told_to_every_panel(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = shell.magics.chats
    front, other = (Front(ChatPanel(chats=chats), monkeypatch) for _ in range(2))
    front.say(type="hello")
    front.wait("setup")
    assert told(front) == NONE
    changed = NONE | {"temperature": 0.5, "reasoning_effort": "high"}
    front.say(type="set_parameters", parameters=changed)
    assert told(front) == told(other) == changed
    assert asked(other, shell) == {"temperature": 0.5, "reasoning_effort": "high"}
    other.say(type="set_parameters", parameters={"temperature": None})
    assert told(front) == NONE | {"reasoning_effort": "high"}
    front.say(type="set_parameters", parameters=NONE)
    assert asked(other, shell) == {}
    ChatPanel(chats=chats, max_tokens=7)
    assert told(front) == told(other) == NONE | {"max_tokens": 7}


def test_the_settings_hold_where_a_conversation_says_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.run("%config ChatMagics.temperature = 0.1")
    shell.run("%config ChatMagics.max_tokens = 100")
    shell.run("%config ChatMagics.system = 'Be kind.'")
    front = Front(ChatPanel(chats=shell.magics.chats), monkeypatch)
    front.say(type="hello")
    front.wait("setup")
    assert front.of("parameters")[-1]["system"] == "Be kind."
    kind = {"system": "Be kind.", "temperature": 0.1, "max_tokens": 100}
    assert asked(front, shell) == kind
    front.say(type="set_parameters", parameters=NONE | {"temperature": 0, "system": "Be brief."})
    assert asked(front, shell) == kind | {"temperature": 0.0, "system": "Be brief."}
    front.say(type="set_parameters", parameters=NONE)
    shell.ask("Hi", "-s 'Be a poet.'")
    assert front.of("parameters")[-1]["system"] == "Be a poet.", "as for the next %%chat"
    assert asked(front, shell)["system"] == "Be a poet."


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("temperature", 2.1, "temperature=2.1: Only 0 to 2 is allowed."),
        ("temperature", float("nan"), "temperature=nan: Only 0 to 2 is allowed."),
        ("temperature", "hot", "temperature='hot': Only 0 to 2 is allowed."),
        ("max_tokens", 0, "max_tokens=0: Only whole numbers from 1 are allowed."),
        ("max_tokens", 1.5, "max_tokens=1.5: Only whole numbers from 1 are allowed."),
        ("reasoning_effort", 3, "reasoning_effort=3: Only a text of up to 50 characters"),
        ("system", ["x"], "system=['x']: Only a text of up to 100,000 characters"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_and_changes_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, said: str
) -> None:
    chats = shell.magics.chats
    with pytest.raises(CellError) as raised:
        ChatPanel(chats=chats, **{name: value})
    assert said in str(raised.value)
    front = Front(ChatPanel(chats=chats), monkeypatch)
    front.say(type="set_parameters", parameters=NONE | {name: value})
    assert said in front.of("trouble")[-1]["message"]
    assert told(front) == NONE, "which the page shows again"
    assert asked(front, shell) == {}


@pytest.mark.parametrize("parameters", [None, ["x"], "x", 1])
def test_parameters_that_make_no_sense_break_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, parameters: object
) -> None:
    front = Front(ChatPanel(chats=shell.magics.chats, temperature=1.0), monkeypatch)
    front.say(type="set_parameters", parameters=parameters)
    front.say(type="set_parameters")
    assert len(front.of("trouble")) == 2
    front.ask("Hi")
    front.wait("ended")
    assert shell.sent[-1]["temperature"] == 1.0
