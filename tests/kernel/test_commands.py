"""``%chat COMMAND``: what each shows, keeps and asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from IPython.core.error import UsageError

from aqueduct_jupyter.kernel.magics import ChatMagics
from aqueduct_jupyter.protocol import errors
from aqueduct_jupyter.protocol.own_upstreams import LABELS

from ..shared_samples import sample
from ..standin import CUT, DONE, chunk, completion
from .conftest import Shell


def said(shell: Shell, capsys: pytest.CaptureFixture[str], line: str) -> str:
    capsys.readouterr()
    shell.run(line)
    return capsys.readouterr().out


def test_our_own_models_are_called_what_they_are(
    shell: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sample("own-upstreams.json") == LABELS
    owners = {"llama": "campus", "smollm2": "local", "demo/echo": "demo"}
    monkeypatch.setattr(shell.client, "models", lambda: list(owners))
    monkeypatch.setattr(shell.client, "get", lambda _: {"owners": owners})
    assert said(shell, capsys, "%chat models").splitlines() == [
        "llama",
        "smollm2 (a demonstration, on this server)",
        "demo/echo (scripted, not a language model)",
    ]


def test_models_are_listed_and_one_is_used(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.standin.models = ["llama", "org/big"]
    assert said(shell, capsys, "%chat models") == "llama\norg/big\n"
    shell.run("%chat use org/big")
    shell.ask("Hi")
    shell.run("%chat use -")
    shell.ask("Hi")
    assert [body.get("model") for body in shell.sent] == ["org/big", None]


def test_history_shows_every_turn_and_how_it_ended(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.ask("one")
    shell.standin.stream(chunk("half"), CUT)
    with pytest.raises(errors.AqueductError):
        shell.ask("two")
    shown = said(shell, capsys, "%chat history")
    assert "You: one\nModel: Hello\n" in shown
    assert "You: two\nModel (failed): half\n" in shown
    shell.run("%chat reset")
    assert said(shell, capsys, "%chat history") == ""


@pytest.mark.parametrize("ending", ["json", "md", "ipynb"])
def test_what_is_saved_can_be_loaded(shell: Shell, tmp_path: Path, ending: str) -> None:
    shell.ask("one")
    shell.run(f"%chat save 'my chat.{ending}'")
    shell.run("%chat reset")
    shell.run(f"%chat load 'my chat.{ending}'")
    shell.ask("two")
    contents = [message["content"] for message in shell.sent[-1]["messages"]]
    assert contents == ["one", "Hello", "two"]


def test_last_shows_the_facts_and_exactly_what_was_sent(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(errors.CellError, match="Nothing has been asked"):
        shell.run("%chat last")
    shell.ask("Hi", "-m m1 -t 0")
    facts = json.loads(said(shell, capsys, "%chat last"))
    assert (facts["text"], facts["tokens_out"]) == ("Hello", 2)
    sent = json.loads(said(shell, capsys, "%chat last --request"))
    body = shell.sent[0]
    del body["stream"], body["stream_options"]
    assert sent == body


def test_continue_goes_on_after_a_part(shell: Shell) -> None:
    with pytest.raises(errors.CellError, match="no answer to continue"):
        shell.run("%chat continue")
    shell.ask("Tell me")
    shell.run("%chat continue")
    last = shell.sent[1]["messages"]
    assert last[1] == {"role": "assistant", "content": "Hello"}
    assert last[2]["content"].startswith("Continue exactly where you stopped")


def test_continue_goes_on_after_a_connection_was_cut(shell: Shell) -> None:
    shell.standin.stream(chunk("One"), CUT)
    with pytest.raises(errors.DisconnectedError):
        shell.ask("Count")
    shell.run("%chat continue")
    assert [message["content"] for message in shell.sent[1]["messages"][:2]] == ["Count", "One"]


def test_fix_sends_the_cell_and_its_error_and_offers_the_new_one(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run("rows = [1, 2, 3]")
    with pytest.raises(ZeroDivisionError):
        shell.run("total = sum(rows)\nmean = total / 0")
    shell.run("other = 'a cell that ran since'")
    shell.standin.stream(chunk("```python\ntotal = sum(rows)\nmean = total / len(rows)\n```"), DONE)
    shown = said(shell, capsys, "%chat fix --with rows")
    parts = shell.sent[0]["messages"][0]["content"]
    text = "\n".join(part["text"] for part in parts)
    assert "mean = total / 0" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "a cell that ran since" not in text
    assert "<rows>\n[1, 2, 3]\n</rows>" in text
    assert "-mean = total / 0\n+mean = total / len(rows)" in shown
    assert "Sent: the cell, its exception, rows." in shown


def test_fix_sends_no_value_that_nobody_named(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    shell.names.update(token="the secret", broken=Broken())
    with pytest.raises(ZeroDivisionError):
        shell.run("print(token, end='')\nbroken\n1 / 0")
    shown = said(shell, capsys, "%chat fix")
    assert "the secret" not in str(shell.sent)
    assert "Sent: the cell, its exception." in shown


def test_what_follows_up_is_asked_as_the_turn_before(shell: Shell) -> None:
    shell.ask("Tell me", "-m m1 -s 'Be short' -t 0 --max-tokens 5 -c side")
    shell.run("%chat continue -c side")
    first, second = shell.sent
    for name in ("model", "temperature", "max_tokens"):
        assert second[name] == first[name]
    assert [message["role"] for message in second["messages"]] == [
        *("system", "user", "assistant", "user")
    ]
    with pytest.raises(ZeroDivisionError):
        shell.run("1 / 0")
    shell.run("%chat fix -c side")
    assert (shell.sent[2]["model"], shell.sent[2]["temperature"]) == ("m1", 0.0)
    with pytest.raises(errors.CellError, match="no answer to continue in the conversation 'main'"):
        shell.run("%chat continue")
    for line in ("continue -x 1", "continue -c", "fix --with", "last -c"):
        with pytest.raises(errors.CellError, match="the options are"):
            shell.run(f"%chat {line}")


def test_last_knows_the_last_of_each_conversation(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.ask("one", "-c a")
    shell.ask("two", "-c b")
    for line, text in (("last --request", "two"), ("last --request -c a", "one")):
        sent = json.loads(said(shell, capsys, f"%chat {line}"))
        assert sent["messages"][-1]["content"] == text
    with pytest.raises(errors.CellError, match="Nothing has been asked"):
        shell.run("%chat last -c nowhere")


def test_a_system_message_stays_until_another_one_or_a_new_start(shell: Shell) -> None:
    for options in ("-s First", "", "-c other", "-s Second", "", "--new"):
        shell.ask("Hi", options)
    systems = [
        next((m["content"] for m in body["messages"] if m["role"] == "system"), None)
        for body in shell.sent
    ]
    assert systems == ["First", "First", None, "Second", "Second", None]


def test_a_reload_loses_nothing(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    from aqueduct_jupyter import load_ipython_extension

    shell.ask("one", "-s System -m m1")
    shell.run("%config ChatMagics.temperature = 0.5")
    shell.run("%chat record")
    load_ipython_extension(shell.shell)
    assert "You: one" in said(shell, capsys, "%chat history")
    magics = shell.shell.magics_manager.registry["ChatMagics"]
    assert magics.temperature == 0.5
    assert magics.chats.session.asker.recording.mode == "record"


@pytest.mark.parametrize(
    "line",
    ["save /nowhere/at/all.json", "load missing.json", "record /nowhere/x.jsonl"],
)
def test_a_fault_of_the_disk_is_a_card(shell: Shell, line: str) -> None:
    with pytest.raises(errors.CellError, match=r"%chat|recorded") as caught:
        shell.run(f"%chat {line}")
    assert "Traceback" not in caught.value.message


def test_a_windows_path_means_itself(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shell.ask("one")
    shell.run(r"%chat save C:\Users\me\x.json")
    shell.run(r'%chat save "C:\my files\y.json"')
    assert {path.name for path in tmp_path.glob("*.json")} == {
        "C:\\Users\\me\\x.json",
        "C:\\my files\\y.json",
    }


def test_fix_mends_a_cell_that_does_not_parse(shell: Shell) -> None:
    with pytest.raises(SyntaxError):
        shell.run("print('half'")
    shell.standin.stream(chunk("```python\nprint('half')\n```"), DONE)
    shell.run("%chat fix")
    text = "\n".join(part["text"] for part in shell.sent[0]["messages"][0]["content"])
    assert "print('half'\n" in text
    assert "SyntaxError" in text


def test_an_error_of_the_chat_itself_is_not_the_one_to_fix(shell: Shell) -> None:
    with pytest.raises(ZeroDivisionError):
        shell.run("1 / 0")
    for _ in range(2):
        with pytest.raises(errors.CellError):
            shell.run("%chat fix --with nothing_there")
    shell.run("%chat fix")
    assert "ZeroDivisionError" in str(shell.sent[-1]["messages"])


def test_what_came_before_a_stop_is_kept(shell: Shell) -> None:
    shell.standin.stream(chunk("half"), CUT)
    with pytest.raises(errors.AqueductError):
        shell.ask("Tell me")
    assert shell.names["_chat"] == "half"


def test_fix_without_an_error_says_so(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delattr(sys, "last_value", raising=False)
    with pytest.raises(errors.CellError, match="No cell has raised"):
        shell.run("%chat fix")


class TestRecording:
    def test_recorded_answers_need_no_server(
        self, shell: Shell, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert "notebook.chat.jsonl" in said(shell, capsys, "%chat record")
        shell.ask("one", "-t 0")
        first = shell.ask("two")
        shell.standin.stop()
        shell.run("%chat reset")
        shell.run("%chat strict")
        assert shell.ask("one", "-t 0") == "Hello"
        assert shell.ask("two") == first
        with pytest.raises(errors.ReplayError, match="No answer is recorded"):
            shell.ask("three")
        recorded = (tmp_path / "notebook.chat.jsonl").read_text()
        assert "Authorization" not in recorded
        assert str(shell.standin.port) not in recorded

    def test_replay_asks_only_what_is_missing(self, shell: Shell) -> None:
        shell.run("%chat replay")
        for _ in range(2):
            shell.ask("one", "--new")
        assert len(shell.sent) == 1
        shell.run("%chat record off")
        shell.ask("one", "--new")
        assert len(shell.sent) == 2

    def test_another_question_is_another_answer(self, shell: Shell) -> None:
        shell.run("%chat replay")
        for options in ("", "-t 0", "-m other", "-s system", "-p seed=1"):
            shell.ask("one", f"--new {options}")
        assert len(shell.sent) == 5


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%chat fly", "Unknown command '%chat fly'"),
        ("%chat use", "Usage: %chat use MODEL"),
        ("%chat save", "Usage: %chat save FILE"),
        ("%chat save chat.pdf", ".json, .md or .ipynb"),
        ("%chat save 'chat.md", "No closing quotation"),
    ],
)
def test_wrong_words_are_said(shell: Shell, line: str, says: str) -> None:
    with pytest.raises(errors.CellError) as caught:
        shell.run(line)
    assert says in caught.value.message


def test_help_lists_every_command(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(shell, capsys, "%chat help")
    for name in shell.magics.commands.names:
        assert f"%chat {name}" in shown


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%chat -m org", ["org/big"]),
        ("%chat use ll", ["llama"]),
        ("%%chat --dr", ["--dry-run"]),
        ("%%chat -f mark", ["markdown"]),
        ("%chat his", ["history"]),
        ("%%chat -c oth", ["other"]),
        ("%%chat --with my_t", ["my_table"]),
    ],
)
def test_the_tab_key_knows_what_could_follow(shell: Shell, line: str, expected: list[str]) -> None:
    shell.standin.models = ["llama", "org/big"]
    shell.names["my_table"] = 1
    shell.ask("Hi", "-c other")
    from aqueduct_jupyter.kernel.completion import completions

    assert completions(shell.magics.chats, shell.magics.commands.names, line) == expected


def test_the_tab_key_is_asked_by_ipython(shell: Shell) -> None:
    shell.standin.models = ["llama"]
    _, found = shell.shell.Completer.complete(line_buffer="%chat use ll", cursor_pos=12)
    assert "llama" in list(found)


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("%%chat --", "--model"),
        ("%%chat --new --", "--model"),
        ("%%chat -m ", "llama"),
        ("%chat ", "models"),
        ("%%chat --with d", "df"),
        ("%%chat --with df\nd", None),
    ],
)
def test_what_belongs_here_comes_first(shell: Shell, code: str, first: str | None) -> None:
    from IPython.core.completer import provisionalcompleter

    shell.standin.models = ["llama"]
    shell.names["df"] = 1
    with provisionalcompleter():
        found = [one.text for one in shell.shell.Completer.completions(code, len(code))]
    if first is None:
        assert "delattr" in found
    else:
        assert found[0] == first
        assert not {"delattr", "and", "--abs"} & set(found)


def test_usage_is_told(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    answer = completion()
    answer["total"] = {"requests": 3, "tokens_in": 5}
    shell.magics.chats.connected().get = lambda path: answer  # type: ignore[method-assign]
    assert said(shell, capsys, "%chat usage") == "3 requests, 5 tokens in\n"
    answer["total"]["usd"] = None
    assert said(shell, capsys, "%chat usage") == "3 requests, 5 tokens in\n"
    answer["total"]["usd"] = 0.012345
    assert said(shell, capsys, "%chat usage") == "3 requests, 5 tokens in, $0.0123\n"


def test_a_mode_that_there_is_not_is_no_silence(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUEDUCT_CHAT_RECORDING", "stict")
    with pytest.raises(UsageError, match="AQUEDUCT_CHAT_RECORDING is 'stict'"):
        ChatMagics(shell.shell, shell.client)
