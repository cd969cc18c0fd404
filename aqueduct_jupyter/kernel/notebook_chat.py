"""A chat's connection to its notebook: settings, the place for answers, and recording.

Parsing is in :mod:`.magics` and :mod:`.commands`, asking in :mod:`.session`.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..protocol.errors import CellError
from ..protocol.plain_text import plain_text
from .asking import Asker
from .client import Client
from .code_answer import CodeAnswer, code_faults, code_of
from .display import Format, display_for
from .notebook import add_cells, can_add_cells, find_notebook, in_words, is_notebook
from .recording import Mode, Recording
from .reply import Reply
from .session import ChatSession
from .turn_request import TurnRequest

__all__ = ["RECORDING", "NotebookChat", "Settings"]

RECORDING = ".chat.jsonl"
"""The extension of the file beside a notebook that holds recorded answers."""

ASSIGNED, COPY = "_aqueduct_value", "_aqueduct_copy"


class Settings(Protocol):
    """The settings of ``%config ChatMagics``; "", 0 and None leave the choice to the server."""

    model: str
    system: str
    temperature: float | None
    max_tokens: int


class NotebookChat:
    """The chats of one notebook's shell.

    Args:
        shell: the IPython shell.
        settings: the defaults for questions.
        client: the client; by default one that finds its server.

    Attributes:
        session: the conversations.
        current: the name of the default conversation.
    """

    def __init__(self, shell: Any, settings: Settings, client: Client | None = None) -> None:
        self.shell = shell
        self.settings = settings
        self.session = ChatSession(Asker(self.connected))
        self.current = "main"
        self._client = client

    @property
    def names(self) -> dict[str, Any]:
        """The notebook's namespace."""
        names: dict[str, Any] = self.shell.user_ns
        return names

    @property
    def visible(self) -> dict[str, Any]:
        """The names that Python would find: those of a function with ``embed()``, then globals."""
        return {**getattr(self.shell, "user_global_ns", {}), **self.names}

    def connected(self) -> Client:
        """Return the client, which is created when first needed."""
        if self._client is None:
            self._client = Client()
        return self._client

    def parameters(
        self,
        *,
        model: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the API parameters: the given values, and the settings for those not given."""
        settings = self.settings
        given = {
            "model": model or settings.model or None,
            "temperature": settings.temperature if temperature is None else temperature,
            "max_tokens": max_tokens or settings.max_tokens or None,
            **(more or {}),
        }
        return {name: value for name, value in given.items() if value is not None}

    def ask(self, request: TurnRequest, kind: Format = "markdown") -> Reply:
        """Send a request, show its answer in this shell, and keep it as ``_chat``.

        Raises:
            AqueductError: as for :meth:`.session.ChatSession.ask`.
        """
        in_notebook = is_notebook(self.shell)
        try:
            reply = self.session.ask(request, lambda _: display_for(kind, is_notebook=in_notebook))
        except BaseException:
            # What came is not lost, also of an answer that was stopped.
            turn = self.session.conversation(request.conversation).last
            if turn is not None and turn.answer:
                self.names["_chat"] = turn.answer
            raise
        self.names["_chat"] = reply.value
        return reply

    def check_target(self, target: str, results: Sequence[Any]) -> None:
        """Check that results can be stored in a target, by storing such ones in a copy.

        Raises:
            CellError: it cannot.
        """
        try:
            tree = ast.parse(target, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise CellError(f"-o {target} is not a name, an attribute or an item.") from None
        if isinstance(tree, ast.Name):
            return
        if not isinstance(tree, ast.Attribute | ast.Subscript):
            raise CellError(f"-o {target} is not a name, an attribute or an item.")
        owner = ast.unparse(tree.value)
        on_copy = target.replace(ast.get_source_segment(target, tree.value) or owner, COPY, 1)
        try:
            # The user's own code, as if it were in the cell.
            copied = copy.copy(eval(owner, self.names))  # noqa: S307
            exec(f"{on_copy} = {ASSIGNED}", self.names, {ASSIGNED: results, COPY: copied})  # noqa: S102
        except Exception as error:
            what = plain_text(str(error))
            raise CellError(
                f"-o {target}: {len(results)} results cannot be stored there ({what}). Nothing was "
                "asked. Choose a name, such as -o results."
            ) from None

    def assign(self, target: str, value: Any) -> None:
        """Assign a value to a name, an attribute or an item such as ``df["label"]``.

        Raises:
            CellError: the assignment fails.
        """
        if target.isidentifier():
            self.names[target] = value
            return
        try:
            # The user's own code, as if it were in the cell.
            exec(f"{target} = {ASSIGNED}", self.names, {ASSIGNED: value})  # noqa: S102
        except Exception as error:
            raise CellError(f"-o {target}: the answer cannot be stored there ({error}).") from error

    def code_in(self, text: str) -> CodeAnswer:
        """Return the code in an answer, with the magics that this shell has."""
        return code_of(text, set(self.shell.magics_manager.magics["cell"]))

    def offer(self, found: CodeAnswer) -> None:
        """Put code into new cells below, or print it for copying."""
        if not found.cells:
            print("The answer contains no code.")
        else:
            known = {*self.names, *dir(builtins), "get_ipython"}
            for fault in code_faults(self.shell.transform_cell(found.python), known):
                print(f"Warning: {fault}")
            if can_add_cells(self.shell):
                add_cells(self.shell, found.cells)
            elif len(found.cells) == 1:
                print(found.python)
            else:
                print(in_words(found.cells))
        if found.left_out:
            languages = ", ".join(sorted({language or "text" for language in found.left_out}))
            print(f"Left out, because no cell can run it: {languages}.")

    def beside(self, ending: str) -> Path:
        """Return the path of a file beside the notebook, or in this folder if it is unknown."""
        notebook = find_notebook(self.names)
        return notebook.with_suffix(ending) if notebook else Path(f"notebook{ending}")

    def record(self, mode: Mode, path: str | None = None) -> Path:
        """Set the recording mode and return the recording's file."""
        file = Path(path).expanduser() if path else self.beside(RECORDING)
        is_known = path or find_notebook(self.names)
        # Whoever runs a notebook may not say its name; its recording is then one of this folder.
        others = [] if is_known else sorted(Path().glob(f"*{RECORDING}"))
        self.session.asker.recording = Recording(file, mode, others) if mode != "off" else None
        return file
