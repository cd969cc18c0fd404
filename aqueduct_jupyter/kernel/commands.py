"""This file is ``%chat COMMAND``: what looks after chats, and asks only to mend and to go on.

Questions are left to the cell magic in :mod:`.magics`.
"""

from __future__ import annotations

import difflib
import inspect
import json
import linecache
import os
import shlex
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..protocol.errors import CellError
from ..protocol.plain_text import plain_lines, plain_text
from .code_answer import code_of
from .context import Context, Piece
from .describers import describe
from .exports import load, save
from .notebook import running_cell
from .notebook_chat import NotebookChat
from .references import last_error
from .session import Request

__all__ = ["Commands"]

CONTINUE = "Continue exactly where you stopped. Repeat nothing."
FIX = (
    "The cell below raised the exception below. Answer with the corrected cell only: one Python "
    "code block, the whole cell, and no other words."
)
DOCTOR_SECONDS = 120


class Commands:
    """The commands, each under its name.

    Args:
        chats: the notebook's.
    """

    def __init__(self, chats: NotebookChat) -> None:
        self._chats = chats
        self._commands: dict[str, Callable[..., Any]] = {
            "models": self._models,
            "use": self._use,
            "history": self._history,
            "reset": self._reset,
            "save": self._save,
            "load": self._load,
            "usage": self._usage,
            "last": self._last,
            "fix": self._fix,
            "continue": self._continue,
            "record": self._record,
            "replay": self._replay,
            "strict": self._strict,
            "doctor": self._doctor,
            "help": self._help,
        }

    @property
    def names(self) -> list[str]:
        """The commands' names."""
        return list(self._commands)

    def run(self, line: str) -> Any:
        """Run a command.

        Raises:
            CellError: there is none of that name, or it takes other words.
            AqueductError: the server refuses.
        """
        try:
            name, *words = shlex.split(line) or ["help"]
        except ValueError as error:
            raise CellError(f"%chat {line}: {error}.") from None
        command = self._commands.get(name)
        if command is None:
            raise CellError(
                f"There is no '%chat {name}'. There are {', '.join(self._commands)}. A question "
                "stands in a cell below %%chat."
            )
        try:
            inspect.signature(command).bind(*words)
        except TypeError:
            raise CellError(f"Write it as %chat {_help_of(command)}") from None
        return command(*words)

    def _models(self) -> None:
        """``models``: list the models of the server."""
        print("\n".join(self._chats.connected().models()))

    def _use(self, model: str) -> None:
        """``use MODEL``: ask this model from now on; '-' is the server's default."""
        self._chats.settings.model = "" if model == "-" else model

    def _history(self, conversation: str | None = None) -> None:
        """``history [CONVERSATION]``: show what was said."""
        for turn in self._conversation(conversation).turns:
            state = "" if turn.state == "whole" else f" ({turn.state})"
            who = plain_text(turn.model) or "Model"
            print(plain_lines(f"You: {turn.prompt}\n{who}{state}: {turn.answer}\n"))

    def _reset(self, conversation: str | None = None) -> None:
        """``reset [CONVERSATION]``: forget what was said."""
        self._conversation(conversation).reset()

    def _save(self, path: str, conversation: str | None = None) -> None:
        """``save FILE [CONVERSATION]``: write it to a .json, .md or .ipynb file."""
        save(self._conversation(conversation), Path(path).expanduser())

    def _load(self, path: str, conversation: str | None = None) -> None:
        """``load FILE [CONVERSATION]``: read what was saved and go on from there."""
        loaded = load(Path(path).expanduser())
        kept = self._conversation(conversation)
        kept.turns[:] = loaded.turns
        kept.changed()

    def _usage(self) -> None:
        """``usage``: show the requests and tokens of the last 30 days."""
        total = self._chats.connected().get("aqueduct/usage")["total"]
        print(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in total.items()))

    def _last(self, what: str = "") -> None:
        """``last [--request]``: show the last answer's facts, or exactly what was sent for it."""
        session = self._chats.session
        question, answer = session.last_question, session.last_answer
        if question is None or answer is None:
            raise CellError("Nothing has been asked yet.")
        shown = session.asker.sent(question) if what == "--request" else answer.as_dict()
        print(json.dumps(shown, indent=2, ensure_ascii=False))

    def _continue(self) -> None:
        """``continue``: go on with an answer that was stopped or cut off."""
        turn = self._conversation(None).last
        if turn is None or not turn.answer:
            raise CellError("There is no answer to go on with.")
        self._ask(Request(CONTINUE, cell=running_cell(self._chats.shell)))

    def _fix(self) -> None:
        """``fix``: have the last exception's cell corrected, and offer the new one."""
        error = last_error()
        source = self._failed_cell(error)
        contexts = [Context("cell", [Piece(f"```python\n{source}\n```")]), describe("err", error)]
        contexts += self._named_in(source)
        text = self._ask(Request(FIX, contexts, conversation="fix", is_new=True))
        corrected = code_of(text).rstrip()
        difference = difflib.unified_diff(source.splitlines(), corrected.splitlines(), lineterm="")
        print("\n".join(list(difference)[2:]) or "The cell would stay as it is.")
        self._chats.offer_cell(corrected)

    def _record(self, *words: str) -> None:
        """``record [FILE|off]``: record every answer beside the notebook."""
        if words == ("off",):
            self._chats.record("off")
            return
        print(f"Answers are recorded in {self._chats.record('record', *words[:1])}.")

    def _replay(self, *words: str) -> None:
        """``replay [FILE]``: answer from the recording, and ask and record what is missing."""
        print(f"Answers come from {self._chats.record('replay', *words[:1])}.")

    def _strict(self, *words: str) -> None:
        """``strict [FILE]``: answer from the recording only; what is missing is an error."""
        print(f"Answers come from {self._chats.record('strict', *words[:1])} only.")

    def _doctor(self) -> None:
        """``doctor``: look at everything that can be wrong, each with its mend."""
        # The doctor looks at a machine and its server, which a kernel's code does not import.
        # It takes no module from the notebook's folder, which may come from anywhere.
        command = [sys.executable, "-P", "-m", "aqueduct_jupyter.command", "doctor"]
        path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        absolute = os.pathsep.join(filter(os.path.isabs, path))
        done = subprocess.run(  # noqa: S603  # nothing in it comes from outside
            command,
            capture_output=True,
            text=True,
            timeout=DOCTOR_SECONDS,
            env={**os.environ, "PYTHONPATH": absolute},
            check=False,
        )
        print(done.stdout + done.stderr)

    def _help(self) -> None:
        """``help``: this list; %%chat? shows the options of a question."""
        for command in self._commands.values():
            print(f"%chat {_help_of(command)}")

    def _conversation(self, name: str | None) -> Any:
        return self._chats.session.conversation(name or self._chats.current)

    def _ask(self, request: Request) -> str:
        request.parameters = self._chats.parameters()
        request.system = self._chats.settings.system or None
        return self._chats.ask(request).answer.text

    def _failed_cell(self, error: BaseException) -> str:
        shell = self._chats.shell
        sources = [source for source in shell.user_ns.get("In", [])[:-1] if source.strip()]
        ran = {
            "".join(linecache.getlines(frame.filename)).rstrip()
            for frame in traceback.extract_tb(error.__traceback__)
        }
        for source in reversed(sources):
            if shell.transform_cell(source).rstrip() in ran:
                return str(source.rstrip())
        # A cell that does not parse never ran: it is the one before this.
        if not sources:
            raise CellError("The cell that failed is not known here.")
        return str(sources[-1].rstrip())

    def _named_in(self, source: str) -> list[Context]:
        import ast

        try:
            tree = ast.parse(self._chats.shell.transform_cell(source))
        except SyntaxError:
            return []
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        known = self._chats.shell.user_ns
        values = {name: known[name] for name in sorted(names & known.keys())}
        return [
            describe(name, value) for name, value in values.items() if not inspect.ismodule(value)
        ]


def _help_of(command: Callable[..., Any]) -> str:
    return (inspect.getdoc(command) or "").replace("``", "")
