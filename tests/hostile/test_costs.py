"""Every reader of foreign bytes and texts takes time in proportion to them, in its worst form too.

Each is given an input and one twice as large, side by side; a reader that looks again at what it
has seen takes four times as long for the second. What a reader refuses, it may refuse at once.
"""

from __future__ import annotations

import gc
import io
import json
import re
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aqueduct_jupyter.gateway.documents.file_parts import read_head
from aqueduct_jupyter.gateway.documents.kinds import format_of
from aqueduct_jupyter.gateway.documents.reader import shown_name
from aqueduct_jupyter.gateway.documents.readers.web_pages import _without_head
from aqueduct_jupyter.gateway.documents.text import UnreadableError, read
from aqueduct_jupyter.gateway.encoding import decode_json
from aqueduct_jupyter.gateway.requests.agent_keys import read_key
from aqueduct_jupyter.gateway.requests.keys import KernelKeys
from aqueduct_jupyter.gateway.requests.stream import AnswerStream
from aqueduct_jupyter.gateway.upstreams.failures import failure_from_response
from aqueduct_jupyter.gateway.upstreams.model_lists import read_model_list
from aqueduct_jupyter.gateway.upstreams.secrets import Secrets
from aqueduct_jupyter.gateway.upstreams.suggestions import suggestion
from aqueduct_jupyter.kernel.answer import Answer
from aqueduct_jupyter.kernel.answer import AnswerStream as Growing
from aqueduct_jupyter.kernel.code_answer import code_of
from aqueduct_jupyter.kernel.json_in_text import read_json_values
from aqueduct_jupyter.kernel.prompt import evaluate, interpolate
from aqueduct_jupyter.kernel.recording import Recording
from aqueduct_jupyter.kernel.references import look_up, split_references
from aqueduct_jupyter.kernel.structured import answer_type
from aqueduct_jupyter.kernel.transcript import transcript
from aqueduct_jupyter.protocol.chat import read_chat_request
from aqueduct_jupyter.protocol.conversation import Conversation, Turn
from aqueduct_jupyter.protocol.errors import AqueductError, error_from_envelope
from aqueduct_jupyter.protocol.exports import read_conversation, write_conversation
from aqueduct_jupyter.protocol.files import clean_filename
from aqueduct_jupyter.protocol.formulas import with_dollar_signs
from aqueduct_jupyter.protocol.plain_text import as_filename, as_markdown, plain_lines
from aqueduct_jupyter.protocol.safe_markdown import close_fence, safe_markdown
from aqueduct_jupyter.protocol.schemas import schema_fault
from aqueduct_jupyter.protocol.sse import FrameBuffer, decode_frame, split_frames
from aqueduct_jupyter.server.http.files import FileContentHandler
from aqueduct_jupyter.server.http.multipart import FormReader

from ..standin import chunk

MOST = 3.0
"""How much longer an input may take that is twice as large."""

SHORTEST = 2e-3
"""Seconds that the smaller one must take to be compared; if both take less, all is well."""

PLAIN = 2.5
"""The same, where one round leaves no doubt."""

ROUNDS, TRIES = 3, 4
REFUSALS = (AqueductError, ValueError, UnreadableError)


def repeated(text: str, size: int) -> str:
    return (text * (size // len(text) + 1))[:size]


def growing_runs(size: int) -> str:
    """Runs of backticks, none as long as another."""
    length, runs = 1, []
    while size > 0:
        runs.append("`" * length + "a")
        size -= length + 1
        length += 1
    return "".join(runs)


def fed(feed: Callable[[bytes], Any], data: bytes, piece: int = 1024) -> None:
    for start in range(0, len(data), piece):
        feed(data[start : start + piece])


def chat(**words: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "x"}], **words}


