"""An upstream that puts a payload into every field: nothing of it is alive where it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from markdown_it import MarkdownIt
from nbconvert import HTMLExporter

from aqueduct_jupyter.kernel.asking import Asker
from aqueduct_jupyter.kernel.card import card_lines
from aqueduct_jupyter.kernel.client import Client
from aqueduct_jupyter.kernel.display import Format, NotebookDisplay
from aqueduct_jupyter.kernel.magics import ChatMagics
from aqueduct_jupyter.kernel.recording import Recording
from aqueduct_jupyter.kernel.session import ChatSession
from aqueduct_jupyter.kernel.transcript import transcript
from aqueduct_jupyter.kernel.turn_request import TurnRequest
from aqueduct_jupyter.protocol.errors import AqueductError
from aqueduct_jupyter.protocol.exports import read_conversation, write_conversation

from ..poison import MARK, OBJECTS, Page, all_fields, each_field, payload
from ..real_server import RealServer
from ..standin import DONE, StandIn, event

BEACON = "http://127.0.0.1:9"
POISON = payload(BEACON)
FIELDS = [
    pytest.param(kind, words, id=f"{kind} {where}")
    for kind in ("completion", "chunk", "error")
    for where, words in each_field(OBJECTS[kind], POISON)
] + [pytest.param(kind, all_fields(OBJECTS[kind], POISON), id=f"{kind} all") for kind in OBJECTS]
HTML = MarkdownIt("commonmark", {"html": True})
# As a reader that lets every link and every image pass.
HTML.validateLink = lambda url: True  # type: ignore[method-assign]


class Shown:
    """All that a notebook is given to show."""

    def __init__(self) -> None:
        self.outputs: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def publish(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        self.outputs.append((data, metadata))


@pytest.fixture
def client(server: RealServer) -> Iterator[Client]:
    with Client(str(server.http.base_url), server.process.token) as client:
        yield client


def play(upstream: StandIn, kind: str, words: Any) -> bool:
    """Have the upstream say it; tell whether it is asked for a stream."""
    if kind == "error":
        upstream.reply(words, status=400)
    elif kind == "chunk":
        upstream.stream(event(words), DONE)
    else:
        upstream.reply(words)
    return kind == "chunk"


def ask(
    session: ChatSession, kind: Format, is_streamed: bool, shown: Shown
) -> AqueductError | None:
    request = TurnRequest("Hi", parameters={"model": "campus/x"}, is_streamed=is_streamed)
    try:
        session.ask(request, lambda _: NotebookDisplay(kind, shown.publish))
    except AqueductError as error:
        return error
    return None


def is_line(text: str) -> bool:
    return all(letter.isprintable() for letter in text)


def check_forms(data: dict[str, Any]) -> None:
    """Check each form in which an output may be shown."""
    assert Page(data.get("text/html", "")).harm == []
    assert Page(HTML.render(data.get("text/markdown", ""))).harm == []
    for text in data.values():
        assert not any(odd in text for odd in ("\x1b", "\x07", "\u202e", "\ud800"))


def check_notebook(outputs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Check what ``nbconvert --to html`` makes of a notebook with these outputs."""
    shown = [
        nbformat.v4.new_output("display_data", data, metadata=metadata)
        for data, metadata in outputs
    ]
    cell = nbformat.v4.new_code_cell("%%chat\nHi", outputs=shown)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.validate(notebook)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert Page(page).harm == []


@pytest.mark.parametrize(("kind", "words"), FIELDS)
def test_no_field_of_an_upstream_comes_to_life(
    server: RealServer, upstream: StandIn, client: Client, kind: str, words: Any
) -> None:
    log = len(server.log)
    session = ChatSession(Asker(lambda: client))
    shown = Shown()
    for form in ("markdown", "html", "json", "text"):
        is_streamed = play(upstream, kind, words)
        if error := ask(session, form, is_streamed, shown):
            assert all(is_line(line) for line in card_lines(error))
            assert max(map(len, card_lines(error))) < 2_100
    for data, metadata in shown.outputs:
        check_forms(data)
        assert all(is_line(word) for word in _texts(metadata))
        assert len(data.get("text/markdown", "")) < 10_000
    check_notebook(shown.outputs)
    conversation = session.conversation("main")
    check_forms(transcript(conversation.turns, "mark"))
    for ending in (".md", ".json", ".ipynb"):
        written = write_conversation(conversation, ending)
        if ending == ".md":
            assert Page(HTML.render(written)).harm == []
        read_conversation(written, ending, "talk").turns[0].messages()
    new = server.log[log:]
    assert f"\nX-{MARK}" not in new
    assert not any(odd in new for odd in ("\x1b", "\x07", "\u202e", "\u2028"))


def test_a_list_of_models_is_as_harmless_as_it_is_shown(tmp_path: Path) -> None:
    # A name that can be printed is a name: whoever shows it escapes it.
    name = payload(BEACON).partition("<!--")[0].strip()
    with StandIn(models=[name, POISON, "m" * 513]) as standin:
        shell = InteractiveShell()
        client = Client(standin.url, "key")
        ChatMagics(shell, client)
        assert client.models() == [name]
        client.close()
        shell.history_manager.end_session()


def test_a_recording_of_somebody_else_is_shown_as_an_upstream_is(
    tmp_path: Path, client: Client
) -> None:
    def no_client() -> Client:
        raise AssertionError("nothing is asked")

    path = tmp_path / "work.chat.jsonl"
    session = ChatSession(Asker(no_client))
    _, question, _ = session.prepare(TurnRequest("Hi", parameters={"model": "campus/x"}))
    session.conversation("main").reset()
    answer = {"text": "Hi", "model": "m", "finish_reason": "stop", "request_id": "r", "new": "x"}
    for _, poisoned in each_field(answer, POISON):
        path.write_text(json.dumps({"key": question.key, "answer": poisoned}) + "\n")
        replayed = ChatSession(Asker(no_client, Recording(path, "strict")))
        shown = Shown()
        assert ask(replayed, "markdown", True, shown) is None
        for data, _ in shown.outputs:
            check_forms(data)
        check_notebook(shown.outputs)


def test_a_page_would_be_harmed_by_what_is_not_escaped() -> None:
    assert Page(POISON).harm
    assert Page(HTML.render(POISON)).harm


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
