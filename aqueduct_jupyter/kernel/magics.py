"""The ``%%chat`` magic: its options, and where the answer goes.

``%chat COMMAND`` is in :mod:`.commands`, asking in :mod:`.session`.
"""

from __future__ import annotations

import json
import os
from argparse import Namespace
from typing import Any, get_args

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from traitlets import Float, Integer, Unicode

from ..protocol.errors import AqueductError, CellError
from ..protocol.plain_text import in_quotes
from ..protocol.tokens import estimate_tokens
from .card import as_card, as_stopped
from .client import Client
from .commands import Commands
from .completion import install
from .display import Format
from .map_magic import run_map
from .notebook import running_cell
from .notebook_chat import NotebookChat
from .prompt import interpolate
from .recording import Mode
from .references import look_up, split_references
from .structured import answer_type, frame_of
from .turn_request import TurnRequest

__all__ = ["ChatMagics"]

CONTINUE = "%chat continue goes on."
RERUN = "Run the cell again to go on; what was answered is not asked again."
"""What is said when a cell was stopped."""

MODE = "AQUEDUCT_CHAT_RECORDING"
"""The environment variable that sets the recording mode from the start."""


@magics_class
class ChatMagics(Magics):
    """Chat with a model from notebook cells; configure with ``%config ChatMagics``."""

    shell: Any
    model = Unicode("", help="The model; empty means the server's default.").tag(config=True)
    system = Unicode("", help="The system message of every question.").tag(config=True)
    temperature = Float(
        None, allow_none=True, help="The temperature; None means the upstream's default."
    ).tag(config=True)
    max_tokens = Integer(0, help="The most tokens in an answer; 0 means the upstream's limit.").tag(
        config=True
    )
    context_tokens = Integer(8000, help="The most tokens of attached text.").tag(config=True)
    history_tokens = Integer(
        0, help="The most tokens of a question and its history; 0 means the model's limit."
    ).tag(config=True)

    def __init__(self, shell: Any, client: Client | None = None) -> None:
        super().__init__(shell)
        # traitlets types a Float that may be None as an int.
        self.chats = NotebookChat(shell, self, client)  # type: ignore[arg-type]
        self.commands = Commands(self.chats)
        install(self.chats, self.commands.names)
        modes: dict[str, Mode] = {mode: mode for mode in get_args(Mode)}
        if given := os.environ.get(MODE, "").strip():
            if given not in modes:
                raise UsageError(
                    f"{MODE} is '{in_quotes(given)}'. It must be {', '.join(modes)}, or not set."
                )
            self.chats.record(modes[given])

    def take_over(self, before: ChatMagics) -> None:
        """Continue the chats of the magics before a reload, which may be of an older class."""
        self.chats.session = before.chats.session
        self.chats.session.asker.connect = self.chats.connected
        self.chats.current = before.chats.current
        for name in self.class_own_traits(config=True):
            setattr(self, name, getattr(before, name, getattr(self, name)))

    @cell_magic("chat")
    @magic_arguments()
    @argument("-m", "--model", help="the model")
    @argument("-s", "--system", help="the system message")
    @argument("-t", "--temperature", type=float, help="the temperature; 0 varies least")
    @argument("--max-tokens", type=int, help="the most tokens in the answer")
    @argument("-p", "--parameter", action="append", default=[], help="API parameter: key=json")
    @argument("--with", dest="references", default="", help="attach: df,fig,report.pdf,Out[3]")
    @argument("--as", dest="type", help="the answer's type: Invoice, 'list[Row]', int")
    @argument("-o", "--output", help="the variable for the answer; a name like df gets a table")
    @argument("-f", "--format", choices=get_args(Format), help="how the answer is shown")
    @argument("-c", "--conversation", help="the conversation's name")
    @argument("--new", action="store_true", help="clear the conversation first")
    @argument("--dry-run", action="store_true", help="show what would be sent, and send nothing")
    @argument("--no-stream", action="store_true", help="wait for the complete answer")
    @argument("-j", "--jobs", type=int, default=4, help="map: how many requests run in parallel")
    @argument("map", nargs="*", help="'map VALUES': ask about each value; -o keeps the results")
    def chat(self, line: str, cell: str) -> None:
        """Send the cell's text to a model, literally.

        @{name} inserts a variable, an attribute or an item; @@{ is a literal @{. The answer is also
        in _chat. Running the cell again goes back to before it.
        """
        options = _parsed(self.chat, line)
        try:
            if options.map:
                self._map(options, cell)
            elif options.dry_run:
                self._show_request(self._request(options, cell))
            else:
                self._ask(self._request(options, cell), options)
        except AqueductError as error:
            raise as_card(error) from None
        except KeyboardInterrupt as interrupt:
            way_on = RERUN if options.map else CONTINUE
            raise as_stopped(interrupt, way_on) from None

    @line_magic("chat")  # type: ignore[arg-type]  # IPython's annotation takes no method
    def command(self, line: str) -> Any:
        """Manage chats; ``%chat help`` lists the commands."""
        try:
            return self.commands.run(line)
        except AqueductError as error:
            raise as_card(error) from None
        except KeyboardInterrupt as interrupt:
            raise as_stopped(interrupt, CONTINUE) from None

    def _request(self, options: Namespace, cell: str) -> TurnRequest:
        names = self.chats.visible
        contexts = [look_up(word, names) for word in split_references(options.references)]
        return TurnRequest(
            prompt=interpolate(cell.removesuffix("\n"), names),
            contexts=contexts,
            parameters=_parameters(self.chats, options),
            system=self._system(options),
            conversation=self._conversation(options),
            is_new=options.new,
            cell=running_cell(self.shell),
            execution=self.shell.execution_count,
            answer_type=answer_type(options.type, names) if options.type else None,
            is_streamed=not options.no_stream,
            context_tokens=self.context_tokens,
            history_tokens=self.history_tokens or None,
        )

    def _conversation(self, options: Namespace) -> str:
        name: str = options.conversation or self.chats.current
        return name

    def _system(self, options: Namespace) -> str | None:
        # A system message stays with its conversation until another is given, or a new start.
        kept = None if options.new else self.chats.session.system(self._conversation(options))
        return options.system or kept or self.system or None

    def _ask(self, request: TurnRequest, options: Namespace) -> None:
        kind: Format = options.format or ("json" if request.answer_type else "markdown")
        if options.system:
            self.chats.session.give_system(request.conversation, options.system)
        reply = self.chats.ask(request, kind)
        value = reply.value
        if kind == "code":
            found = self.chats.code_in(reply.answer.text)
            value = found.python
            self.chats.offer(found)
        elif _wants_table(options) and isinstance(value, list):
            value = frame_of(value, request.answer_type.columns() if request.answer_type else ())
        self.chats.names["_chat"] = value
        if options.output:
            self.chats.assign(options.output, value)

    def _map(self, options: Namespace, cell: str) -> None:
        names = self.chats.visible
        run_map(
            self.chats,
            cell,
            values=options.map[1],
            target=options.output,
            jobs=options.jobs,
            wanted=answer_type(options.type, names) if options.type else None,
            parameters=_parameters(self.chats, options),
            system=options.system or self.system or None,
        )

    def _show_request(self, request: TurnRequest) -> None:
        session = self.chats.session
        turn, question, notes = session.prepare(request)
        session.conversation(request.conversation).remove(turn.id)
        print(json.dumps(session.asker.sent(question), indent=2, ensure_ascii=False))
        print(f"about {estimate_tokens(question.messages):,} tokens, by estimate; nothing was sent")
        for note in notes.lines:
            print(note)


