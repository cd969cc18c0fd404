"""The messages between a notebook's chat panel and its kernel, in both directions.

They travel as anywidget's custom messages. The kernel's panel and
``labextension/src/carriers/kernel.ts`` decide when to send them; ``tests/samples/panel.json`` holds
both to the same messages. No message has a field ``id``, because ipykernel uses that name itself.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from .variables import Variable

__all__ = [
    "Ask",
    "Attach",
    "Attached",
    "Begun",
    "Choose",
    "Delta",
    "Ended",
    "FromKernel",
    "FromPanel",
    "Hello",
    "Kept",
    "List",
    "Parameters",
    "Received",
    "Restore",
    "SetParameters",
    "Stop",
    "Trouble",
    "Turns",
    "Upload",
    "Variables",
    "Welcome",
]


class Hello(TypedDict):
    """The panel is ready; it repeats this until a welcome comes from a subshell.

    ``page`` is different each time that a page shows the panel anew.
    """

    type: Literal["hello"]
    page: str


class Ask(TypedDict):
    """A question; ``contexts`` names the objects to attach that the kernel has offered."""

    type: Literal["ask"]
    request: str
    prompt: str
    contexts: list[str]
    files: list[dict[str, Any]]
    model: str | None
    before: str | None
    continues: bool


class Stop(TypedDict):
    """Stop an answer."""

    type: Literal["stop"]
    request: str


class Remove(TypedDict):
    """Remove a turn."""

    type: Literal["remove"]
    turn: str


class Restore(TypedDict):
    """Put back a turn that was removed."""

    type: Literal["restore"]
    turn: str


class Choose(TypedDict):
    """Show another version of a turn, with what followed it; versions count from 0."""

    type: Literal["choose"]
    turn: str
    version: int


class Upload(TypedDict):
    """The next piece of a file, in the message's buffer; ``bytes`` is the size of the file."""

    type: Literal["upload"]
    upload: str
    name: str
    bytes: int


class Forget(TypedDict):
    """Discard a file."""

    type: Literal["forget"]
    upload: str


class List(TypedDict):
    """List the notebook's variables."""

    type: Literal["list"]


class Attach(TypedDict):
    """Attach an object to the next question; ``reference`` is as after ``--with``."""

    type: Literal["attach"]
    reference: str


class SetParameters(TypedDict):
    """Ask the conversation's questions otherwise from now on: only the parameters that change."""

    type: Literal["set_parameters"]
    parameters: dict[str, Any]


FromPanel = (
    Hello | Ask | Stop | Remove | Restore | Choose | Upload | Forget | List | Attach | SetParameters
)


class Welcome(TypedDict):
    """The kernel is ready; ``is_subshell`` if it reads messages while a cell runs."""

    type: Literal["welcome"]
    is_subshell: bool


class Setup(TypedDict):
    """The models and limits; the fields are those of ``aqueduct/status``."""

    type: Literal["setup"]
    setup: dict[str, Any]


class Attached(TypedDict):
    """The objects offered for the next question: their names and the start of their text."""

    type: Literal["attached"]
    contexts: list[dict[str, str]]


class Turns(TypedDict):
    """The ids of all turns in order, and the new or changed turns, with counts of their versions.

    ``running`` is the panel's running request, and ``answering`` the turn that it answers: another
    panel of the conversation may have asked since.
    """

    type: Literal["turns"]
    ids: list[str]
    turns: list[dict[str, Any]]
    running: str | None
    answering: NotRequired[str | None]


class Begun(TypedDict):
    """A question has joined the conversation; the turns from ``before`` on are gone."""

    type: Literal["begun"]
    request: str
    turn: dict[str, Any]
    before: str | None


class Delta(TypedDict):
    """The new part of an answer."""

    type: Literal["delta"]
    request: str
    text: str
    reasoning: str


class Ended(TypedDict):
    """An answer has ended; ``turn`` is the turn without its text."""

    type: Literal["ended"]
    request: str
    turn: dict[str, Any]


class Trouble(TypedDict):
    """Something went wrong; ``message`` is for the user."""

    type: Literal["trouble"]
    message: str


class Received(TypedDict):
    """The bytes of a file received so far; the last message has the part that refers to it."""

    type: Literal["received"]
    upload: str
    bytes: int
    part: NotRequired[dict[str, Any] | None]


class Variables(TypedDict):
    """The notebook's variables."""

    type: Literal["variables"]
    variables: list[Variable]


class Parameters(TypedDict):
    """How the panels of the conversation ask.

    The fields are those of ``QuestionParameters``; ``system`` is the system message that is sent
    if there is none among them.
    """

    type: Literal["parameters"]
    parameters: dict[str, Any]
    system: str | None


class Kept(TypedDict):
    """The transcript for the notebook to keep, by MIME type; not for the page that ran the cell."""

    type: Literal["kept"]
    data: dict[str, str]


FromKernel = (
    Welcome
    | Setup
    | Attached
    | Turns
    | Begun
    | Delta
    | Ended
    | Trouble
    | Received
    | Variables
    | Parameters
    | Kept
)
