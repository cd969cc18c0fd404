"""``%chat COMMAND``: commands that manage chats; only ``fix`` and ``continue`` ask a model.

Questions belong to the cell magic in :mod:`.magics`.
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
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..protocol.conversation import Turn
from ..protocol.errors import AqueductError, CellError
from ..protocol.own_upstreams import LABELS
from .code_answer import CodeAnswer
from .context import Context, Piece
from .describers import describe
from .exports import load, save
from .notebook import running_cell
from .notebook_chat import NotebookChat
from .references import last_error, look_up, split_references
from .reports import show_history, show_usage
from .turn_request import TurnRequest

__all__ = ["Commands"]

CONTINUE = "Continue exactly where you stopped. Repeat nothing."
FIX = (
    "The cell below raised the exception below. Answer with the corrected cell only: one Python "
    "code block, the whole cell, and no other words."
)
DOCTOR_SECONDS = 120


class Commands:
    """The commands by name.

    Args:
        chats: the notebook's chats.
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
            CellError: the command is unknown, or its arguments are wrong.
            AqueductError: the server refuses.
        """
        try:
            name, *arguments = _words(line) or ["help"]
        except ValueError as error:
            raise CellError(f"%chat {line}: {error}.") from None
        command = self._commands.get(name)
        if command is None:
            raise CellError(
                f"Unknown command '%chat {name}'. The commands are {', '.join(self._commands)}. To "
                "ask a question, write it in a cell below %%chat."
            )
        try:
            inspect.signature(command).bind(*arguments)
        except TypeError:
            raise CellError(f"Usage: %chat {_help_of(command)}") from None
        try:
            return command(*arguments)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise CellError(f"%chat {name}: {where}{error.strerror or error}.") from None

    def _models(self) -> None:
        """``models``: list the server's models."""
        client = self._chats.connected()
        names, owners = client.models(), dict[str, str]()
        with suppress(AqueductError):  # another OpenAI-compatible service tells no more
            owners = client.get("aqueduct/status")["owners"]
        for name in names:
            label = LABELS.get(owners.get(name, ""))
            print(f"{name} ({label[0].lower()}{label[1:]})" if label else name)

    def _use(self, model: str) -> None:
        """``use MODEL``: use this model from now on; '-' is the server's default."""
        self._chats.settings.model = "" if model == "-" else model

    def _history(self, conversation: str | None = None) -> None:
        """``history [CONVERSATION]``: show a conversation."""
        show_history(self._conversation(conversation).turns, self._chats.shell)

    def _reset(self, conversation: str | None = None) -> None:
        """``reset [CONVERSATION]``: clear a conversation."""
        self._conversation(conversation).reset()

    def _save(self, path: str, conversation: str | None = None) -> None:
        """``save FILE [CONVERSATION]``: save it to a .json, .md or .ipynb file."""
        save(self._conversation(conversation), Path(path).expanduser())

    def _load(self, path: str, conversation: str | None = None) -> None:
        """``load FILE [CONVERSATION]``: load a saved conversation and continue it."""
        loaded = load(Path(path).expanduser())
        kept = self._conversation(conversation)
        kept.turns[:] = loaded.turns
        kept.changed()

    def _usage(self) -> None:
        """``usage``: show your requests, tokens and known costs in the last 30 days."""
        show_usage(self._chats.connected().get("aqueduct/usage"), self._chats.shell)

    def _last(self, *arguments: str) -> None:
        """``last [--request] [-c NAME]``: show details of the last answer, or what was sent."""
        words = [word for word in arguments if word != "--request"]
        name = _options(words, "last").get("-c")
        question, answer = self._chats.session.last_asked(name)
        if question is None or answer is None:
            raise CellError("Nothing has been asked yet.")
        asker = self._chats.session.asker
        shown = asker.sent(question) if "--request" in arguments else answer.as_dict()
        print(json.dumps(shown, indent=2, ensure_ascii=False))

    def _continue(self, *arguments: str) -> None:
        """``continue [-c NAME]``: continue an answer that was stopped or cut off."""
        options = _options(arguments, "continue")
        name = options.get("-c") or self._chats.current
        turn = self._chats.session.conversation(name).last
        if turn is None or not turn.answer:
            raise CellError(f"There is no answer to continue in the conversation '{name}'.")
        turn.keep_part()  # of what failed, too, or the model would not know what to continue
        shell = self._chats.shell
        self._ask(
            TurnRequest(
                CONTINUE,
                conversation=name,
                cell=running_cell(shell),
                execution=shell.execution_count,
            ),
            turn,
        )

    def _fix(self, *arguments: str) -> None:
        """``fix [--with NAMES] [-c NAME]``: correct the cell that raised the last exception."""
        options = _options(arguments, "fix")
        error = last_error()
        source = self._failed_cell(error)
        contexts = [Context("cell", [Piece(f"```python\n{source}\n```")]), describe("err", error)]
        words = split_references(options.get("--with", ""))
        contexts += [look_up(word, self._chats.visible) for word in words]
        print(f"Sent: {', '.join(['the cell', 'its exception', *words])}.")
        asked = self._chats.session.conversation(options.get("-c") or self._chats.current).last
        request = TurnRequest(FIX, contexts, conversation="fix", is_new=True)
        text = self._ask(request, asked)
        found = self._chats.code_in(text)
        corrected = found.python.rstrip()
        difference = difflib.unified_diff(source.splitlines(), corrected.splitlines(), lineterm="")
        if corrected:
            print("\n".join(list(difference)[2:]) or "The model suggests no change to the cell.")
        cells = [corrected] if corrected else []
        self._chats.offer(CodeAnswer(corrected, cells, found.left_out))

    def _record(self, *arguments: str) -> None:
        """``record [FILE|off]``: record every answer beside the notebook."""
        if arguments == ("off",):
            self._chats.record("off")
            return
        file = self._chats.record("record", *arguments[:1])
        if recording := self._chats.session.asker.recording:
            recording.check()
        print(f"Answers are recorded in {file}.")

    def _replay(self, *arguments: str) -> None:
        """``replay [FILE]``: answer from the recording; ask and record what is missing."""
        print(f"Answers come from {self._chats.record('replay', *arguments[:1])}.")

    def _strict(self, *arguments: str) -> None:
        """``strict [FILE]``: answer from the recording only; a missing answer is an error."""
        print(f"Answers come from {self._chats.record('strict', *arguments[:1])} only.")

    def _doctor(self) -> None:
        """``doctor``: check everything that can go wrong, and say how to fix it."""
        # The doctor examines the machine and the server, so it runs in a process of its own: the
        # kernel's code must not import the gateway's. With -P it imports nothing from the
        # notebook's folder, which may come from anywhere.
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
        """``help``: show this list; %%chat? shows the options of a question."""
        for command in self._commands.values():
            print(f"%chat {_help_of(command)}")

    def _conversation(self, name: str | None) -> Any:
        return self._chats.session.conversation(name or self._chats.current)

    def _ask(self, request: TurnRequest, turn: Turn | None) -> str:
        """Ask with the model, the system message and the parameters of another turn."""
        session = self._chats.session
        asked = session.request_of(turn) if turn is not None else None
        given = {} if asked is None else asked.parameters
        request.parameters = {**self._chats.parameters(), **given}
        system = session.system(request.conversation) if asked is None else asked.system
        request.system = system or self._chats.settings.system or None
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
        # A cell that does not parse never ran, so it is the one before this.
        if not sources:
            raise CellError("The cell that failed is not in this session's history.")
        return str(sources[-1].rstrip())


def _words(line: str) -> list[str]:
    """Split a line at its blanks, except in quotes; a backslash is part of a Windows path."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    return list(lexer)


def _options(arguments: Sequence[str], command: str) -> dict[str, str]:
    """Read the options of a command, each with a value."""
    known = {"continue": ("-c",), "fix": ("-c", "--with"), "last": ("-c",)}[command]
    found = dict[str, str]()
    words = iter(arguments)
    for word in words:
        value = next(words, None)
        if word not in known or value is None:
            raise CellError(
                f"%chat {command}: the options are {', '.join(known)}, each with a value."
            )
        found[word] = value
    return found


def _help_of(command: Callable[..., Any]) -> str:
    return (inspect.getdoc(command) or "").replace("``", "")