def _parsed(magic: Any, line: str) -> Namespace:
    options: Namespace = parse_argstring(magic, line)
    for name, value in vars(options).items():
        # IPython leaves quotes around an argument to the magic.
        if isinstance(value, str):
            setattr(options, name, _unquoted(value))
    options.map = [_unquoted(word) for word in options.map]
    options.parameter = [_unquoted(word) for word in options.parameter]
    if options.map and (options.map[0] != "map" or len(options.map) != 2):
        raise UsageError(
            f"Unknown option '{' '.join(options.map)}'. Write the question below %%chat; "
            "'%%chat map VALUES' asks it about each value."
        )
    return options


def _unquoted(word: str) -> str:
    if len(word) >= 2 and word[0] == word[-1] and word[0] in "\"'":
        return word[1:-1]
    return word


def _parameters(chats: NotebookChat, options: Namespace) -> dict[str, Any]:
    return chats.parameters(
        model=options.model,
        temperature=options.temperature,
        max_tokens=options.max_tokens,
        more=dict(_parameter(text) for text in options.parameter),
    )


def _parameter(text: str) -> tuple[str, Any]:
    name, is_given, value = text.partition("=")
    if not is_given:
        raise CellError(f"-p {text}: write it as key=json, for example -p top_p=0.5.")
    value = _unquoted(value)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _wants_table(options: Namespace) -> bool:
    name = (options.output or "").lower()
    is_table = name in ("df", "frame", "table") or name.startswith("df_") or name.endswith("_df")
    return bool(options.type) and is_table
