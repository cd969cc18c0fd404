"""``ChatPanel()``: the chat as a widget, which shares the magics' conversation.

Its look is in ``labextension/src``, asking in :mod:`.panel_answers`, and what a saved notebook
shows in :mod:`.panel_transcript`.

* A kernel reads a widget's messages between two cells, unless they go to a subshell. JupyterLab
  sends them to one, but ipykernel routes the next message to the thread that last sent one, which
  is usually the main thread. So we make ipykernel forget that thread after each message. The panel
  repeats its hello until one reaches a subshell, because the first may be sent before one exists.
* Only changes are sent: pieces of a growing answer, whoever asked, and turns begun or ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..protocol.conversation import Conversation
from ..protocol.errors import AqueductError, CellError
from ..protocol.panel import FromKernel, Parameters
from ..protocol.stored_conversations import QuestionParameters
from .notebook_chat import NotebookChat
from .panel_answers import PanelAnswers
from .panel_attachments import PanelAttachments
from .panel_places import run_of
from .panel_setup import setup_for
from .panel_transcript import PanelTranscript
from .panel_uploads import PanelUploads
from .turn_request import TurnRequest

__all__ = ["ChatPanel"]

BUNDLE = Path(__file__).parents[1] / "widget"
"""Where the front-end build puts the widget's bundle."""


