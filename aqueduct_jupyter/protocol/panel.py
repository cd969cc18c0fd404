"""This file is the words between a notebook's chat panel and its kernel, both ways.

They travel as anywidget's custom messages. Who says what when is left to the kernel's panel and to
``labextension/src/carriers/kernel.ts``; ``tests/samples/panel.json`` holds both to the same words.
None has a field ``id``: ipykernel takes one for its own.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "Ask",
    "Attached",
    "Begun",
    "Delta",
    "Ended",
    "FromKernel",
    "FromPanel",
    "Hello",
    "Received",
    "Stop",
    "Trouble",
    "Turns",
    "Upload",
    "Welcome",
]


class Hello(TypedDict):
    """The panel is here; it says so until a welcome comes from a subshell."""

    type: Literal["hello"]


class Ask(TypedDict):
    """A question; ``contexts`` are the names of what the kernel has offered to attach."""

    type: Literal["ask"]
    request: str
    prompt: str
    contexts: list[str]
    files: list[dict[str, Any]]
    model: str | None
    before: str | None


class Stop(TypedDict):
    """An answer is no longer wanted."""

    type: Literal["stop"]
    request: str


class Remove(TypedDict):
    """A turn is to be forgotten."""

    type: Literal["remove"]
    turn: str


class Upload(TypedDict):
    """The next piece of a file, which is the message's buffer; ``bytes`` is the whole's size."""

    type: Literal["upload"]
    upload: str
    name: str
    bytes: int


class Forget(TypedDict):
    """A file is no longer wanted."""

    type: Literal["forget"]
    upload: str


FromPanel = Hello | Ask | Stop | Remove | Upload | Forget


class Welcome(TypedDict):
    """The kernel is here; ``is_subshell`` where it reads while a cell runs."""

    type: Literal["welcome"]
    is_subshell: bool


class Setup(TypedDict):
    """What there is to ask; the words are those of ``aqueduct/status``."""

    type: Literal["setup"]
    setup: dict[str, Any]


class Attached(TypedDict):
    """What is offered to go along with the next question: names, and how they begin."""

    type: Literal["attached"]
    contexts: list[dict[str, str]]


class Turns(TypedDict):
    """The ids of all turns in their order, those that are new or changed, and what runs."""

    type: Literal["turns"]
    ids: list[str]
    turns: list[dict[str, Any]]
    running: str | None


class Begun(TypedDict):
    """A question is in the conversation; the turns from ``before`` on are gone."""

    type: Literal["begun"]
    request: str
    turn: dict[str, Any]
    before: str | None


class Delta(TypedDict):
    """More of an answer: only what is new."""

    type: Literal["delta"]
    request: str
    text: str
    reasoning: str


class Ended(TypedDict):
    """An answer is over; ``turn`` is all of it but what was said."""

    type: Literal["ended"]
    request: str
    turn: dict[str, Any]


class Trouble(TypedDict):
    """Something went wrong; a sentence to read."""

    type: Literal["trouble"]
    message: str


class Received(TypedDict):
    """So many bytes of a file are here; with the last comes the part that names it."""

    type: Literal["received"]
    upload: str
    bytes: int
    part: NotRequired[dict[str, Any] | None]


FromKernel = Welcome | Setup | Attached | Turns | Begun | Delta | Ended | Trouble | Received
