"""Export and import of conversations as JSON, Markdown and notebooks.

Conversations themselves are in :mod:`.conversation`; callers read and write the files. Every format
holds the whole conversation: fields that a reader does not need are in comments in Markdown, and in
the cells' metadata in a notebook. Exported Markdown runs nothing and loads nothing: an unsafe
answer is shown in a safe form, and a comment keeps the original.

A file may come from anybody, so every field is checked when it is read.
"""

from __future__ import annotations

import html
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from typing import Any, get_args

from .chunks import read_number, whole_text
from .conversation import Conversation, State, Turn
from .conversation_cells import METADATA, cells_of
from .plain_text import LONGEST_SENTENCE, as_markdown, plain_text
from .safe_markdown import safe_markdown

__all__ = ["ENDINGS", "read_conversation", "write_conversation"]

FORMAT = "aqueduct-conversation"
_FIELDS = set(Turn.__dataclass_fields__)
_COMMENT = re.compile(r"^<!-- aqueduct (turn|answer|end)(?: (.*?))? -->$", re.MULTILINE)


def write_conversation(conversation: Conversation, ending: str) -> str:
    """Write a conversation as the text of a file.

    Args:
        conversation: the conversation to write.
        ending: the file's extension, one of :data:`ENDINGS`.
    """
    write, _ = _FORMATS[ending]
    return write(conversation)


def read_conversation(text: str, ending: str, name: str) -> Conversation:
    """Read what :func:`write_conversation` wrote.

    Args:
        text: the file's text.
        ending: its extension, one of :data:`ENDINGS`.
        name: the conversation's name if the text does not contain it.

    Raises:
        ValueError: the text contains no conversation.
    """
    _, read = _FORMATS[ending]
    try:
        return read(text, name)
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError("no conversation") from error


def _turn(fields: dict[str, Any]) -> Turn:
    given = {name: value for name, value in fields.items() if name in _FIELDS}
    turn = Turn(**{name: _field(name, value) for name, value in given.items()})
    # Nobody waits any longer for an answer that was running when the file was written.
    turn.end("stopped")
    return turn


def _field(name: str, value: Any) -> Any:
    read: Callable[[Any], Any] = _CHECKS.get(name, _name)
    return read(value)


def _name(value: Any) -> str | None:
    return plain_text(value) if isinstance(value, str) else None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return whole_text(value)


def _content(value: Any) -> str | list[dict[str, Any]]:
    if not isinstance(value, list):
        return _text(value)
    # Parts other than text are checked when they are sent.
    return [
        {**part, "text": _text(part["text"])} if _text(part["type"]) == "text" else dict(part)
        for part in value
    ]


_CHECKS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("prompt", "answer", "reasoning"), _text),
    **dict.fromkeys(("tokens_in", "tokens_out"), read_number),
    "cell": lambda value: value if isinstance(value, str) else None,  # compared, never shown
    "content": _content,
    "time": lambda value: read_number(value) or 0.0,
    "dropped_turns": lambda value: read_number(value) or 0,
    "state": lambda value: value if value in get_args(State) else "running",
    "id": lambda value: _name(value) or secrets.token_hex(8),
    "error": lambda value: plain_text(value, LONGEST_SENTENCE) or None,
    "notes": lambda value: [plain_text(note, LONGEST_SENTENCE) for note in list(value)],
}
"""How each field of a turn is read; fields not listed here are names."""


def _to_json(conversation: Conversation) -> str:
    turns = [asdict(turn) for turn in conversation.turns]
    document = {"format": FORMAT, "version": 1, "name": conversation.name, "turns": turns}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _from_json(text: str, _name: str) -> Conversation:
    document = json.loads(text)
    if document["format"] != FORMAT:
        raise ValueError(document["format"])
    return Conversation(plain_text(document["name"]), [_turn(turn) for turn in document["turns"]])


def _to_markdown(conversation: Conversation) -> str:
    parts = [f"# {as_markdown(conversation.name)}\n"]
    for turn in conversation.turns:
        shown = {"prompt": safe_markdown(turn.prompt), "answer": safe_markdown(turn.answer)}
        fields = asdict(turn)
        # Text that is shown unchanged need not be stored twice.
        originals = {name: None if shown[name] == fields[name] else fields[name] for name in shown}
        # Two hyphens would end the comment.
        hidden = json.dumps({**fields, **originals}).replace("--", "\\u002d\\u002d")
        who = as_markdown(turn.model) or "Model"
        prompt, answer = _guarded(shown["prompt"]), _guarded(shown["answer"])
        parts.append(f"<!-- aqueduct turn {hidden} -->\n**You**\n\n{prompt}\n")
        parts.append(f"<!-- aqueduct answer -->\n**{who}**\n\n{answer}\n")
    return "\n".join([*parts, "<!-- aqueduct end -->\n"])


def _from_markdown(text: str, name: str) -> Conversation:
    marks = list(_COMMENT.finditer(text))
    if not marks or marks[-1][1] != "end":
        raise ValueError("no end")
    bodies = [
        # A line with the speaker, an empty line, the text, and the end of the last line.
        _unguarded(text[mark.end() : after.start()].split("\n\n", 1)[1].removesuffix("\n\n"))
        for mark, after in pairwise(marks)
    ]
    title = re.match(r"# (.*)\n", text)
    conversation = Conversation(plain_text(html.unescape(title[1])) if title else name)
    for mark, prompt, answer in zip(marks[::2], bodies[::2], bodies[1::2], strict=False):
        fields = json.loads(mark[2])
        shown = {"prompt": prompt, "answer": answer}
        hidden = {key: value for key, value in fields.items() if value is not None}
        conversation.turns.append(_turn({**fields, **shown, **hidden}))
    return conversation


def _guarded(text: str) -> str:
    return re.sub(r"^(\\*<!-- aqueduct )", r"\\\1", text, flags=re.MULTILINE)


def _unguarded(text: str) -> str:
    return re.sub(r"^\\(\\*<!-- aqueduct )", r"\1", text, flags=re.MULTILINE)


def _to_notebook(conversation: Conversation) -> str:
    turns = enumerate(conversation.turns)
    cells = [cell for number, turn in turns for cell in cells_of(turn, number)]
    # Without a kernel's name, a front end would ask for one before it shows anything.
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {METADATA: {"name": conversation.name}, "kernelspec": kernel}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _from_notebook(text: str, name: str) -> Conversation:
    notebook = json.loads(text)
    found = [cell["metadata"].get(METADATA) for cell in notebook["cells"]]
    named = plain_text(notebook["metadata"].get(METADATA, {}).get("name")) or name
    turns = [_turn(turn) for turn in found if turn]
    if not turns and METADATA not in notebook["metadata"]:
        raise ValueError("no turn")
    return Conversation(named, turns)


_FORMATS: dict[str, tuple[Callable[[Conversation], str], Callable[[str, str], Conversation]]] = {
    ".json": (_to_json, _from_json),
    ".md": (_to_markdown, _from_markdown),
    ".ipynb": (_to_notebook, _from_notebook),
}

ENDINGS = tuple(_FORMATS)
"""The extensions of files that can hold a conversation."""