class ChatPanel(anywidget.AnyWidget):
    """A chat in a cell's output.

    It works while cells run, and shares its conversation with ``%%chat``.

    Args:
        model: the model selected at first; the server's default if None.
        system: the system message. This and the next three hold for the panels of the conversation
            until another panel or the panel's menu sets them; what is None stays as it is.
        temperature: the temperature, 0 to 2; 0 varies least.
        max_tokens: the most tokens in an answer.
        reasoning_effort: how long the model reasons, such as ``"low"``.
        height: the panel's height in pixels.
        attachments: attachments to offer for the first question: objects, or references as after
            ``--with``, such as ``"report.pdf"`` and ``"df"``.
        conversation: the conversation's name; by default the one that this cell's panel had before,
            or else that of ``%%chat``, or one of its own if a panel with another model or other
            parameters is in that one.
        chats: the notebook's chats; by default those of the magics, which are loaded if needed.

    Raises:
        CellError: this is not an IPython session, a parameter is not allowed, or an attachment does
            not exist.
    """

    _esm = BUNDLE / "panel.js"
    _css = BUNDLE / "panel.css"
    height = traitlets.Int(480).tag(sync=True)
    model = traitlets.Unicode("").tag(sync=True)
    transcript = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        *,
        model: str | None = None,
        system: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        reasoning_effort: str | None = None,
        height: int = 480,
        attachments: Sequence[Any] = (),
        conversation: str | None = None,
        chats: NotebookChat | None = None,
    ) -> None:
        self._chats = chats = chats or _magics_chats()
        super().__init__(height=height, model=model or "")
        self.transcript = f"aqueduct-transcript-{self.model_id}"
        session = chats.session
        given = {
            "model": model,
            "system": system,
            "temperature": temperature,
            "max_tokens": max_tokens,
            "reasoning_effort": reasoning_effort,
        }
        # What may fail comes before the panel has a place, which would stay.
        self._attachments = PanelAttachments(chats, attachments)
        self._place = session.panels.take(
            chats.current,
            conversation,
            {name: value for name, value in given.items() if value not in (None, "")},
            run_of(chats.shell),
        )
        self.conversation: Conversation = session.conversation(self._place.conversation)
        self._answers = PanelAnswers(chats, self.conversation, self._tell)
        self._uploads = PanelUploads(session)
        self._setup: dict[str, Any] | None = None
        self._is_asking_setup = False
        self._sending = threading.Lock()
        self._transcript = PanelTranscript(self.conversation, self.transcript, self._tell)
        self._told_parameters: Parameters | None = None
        versions = chats.session.versions(self.conversation.name)
        self._messages: Mapping[str, Callable[[dict[str, Any], list[Any]], None]] = {
            "hello": self._on_hello,
            "ask": self._on_ask,
            "stop": lambda message, _: self._answers.stop(message["request"]),
            "remove": lambda message, _: versions.remove(message["turn"]),
            "restore": lambda message, _: versions.restore(message["turn"]),
            "choose": lambda message, _: versions.choose(message["turn"], message["version"]),
            "upload": self._on_upload,
            "forget": lambda message, _: self._uploads.forget(message["upload"]),
            "list": self._on_list,
            "attach": self._on_attach,
            "set_parameters": self._on_set_parameters,
        }
        self.on_msg(self._on_message)
        # The panels of the conversation are told of the parameters that this one brings.
        self.conversation.changed()
        self.conversation.watchers.append(self._on_change)

    def __repr__(self) -> str:
        return f"ChatPanel(conversation={self.conversation.name!r})"

    def close(self) -> None:
        """Detach from the conversation, which continues without this panel."""
        with suppress(ValueError):
            self.conversation.watchers.remove(self._on_change)
        self._chats.session.panels.leave(self._place)
        self._answers.close()
        super().close()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        show: Any = display
        bundle = self._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        show(data, raw=True, metadata=metadata)
        self._transcript.show()

    def _on_message(self, _widget: Any, message: dict[str, Any], buffers: list[Any]) -> None:
        handle = self._messages.get(str(message.get("type")))
        if handle is None:
            return
        try:
            handle(message, buffers)
        except (AqueductError, KeyError, TypeError, ValueError) as error:
            text = error.message if isinstance(error, AqueductError) else f"{error!r}"
            self._tell({"type": "trouble", "message": text})

    def _on_hello(self, message: dict[str, Any], _buffers: list[Any]) -> None:
        self._tell({"type": "welcome", "is_subshell": _is_subshell()})
        self._tell_all()
        self._transcript.seen_by(str(message.get("page")))
        if self._setup is not None:  # a page that was loaded again
            self._tell({"type": "setup", "setup": self._setup})
        elif not self._is_asking_setup:
            self._is_asking_setup = True
            threading.Thread(target=self._tell_setup, daemon=True, name="aqueduct-setup").start()

    def _on_ask(self, message: dict[str, Any], _buffers: list[Any]) -> None:
        contexts = self._attachments.take(message["contexts"])
        asked = self._parameters
        request = TurnRequest(
            prompt=message["prompt"],
            contexts=contexts,
            parts=message["files"],
            parameters=self._chats.parameters(
                model=message["model"],
                temperature=asked.temperature,
                max_tokens=asked.max_tokens,
                more={"reasoning_effort": asked.reasoning_effort or None},
            ),
            system=asked.system or self._default_system,
            conversation=self.conversation.name,
            before=message["before"],
            continues=message["continues"],
            client_id=message["request"],
        )
        self._answers.ask(message["request"], request)

    def _on_upload(self, message: dict[str, Any], buffers: list[Any]) -> None:
        self._tell(self._uploads.receive(message, buffers[0]))

    def _on_list(self, _message: dict[str, Any], _buffers: list[Any]) -> None:
        self._tell({"type": "variables", "variables": self._attachments.variables()})

    def _on_attach(self, message: dict[str, Any], _buffers: list[Any]) -> None:
        context = self._attachments.attach(str(message["reference"]))
        self._tell({"type": "attached", "contexts": [context]})

    def _on_set_parameters(self, message: dict[str, Any], _buffers: list[Any]) -> None:
        # The page shows what it has asked for, so it is told what holds in any case.
        self._told_parameters = None
        try:
            panels = self._chats.session.panels
            panels.set_parameters(self.conversation.name, {**message["parameters"]})
        finally:
            self.conversation.changed()

    @property
    def _parameters(self) -> QuestionParameters:
        return self._chats.session.panels.parameters(self.conversation.name)

    @property
    def _default_system(self) -> str | None:
        """The system message where the panels of the conversation have none."""
        given = self._chats.session.system(self.conversation.name)
        return given or self._chats.settings.system or None

    def _tell_parameters(self) -> None:
        parameters = self._parameters.model_dump()
        told: Parameters = {
            "type": "parameters",
            "parameters": parameters,
            "system": self._default_system,
        }
        if told != self._told_parameters:
            self._told_parameters = told
            self._tell(told)

    def _on_change(self) -> None:
        """Send what was begun, ended, removed or set elsewhere; update the saved transcript."""
        self._answers.tell_changes()
        self._tell_parameters()
        self._transcript.update()

    def _tell_all(self) -> None:
        self._answers.tell_all()
        self._told_parameters = None
        self._tell_parameters()
        if contexts := self._attachments.offered():
            self._tell({"type": "attached", "contexts": contexts})

    def _tell_setup(self) -> None:
        try:
            self._setup = setup_for(self._chats)
            self._tell({"type": "setup", "setup": self._setup})
        except AqueductError as error:
            self._tell({"type": "trouble", "message": error.message})
        finally:
            self._is_asking_setup = False

    def _tell(self, message: FromKernel) -> None:
        with self._sending:
            self.send(message)

    def open(self) -> None:
        """Announce this widget to the front end."""
        super().open()
        self._forget_place()

    def _send(self, msg: Any, buffers: Any = None) -> None:
        super()._send(msg, buffers=buffers)
        self._forget_place()

    def _forget_place(self) -> None:
        # ipykernel has no public API for this; if the attribute is missing, nothing is lost.
        comm: Any = self.comm
        if comm is not None:
            vars(comm).pop("_reply_subshell_id", None)


def _magics_chats() -> NotebookChat:
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    if shell is None:
        raise CellError("ChatPanel() works only in notebooks; elsewhere, use Client().")
    if "ChatMagics" not in shell.magics_manager.registry:
        shell.run_line_magic("load_ext", "aqueduct_jupyter")
    chats: NotebookChat = shell.magics_manager.registry["ChatMagics"].chats
    return chats


def _is_subshell() -> bool:
    """Return whether this runs in a subshell, which reads messages while a cell runs."""
    from IPython.core.getipython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return False
    # ipykernel has no public API for this.
    header = kernel.get_parent("shell").get("header") or {}
    return header.get("subshell_id") is not None
