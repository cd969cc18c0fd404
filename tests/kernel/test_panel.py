"""``ChatPanel()``: it shares the magics' conversation, answers beside cells, stops, and is kept."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from markdown_it import MarkdownIt

from aqueduct_jupyter.kernel.client import Client
from aqueduct_jupyter.kernel.magics import ChatMagics
from aqueduct_jupyter.kernel.panel import ChatPanel
from aqueduct_jupyter.kernel.transcript import transcript
from aqueduct_jupyter.protocol.conversation import Turn
from aqueduct_jupyter.protocol.errors import CellError

from ..forked_servers import throwaway_server
from ..shared_samples import sample
from ..standin import CUT, DONE, HANG, StandIn, chunk, usage_chunk
from .conftest import Shell
from .front import Front, until

WORDS = sample("panel.json")


def updates_of_outputs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Collect what outputs are updated with; this shell is not IPython's own, which has them."""
    updated: list[dict[str, str]] = []
    handle = SimpleNamespace(update=lambda data, **_: updated.append(data))
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: handle)
    return updated


@pytest.fixture
def front(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Front:
    return Front(ChatPanel(chats=shell.magics.chats), monkeypatch)


def test_an_answer_comes_in_pieces_and_is_the_magics_history(
    front: Front, shell: Shell, standin: StandIn
) -> None:
    standin.stream(
        chunk("Hel"), 0.1, chunk("lo"), 0.1, chunk(" you"), chunk("!"), usage_chunk(), DONE
    )
    front.ask("Hi")
    ended = front.wait("ended")
    pieces = [delta["text"] for delta in front.of("delta")]
    assert len(pieces) >= 2
    assert "".join(pieces) == "Hello you!"
    begun = front.of("begun")[0]
    assert (begun["request"], begun["turn"]["prompt"], begun["turn"]["state"]) == (
        "r1",
        "Hi",
        "running",
    )
    assert (ended["turn"]["state"], ended["turn"]["tokens_out"]) == ("whole", 2)
    assert "answer" not in ended["turn"], "what was said has been told"
    assert front.panel.conversation is shell.magics.chats.session.conversation("main")
    shell.ask("And now?")
    assert [message["content"] for message in shell.sent[1]["messages"]] == [
        "Hi",
        "Hello you!",
        "And now?",
    ]


def test_a_panel_that_comes_during_an_answer_gets_its_words_so_far(
    front: Front, standin: StandIn
) -> None:
    standin.stream(chunk("The first part. "), 0.3, chunk("And the rest."), usage_chunk(), DONE)
    front.ask("Hi")
    front.wait("delta")
    front.say(type="hello")
    listed = front.wait("turns")
    (turn,) = listed["turns"]
    assert (listed["running"], turn["state"]) == ("r1", "running")
    front.wait("ended")
    later = front.told[front.told.index(listed) :]
    rest = "".join(message["text"] for message in later if message["type"] == "delta")
    assert turn["answer"] + rest == "The first part. And the rest."
    assert rest == "And the rest."


def test_the_words_are_those_of_the_browser(
    shell: Shell, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.names["df"] = {"a": 1}
    panel = ChatPanel(chats=shell.magics.chats, attachments=["df"])
    front = Front(panel, monkeypatch)
    updates_of_outputs(monkeypatch)
    panel._ipython_display_()
    front.say(type="hello", page="p1")
    front.say(type="hello", page="p2")
    front.wait("setup")
    front.say(b"abc", type="upload", upload="u1", name="a.txt", bytes=3)
    front.say(type="list")
    front.ask("Hi")
    front.wait("ended")
    front.ask("Hi", contexts=["nobody"])
    known = {message["type"]: message for message in WORDS["from_kernel"]}
    told = {message["type"]: message for message in front.told}
    assert set(told) == set(known)
    for kind, message in told.items():
        assert set(message) == set(known[kind]), kind
    assert set(told["begun"]["turn"]) == set(known["begun"]["turn"])
    assert set(told["ended"]["turn"]) == set(known["ended"]["turn"])
    assert {message["type"] for message in WORDS["from_panel"]} == set(panel._messages)


def test_stopping_reaches_the_upstream_before_the_first_word(
    shell: Shell, standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.stream(HANG)
    upstreams = {"campus": {"base_url": standin.url}}
    with throwaway_server(tmp_path, [f"--AqueductApp.upstreams={upstreams}"]) as server:
        magics = ChatMagics(shell.shell, Client(server.url, server.token))
        front = Front(ChatPanel(chats=magics.chats), monkeypatch)
        front.ask("Hi", request="mine")
        assert standin.has_chat.wait(10)
        front.say(type="stop", request="mine")
        assert standin.chats[0].client_left.wait(2)
        (turn,) = front.wait("turns", 2)["turns"]
        assert (turn["state"], turn["error"]) == ("stopped", None)
        front.ask("Again")
        assert front.wait("ended")["turn"]["state"] == "whole"


def test_a_service_that_knows_no_stop_is_left_at_its_next_word(
    front: Front, standin: StandIn
) -> None:
    standin.stream(chunk("half"), 0.5, chunk("more"), HANG)
    front.ask("Hi")
    front.wait("delta")
    front.say(type="stop", request="r1")
    (turn,) = front.wait("turns", 2)["turns"]
    assert turn["state"] == "stopped"
    assert turn["answer"].startswith("half")
    assert standin.chats[0].client_left.wait(5)
    assert [delta["text"] for delta in front.of("delta")] == ["half"]


def test_a_turn_that_is_asked_anew_takes_the_place_of_all_after_it(
    front: Front, shell: Shell
) -> None:
    for number, prompt in enumerate(("one", "two", "three")):
        front.ask(prompt, request=f"r{number}")
        front.wait("ended", number + 1)
    second = front.panel.conversation.turns[1].id
    front.ask("two, better", request="r4", before=second)
    front.wait("ended", 4)
    assert front.of("begun")[-1]["before"] == second
    assert [turn.prompt for turn in front.panel.conversation.turns] == ["one", "two, better"]
    assert len(shell.sent[-1]["messages"]) == 3


def test_a_turn_can_be_forgotten(front: Front, shell: Shell) -> None:
    shell.ask("one")
    shell.ask("two")
    first = front.panel.conversation.turns[0].id
    front.say(type="remove", turn=first)
    assert front.of("turns")[-1]["ids"] == [front.panel.conversation.turns[0].id]
    assert front.of("turns")[-1]["turns"] == []


def test_a_failing_upstream_is_the_turns_own_error(front: Front, standin: StandIn) -> None:
    standin.stream(chunk("half"), CUT)
    front.ask("Hi")
    turn = front.wait("ended")["turn"]
    assert (turn["state"], turn["error_code"]) == ("failed", "upstream_disconnected")
    assert "ask again" in turn["error"] or "closed" in turn["error"]


def test_a_refusal_for_now_says_when_to_try_again(front: Front, standin: StandIn) -> None:
    limit = {"error": {"message": "Slow down.", "type": "rate_limit_error"}}
    standin.reply(limit, status=429, headers={"Retry-After": "60"})
    front.ask("Hi")
    assert front.wait("ended")["turn"]["error"].endswith("Slow down. Try again in 60 s.")


def test_a_file_comes_in_pieces_and_goes_upstream(
    front: Front, shell: Shell, standin: StandIn
) -> None:
    standin.reply({"error": {"message": "no files here"}}, status=404)
    front.say(b"a,b\n", type="upload", upload="u1", name="data.csv", bytes=8)
    front.say(b"1,2\n", type="upload", upload="u1", name="data.csv", bytes=8)
    first, last = front.of("received")
    assert (first["bytes"], first["part"], last["bytes"]) == (4, None, 8)
    front.ask("Read", files=[last["part"]])
    front.wait("ended")
    file, words = shell.sent[-1]["messages"][0]["content"]
    assert file["file"]["filename"] == "data.csv"
    assert file["file"]["file_data"].endswith("YSxiCjEsMgo=")
    assert words == {"type": "text", "text": "Read"}


def test_a_forgotten_upload_begins_anew(front: Front) -> None:
    front.say(b"abc", type="upload", upload="u1", name="a", bytes=4)
    front.say(type="forget", upload="u1")
    front.say(b"d", type="upload", upload="u1", name="a", bytes=4)
    assert front.wait("received")["bytes"] == 1


def test_what_is_attached_in_python_goes_with_the_first_question(
    shell: Shell, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.names["prices"] = [1, 2, 3]
    panel = ChatPanel(chats=shell.magics.chats, attachments=[shell.names["prices"]], system="Be!")
    front = Front(panel, monkeypatch)
    front.say(type="hello")
    (context,) = front.wait("attached")["contexts"]
    assert context["name"] == "prices"
    front.ask("Sum?", contexts=["prices"], model="other")
    front.wait("ended")
    system, question = shell.sent[0]["messages"]
    assert system == {"role": "system", "content": "Be!"}
    assert question["content"][0]["text"].startswith("<prices>")
    assert shell.sent[0]["model"] == "other"


def test_an_attachment_that_is_not_there_is_said(shell: Shell) -> None:
    with pytest.raises(CellError, match="nothing"):
        ChatPanel(chats=shell.magics.chats, attachments=["nothing"])


def test_a_message_that_makes_no_sense_breaks_nothing(front: Front) -> None:
    front.say(type="nonsense")
    front.say(type="ask")
    front.say(type="stop", request="nobody")
    assert [message["type"] for message in front.told] == ["trouble"]
    front.ask("Hi")
    assert front.wait("ended")["turn"]["state"] == "whole"


def test_a_service_that_is_not_ours_has_its_models_shown(front: Front) -> None:
    front.say(type="hello")
    setup = front.wait("setup")["setup"]
    assert (setup["models"], setup["default_model"]) == (["real-name"], None)


def test_our_server_says_which_models_are_its_own(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with throwaway_server(tmp_path) as server:
        magics = ChatMagics(shell.shell, Client(server.url, server.token))
        front = Front(ChatPanel(chats=magics.chats), monkeypatch)
        front.say(type="hello")
        assert front.wait("setup")["setup"]["owners"]["demo/echo"] == "demo"


def test_a_closed_panel_lets_go_of_the_conversation(front: Front, shell: Shell) -> None:
    front.panel.close()
    shell.ask("Hi")
    assert front.told == []


HOSTILE = (
    "<script>hit()</script> <img src=x onerror=hit()> [x](javascript:hit()) "
    "![x](https://x.invalid/p.png) $<img src=x onerror=hit()>$\n\n$$</div><script>$$\n"
)


@pytest.mark.parametrize("command", ["href", "class", "style", "cssId", "require", "unicode"])
@pytest.mark.parametrize("mark", ["$", "$$"])
def test_no_command_of_a_formula_makes_a_link_or_a_style(command: str, mark: str) -> None:
    answer = f"{mark}\\{command}{{javascript:alert(1)}}{{x}}{mark}"
    shown = transcript([Turn("x", "x", answer=answer, state="whole")], "mark")["text/html"]
    assert f"\\{command}" not in shown
    assert f"\\text{{{command}}}" in shown


def test_the_layout_of_an_answer_is_kept() -> None:
    answer = (
        "# Title\n\n1. *one* ~~two~~ **three** `four`\n\n> said\n\n---\n\n"
        "| left | right |\n| --- | ---: |\n| [a](https://a.invalid 'to a') | 2 |\n\n"
        "```python\nx = 1 < 2\n```\n\n$a < b$\n"
    )
    shown = transcript([Turn("x", "x", answer=answer, state="whole")], "mark")["text/html"]
    for kept in (
        "<h1>Title</h1>",
        "<em>one</em> <s>two</s> <strong>three</strong> <code>four</code>",
        "<blockquote>",
        "<hr>",
        '<th style="text-align:right">right</th>',
        '<a href="https://a.invalid" title="to a"',
        '<pre><code class="language-python">x = 1 &lt; 2\n</code></pre>',
        "$a &lt; b$",
    ):
        assert kept in shown, kept


def test_what_a_markdown_library_lets_through_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aqueduct_jupyter.kernel.transcript._reader", MarkdownIt)
    answer = (
        "<p onclick=hit() style='position:fixed'>a</p>\n\n<a href='javascript:hit()'>b</a> "
        "<img src=x onerror=hit()> <svg onload=hit()> <form action=//x.invalid><input></form>\n\n"
        "<iframe srcdoc=x></iframe><style>*{}</style><script>hit()</script>"
    )
    assert "<script" in MarkdownIt().render(answer), "the library lets nothing through"
    shown = transcript([Turn("x", "x", answer=answer, state="whole")], "mark")["text/html"]
    for word in ("hit()", "position", "<img", "<svg", "<form", "<input", "<iframe", "<style"):
        assert word not in shown, word


def test_an_answer_that_takes_long_to_read_stays_text() -> None:
    turn = Turn("x", "x", answer="**a <b>" * 10_000, state="whole")
    shown = transcript([turn], "mark")["text/html"]
    assert "<pre>**a &lt;b&gt;**a" in shown


def test_what_is_kept_for_readers_cannot_run() -> None:
    turn = Turn("<b>Hi</b>", "x", answer=HOSTILE, state="failed", error="<i>no</i>", model="<m>")
    shown = transcript([turn], "mark")["text/html"]
    for tag in ("<script", "<img", "<b>Hi", "<i>no", "<m>"):
        assert tag not in shown, tag
    assert 'href="javascript' not in shown
    assert shown.startswith('<div class="mark">')
    assert shown.count("<div") == shown.count("</div>")


def test_variables_are_listed_and_attached_from_the_page(front: Front, shell: Shell) -> None:
    shell.run("rows = [{'city': 'Segovia'}]")
    front.say(type="list")
    assert front.wait("variables")["variables"] == [{"name": "rows", "type": "list", "shape": "1"}]
    front.say(type="attach", reference="missing")
    assert "missing" in front.wait("trouble")["message"]
    front.say(type="attach", reference="rows")
    (context,) = front.wait("attached")["contexts"]
    assert (context["name"], "Segovia" in context["text"]) == ("rows", True)
    front.ask("How many?", contexts=["rows"])
    front.wait("ended")
    variable, words = shell.sent[0]["messages"][0]["content"]
    assert variable["text"].startswith("<rows>\n")
    assert words["text"] == "How many?"


def test_a_page_that_is_loaded_again_is_sent_the_transcript_to_keep(
    front: Front, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    updated = updates_of_outputs(monkeypatch)
    front.panel._ipython_display_()
    front.say(type="hello", page="p1")
    front.ask("One")
    front.wait("ended")
    front.say(type="hello", page="p1")
    until(lambda: "One" in updated[-1]["text/plain"])
    assert front.of("kept") == [], "this page has the output, and is told its data"
    front.say(type="hello", page="p2")
    front.say(type="hello", page="p2")
    (first,) = front.of("kept")
    assert first["data"]["text/plain"] == "You: One\n\nModel: Hello"
    front.ask("Two", request="r2")
    second = front.wait("kept", 2)["data"]
    assert "You: Two\n\nModel: Hello" in second["text/plain"]
    assert second["text/html"].startswith(f'<div class="{front.panel.transcript}">')
    assert second == updated[-1]
    assert len(front.of("kept")) == 2, "nothing while it grows"
    shell.ask("Three")
    assert "Three" in front.of("kept")[-1]["data"]["text/plain"]


def test_a_panel_without_an_output_of_its_own_has_no_transcript_to_keep(front: Front) -> None:
    front.say(type="hello", page="p1")
    front.say(type="hello", page="p2")
    front.ask("Hi")
    front.wait("ended")
    assert front.of("kept") == []


def test_a_page_that_is_loaded_again_has_its_models(front: Front) -> None:
    front.say(type="hello")
    first = front.wait("setup")
    front.say(type="hello")
    assert front.wait("setup", 2) == first