def streamed(size: int) -> None:
    stream = AnswerStream("campus", wants_usage=False)
    wire = chunk("x" * 50, usage=None) * (size // 200)
    fed(stream.feed, wire + wire.replace(b"\n", b"\r\n"), 5000)


def one_event(end: bytes) -> Callable[[int], None]:
    return lambda size: fed(FrameBuffer().feed, b"data: " + b"x" * size + end + b"x" * size)


def said(size: int) -> None:
    words = [json.loads(chunk("\ud83d")[6:])] * (size // 100)
    list(Growing(words, Answer()))


def form(data: bytes) -> Callable[[int], None]:
    def feed(size: int) -> None:
        reader = FormReader("multipart/form-data; boundary=boundary")
        head = b'Content-Disposition: form-data; name="file"; filename="a"'
        reader.feed(b"--boundary\r\n" + head + b"\r\n\r\n")
        fed(reader.feed, data * (size // len(data)), 65536)

    return feed


@cache
def archive(size: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for number in range(size // 100):
            made.writestr(f"{number:06}", b"")
    return packed.getvalue()


def kind_of(data: bytes, name: str = "a", media_type: str = "") -> None:
    format_of(io.BytesIO(data), name, media_type)


def answered(size: int, words: Any, status: int = 400) -> None:
    body = words if isinstance(words, bytes) else json.dumps(words).encode()
    failure_from_response("campus", status, {}, body, Secrets("sk-secret-key", ("10.0.0.7",)))


def range_of(value: str) -> None:
    headers = {"Range": value}
    asked: Any = SimpleNamespace(request=SimpleNamespace(headers=headers))
    FileContentHandler._range(asked, 100)


def recorded(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.chat.jsonl")
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        Recording(path, "replay")


def notebook(size: int, text: str) -> None:
    output = {"output_type": "stream", "text": repeated(text, size)}
    cell = {"cell_type": "code", "source": repeated(text, size), "outputs": [output] * 3}
    read("notebook", json.dumps({"cells": [cell], "metadata": {}}).encode())


@cache
def conversation_of(turns: int) -> Conversation:
    said = [Turn(str(number), "x", answer="x", state="whole") for number in range(turns)]
    return Conversation("talk", said)


def long_history(size: int) -> None:
    conversation = conversation_of(size // 50)
    conversation.messages(conversation.turns[-1], most_tokens=20)


def exported(size: int, text: str, ending: str) -> None:
    turn = Turn(repeated(text, size), "x", answer=repeated(text, size), state="whole")
    written = write_conversation(Conversation("talk", [turn]), ending)
    read_conversation(written, ending, "talk")


def rendered(size: int, text: str) -> None:
    transcript([Turn("x", "x", answer=repeated(text, size), state="whole")], "mark")


MARKDOWN = [
    *(
        "[\n",
        "[",
        "](",
        "]( ",
        "![",
        "`a",
        "``` ",
        "```\n",
        "~~~\n",
        "\n",
        "> [",
        "- [",
        "\\[",
        "$a",
    ),
    *(
        "$",
        "<",
        "<a ",
        "\\href",
        "@@1@@",
        "[a]: x\n",
        "[a](b",
        "\r",
        "`a\n",
        "*a_",
        "| a",
        "```a\n",
    ),
]


# No input is so large that the system, and not the reader, would be measured as it finds room.
READERS: dict[str, tuple[int, Callable[[int], Any]]] = {
    **{
        f"Markdown {text!r}": (40_000, lambda size, text=text: safe_markdown(repeated(text, size)))
        for text in MARKDOWN
    },
    **{
        f"formulas {text!r}": (
            20_000,
            lambda size, text=text: with_dollar_signs(repeated(text, size)),
        )
        for text in ("$a", "$", "\\(", "\\[a", "\\", "`$", "```\n", "$$a", "$a\n", "\\)")
    },
    **{
        f"typed answer {text!r}": (
            20_000,
            lambda size, text=text: read_json_values(repeated(text, size)),
        )
        for text in ("{", "[", "```\n", "<think>", '{"a":', "</think>", '{"a":1} ')
    },
    "Markdown, runs": (40_000, lambda size: safe_markdown(growing_runs(size))),
    "open fence": (400_000, lambda size: close_fence("```\n" + repeated("a\n", size))),
    "code": (20_000, lambda size: code_of(repeated("[`a\n", size))),
    "transcript": (100_000, lambda size: rendered(size, "**a ")),
    "printable": (10**6, lambda size: plain_lines(repeated("\x1b\u202e", size))),
    "shown in Markdown": (10**6, lambda size: as_markdown(repeated("*", size))),
    # What clients send.
    "JSON": (400_000, lambda size: decode_json(b'{"a":[' + b'"",' * (size // 3) + b"1]}")),
    "JSON, one text": (
        4 * 10**6,
        lambda size: decode_json(b'{"a":"' + b"\\u00e9" * (size // 6) + b'"}'),
    ),
    "messages": (5_000, lambda size: read_chat_request(chat(messages=chat()["messages"] * size))),
    "bad messages": (
        100_000,
        lambda size: read_chat_request(chat(messages=[{"role": "x"}] * size)),
    ),
    "bad parts": (
        100_000,
        lambda size: read_chat_request(
            chat(messages=[{"role": "user", "content": [{"type": "text"}] * size}])
        ),
    ),
    "bad tools": (100_000, lambda size: read_chat_request(chat(tools=["x"] * size))),
    "stop": (100_000, lambda size: read_chat_request(chat(stop=["x"] * size))),
    "biases": (
        20_000,
        lambda size: read_chat_request(chat(logit_bias={str(n): "x" for n in range(size)})),
    ),
    "schema": (2_000, lambda size: schema_fault({"allOf": [{"type": "string"}] * (size // 2)})),
    "schema, large": (10**6, lambda size: schema_fault({"allOf": [{}] * size})),
    "schema, deep": (60, lambda size: schema_fault(nested(size))),
    "name of a file": (10**6, lambda size: shown_name(repeated("\x00", size))),
    "name of an upload": (10**6, lambda size: clean_filename(repeated("a/", size))),
    "name of an export": (10**6, lambda size: as_filename(repeated("/", size))),
    "data URI": (10**6, lambda size: read_head("data:" + "a" * size, "x")),
    "form": (10**6, form(b"\r\n--boundar")),
    "form, returns": (10**6, form(b"\r")),
    "range": (10**6, lambda size: range_of("bytes=" + "1" * size)),
    "key": (10**6, lambda size: KernelKeys().kernel_of("aqk." + "." * size)),
    "agent's key": (10**6, lambda size: read_key("aqa." + "." * size)),
    # What upstreams send.
    "stream": (400_000, streamed),
    "large event": (4 * 10**6, one_event(b"")),
    "large event, returns": (4 * 10**6, one_event(b"\r")),
    "lines of an event": (200_000, lambda size: decode_frame(b"data: x\n" * (size // 8))),
    "frames": (200_000, lambda size: list(split_frames(b"\n" * size))),
    "halves of characters": (200_000, said),
    "error": (
        400_000,
        lambda size: answered(size, {"detail": [{"msg": "x", "loc": ["x"]}] * (size // 30)}),
    ),
    "error, text": (400_000, lambda size: answered(size, b"sk-se" * (size // 5))),
    "error, nested": (10_000, lambda size: answered(size, b"[" * size)),
    "error, page": (400_000, lambda size: answered(size, b"< " * size, 502)),
    "error, key": (
        400_000,
        lambda size: answered(size, {"detail": "no token " * (size // 9)}, 403),
    ),
    "envelope": (
        10**6,
        lambda size: error_from_envelope(400, {"error": {"message": "\x00" * size}}),
    ),
    "models": (
        50_000,
        lambda size: read_model_list("c", json.dumps([{"id": "m"}] * (size // 12)).encode()),
    ),
    "close names": (1_000, lambda size: suggestion("ab" * size, ["ba" * size] * size)),
    # Documents.
    "archive": (400_000, lambda size: kind_of(archive(size))),
    "old document": (
        4 * 10**6,
        lambda size: kind_of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"E\0" * size),
    ),
    "media type": (10**6, lambda size: kind_of(b"x", "a." * size, "text/x;charset" + " " * size)),
    "notebook": (50_000, lambda size: notebook(size, "data:a/b;base64,")),
    "notebook, colours": (50_000, lambda size: notebook(size, "\x1b[1;")),
    "notebook, fences": (50_000, lambda size: notebook(size, "```\n")),
    "page, heads": (100_000, lambda size: _without_head("<head>" + repeated("</head ", size))),
    # What stands beside a notebook, and in a cell.
    "recording": (200_000, lambda size: recorded(repeated('{"key": 1\n', size))),
    "recording, one line": (200_000, lambda size: recorded("[" * size)),
    "conversation .md": (50_000, lambda size: exported(size, "<!-- aqueduct end -->\n", ".md")),
    "conversation .json": (200_000, lambda size: exported(size, "\\", ".json")),
    "conversation .ipynb": (200_000, lambda size: exported(size, "\n", ".ipynb")),
    "history": (200_000, long_history),
    "places": (100_000, lambda size: interpolate(repeated("@{ ", size), {})),
    "escaped places": (100_000, lambda size: interpolate(repeated("@@{", size), {})),
    "place, deep": (10**6, lambda size: evaluate("a" + ".a" * size, {})),
    "references": (100_000, lambda size: split_references("a," * size)),
    "references, brackets": (100_000, lambda size: split_references("[," * size)),
    "reference": (10**6, lambda size: look_up("cell:" + "1" * size, {})),
    "reference, file": (10**6, lambda size: look_up("a" + ".a" * size, {})),
    "type": (10**6, lambda size: answer_type("int" + "|int" * size, {})),
}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


def seconds(read: Callable[[int], Any], size: int) -> float:
    # The collector would look through all that other tests have left, once in a while.
    gc.disable()
    try:
        started = time.process_time()
        with suppress(*REFUSALS):
            read(size)
        return time.process_time() - started
    finally:
        gc.enable()


def ratio(read: Callable[[int], Any], size: int) -> float:
    """Compare the best of several rounds, in which both take turns; 0 where both take no time."""
    small, large = float("inf"), float("inf")
    for _ in range(ROUNDS):
        small = min(small, seconds(read, size))
        large = min(large, seconds(read, 2 * size))
        if large > 2.0 or large <= PLAIN * small:
            break  # it is no question of luck
    return large / max(small, SHORTEST) if large > 2 * SHORTEST else 0.0


@pytest.mark.parametrize("name", READERS)
def test_twice_as_much_takes_at_most_three_times_as_long(name: str) -> None:
    size, read = READERS[name]
    # Another process may have had its share of a round: one good try is enough.
    assert any(ratio(read, size) <= MOST for _ in range(TRIES))


def test_a_reader_that_looks_again_is_found() -> None:
    quadratic = re.compile(r"\[(?=[^\]]*\]:)")

    def look_again(size: int) -> None:
        quadratic.sub("", "[" * size)

    assert any(ratio(look_again, 4000) > MOST for _ in range(TRIES))
