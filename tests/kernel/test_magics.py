"""``%%chat`` as it is typed: what goes upstream letter for letter, and where the answer goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

from aqueduct_jupyter.kernel.display import rendered
from aqueduct_jupyter.protocol import errors
from aqueduct_jupyter.protocol.notes import notes_headers

from ..standin import CUT, DONE, chunk, completion, event, usage_chunk
from .conftest import Shell

LITERAL = [
    "{k: v for k, v in d.items()}",
    "f'{name!r:>{width}}' and {{double}}",
    r"$\frac{a}{b}$ and \begin{tabular}{@{}ll@{}} x & y \\ \end{tabular}",
    '{"a": [1, {"b": null}], "c": "\\n\\u00e9"}',
    "{% for x in xs %}{{ x|e }}{% endfor %} {# no #}",
    "%matplotlib inline\n!ls $HOME\n?help",
    "mail a@b.c, @decorator, @ {x}, C:\\new\\table",
    "trailing   \n\n  leading",
    "\u00e9\u4e2d\U0001f600\u2028",
    "-m not-an-option --as int",
]


@pytest.mark.parametrize("words", LITERAL)
def test_a_prompt_arrives_letter_for_letter(shell: Shell, words: str) -> None:
    shell.names["d"] = shell.names["name"] = "wrong"
    shell.ask(words)
    assert shell.sent[0]["messages"] == [{"role": "user", "content": words}]


def test_an_answer_streams_into_the_terminal_and_is_kept(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.standin.stream(chunk("Hel"), chunk("lo \x1b[31m"), usage_chunk(), DONE)
    assert shell.ask("Hi", "-o greeting") == "Hello \x1b[31m"
    assert shell.names["greeting"] == "Hello \x1b[31m"
    printed = capsys.readouterr().out
    assert printed.startswith("Hello [31m\n[")
    assert "2 tokens]" in printed
    assert shell.sent[0]["stream"] is True


def test_options_become_parameters(shell: Shell) -> None:
    options = "-m m1 -s 'Be brief.' -t 0.5 --max-tokens 9 -p top_p=0.5 -p user=ada -p stop='[1]'"
    shell.ask("Hi", options)
    body = shell.sent[0]
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["model"] == "m1"
    assert (body["temperature"], body["max_tokens"], body["top_p"]) == (0.5, 9, 0.5)
    assert (body["user"], body["stop"]) == ("ada", [1])


def test_config_sets_what_an_option_does_not(shell: Shell) -> None:
    shell.run("%config ChatMagics.model = 'm1'")
    shell.run("%config ChatMagics.temperature = 0.0")
    shell.run("%config ChatMagics.system = 'Be kind.'")
    shell.ask("Hi")
    shell.ask("Hi", "-m m2 -t 1")
    first, second = shell.sent
    assert (first["model"], first["temperature"]) == ("m1", 0.0)
    assert first["messages"][0]["content"] == "Be kind."
    assert (second["model"], second["temperature"]) == ("m2", 1.0)


def test_without_streaming_it_is_the_same_answer(shell: Shell) -> None:
    assert shell.ask("Hi", "--no-stream") == "Hello"
    assert "stream" not in shell.sent[0]


class TestPlaces:
    def test_values_stand_where_their_names_did(self, shell: Shell) -> None:
        shell.names["rows"] = [{"a": (1, 2)}]
        shell.names["text"] = "@{rows} {x}"
        shell.ask('@{rows[0]["a"][-1]} and @{ text } and @{rows.__class__.__name__} and @@{rows}')
        assert shell.sent[0]["messages"][0]["content"] == "2 and @{rows} {x} and list and @{rows}"

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ("@{nothing}", "'nothing' is not defined"),
            ("@{text.nothing}", "cannot be looked up"),
            ("@{text[99]}", "cannot be looked up"),
            ("@{text.upper()}", "not a name"),
            ("@{text + text}", "not a name"),
            ("@{text", "has no closing brace"),
        ],
    )
    def test_what_is_none_is_said_and_nothing_is_sent(
        self, shell: Shell, words: str, says: str
    ) -> None:
        shell.names["text"] = "x"
        with pytest.raises(errors.CellError, match=says):
            shell.ask(words)
        assert shell.sent == []


class TestConversations:
    def test_a_conversation_remembers(self, shell: Shell) -> None:
        shell.ask("one")
        shell.ask("two")
        assert [message["content"] for message in shell.sent[1]["messages"]] == [
            "one",
            "Hello",
            "two",
        ]

    def test_they_are_kept_apart_and_begun_anew(self, shell: Shell) -> None:
        shell.ask("one")
        shell.ask("elsewhere", "-c other")
        shell.ask("fresh", "--new")
        assert [len(body["messages"]) for body in shell.sent] == [1, 1, 1]

    def test_what_failed_is_not_sent_again(self, shell: Shell) -> None:
        shell.standin.stream(chunk("half"), CUT)
        with pytest.raises(errors.DisconnectedError):
            shell.ask("one")
        turn = shell.magics.chats.session.conversation("main").last
        assert turn
        assert (turn.state, turn.answer) == ("failed", "half")
        shell.ask("two")
        assert [message["content"] for message in shell.sent[1]["messages"]] == ["two"]

    def test_the_oldest_turns_go_where_the_model_has_no_room(
        self, shell: Shell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for number in range(3):
            shell.ask(f"question {number} " + "x" * 300)
        envelope = {"error": {"message": "too long", "code": "context_length_exceeded"}}
        shell.standin.reply(envelope, status=400)
        shell.ask("last")
        assert len(shell.sent[3]["messages"]) == 7
        assert len(shell.sent[4]["messages"]) < 7
        assert shell.sent[4]["messages"][-1]["content"] == "last"
        assert "no longer fit and were left out" in capsys.readouterr().out

    def test_a_note_about_turns_is_no_other_note(
        self, shell: Shell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shell.ask("one")
        shell.names["returns"] = "x" * 100_000
        words = {"message": "maximum context length is 10", "code": "context_length_exceeded"}
        shell.standin.reply({"error": words}, status=400)
        shell.ask("two", "--with returns")
        shown = capsys.readouterr().out
        assert "the oldest turn no longer fits and was left out" in shown
        assert shell.magics.chats.session.conversation("main").turns[1].dropped_turns == 1
        assert "left out returns: " in shown

    @pytest.mark.parametrize("options", ["", "--no-stream"])
    def test_what_the_server_says_about_a_file_is_said_below_the_answer(
        self, shell: Shell, capsys: pytest.CaptureFixture[str], options: str
    ) -> None:
        note = "scan.pdf: page 2 has no text because it is a picture"
        if options:
            shell.standin.reply(completion("Hi"), headers=notes_headers([note]))
        else:
            shell.standin.reply(
                chunk("Hi"), DONE, kind="text/event-stream", headers=notes_headers([note])
            )
        shell.ask("What is it?", options)
        assert note in capsys.readouterr().out
        turn = shell.magics.chats.session.conversation("main").last
        assert turn is not None
        assert turn.notes == [note]

    def test_a_budget_keeps_the_history_short(self, shell: Shell) -> None:
        shell.run("%config ChatMagics.history_tokens = 60")
        for number in range(4):
            shell.ask(f"{number} " + "x" * 60)
        assert [len(body["messages"]) for body in shell.sent] == [1, 3, 3, 3]


class TestErrors:
    def test_an_error_is_a_card_and_is_raised(
        self, shell: Shell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        envelope = {"error": {"message": "no such model", "code": "model_not_found"}}
        shell.standin.reply(envelope, status=404, headers={"x-request-id": "req_7"})
        with pytest.raises(errors.ModelNotFoundError):
            shell.ask("Hi")
        shown = capsys.readouterr().out
        assert "ModelNotFoundError: no such model\nRequest: req_7" in shown
        assert "Traceback" not in shown
        assert "session.py" not in shown

    def test_an_empty_cell_is_said(self, shell: Shell) -> None:
        with pytest.raises(errors.CellError, match="empty"):
            shell.ask("   \n")

    @pytest.mark.parametrize("options", ["--fast", "hello", "-f pdf", "-t hot"])
    def test_unknown_options_are_refused(self, shell: Shell, options: str) -> None:
        with pytest.raises(UsageError):
            shell.ask("Hi", options)
        assert shell.sent == []

    def test_an_error_in_the_stream_is_raised(self, shell: Shell) -> None:
        failure = event({"error": {"message": "overloaded", "code": "upstream_error"}})
        shell.standin.stream(chunk("half"), failure)
        with pytest.raises(errors.UpstreamError, match="overloaded"):
            shell.ask("Hi")


class TestTypes:
    def answer(self, shell: Shell, *texts: str, reason: str = "stop") -> None:
        for text in texts:
            answer = completion(text)
            answer["choices"][0]["finish_reason"] = reason
            shell.standin.reply(answer)

    def test_an_answer_becomes_an_object(self, shell: Shell) -> None:
        shell.run("from pydantic import BaseModel\nclass Invoice(BaseModel):\n    total: int")
        self.answer(shell, '{"total": 42}')
        invoice = shell.ask("Read it", "--as Invoice --no-stream -o invoice")
        assert (type(invoice).__name__, invoice.total) == ("Invoice", 42)
        schema = shell.sent[0]["response_format"]["json_schema"]
        assert schema["name"] == "Invoice"
        assert schema["schema"]["properties"]["total"] == {"title": "Total", "type": "integer"}

    @pytest.mark.parametrize(
        ("kind", "text", "value"),
        [
            ("int", '{"value": 7}', 7),
            ("'list[int]'", '{"value": [1, 2]}', [1, 2]),
            ("'dict[str, int]'", '{"a": 1}', {"a": 1}),
            ('\'Literal["a", "b"]\'', '{"value": "b"}', "b"),
            ("'int | None'", '{"value": null}', None),
            ("int", '```json\n{"value": 7}\n```', 7),
        ],
    )
    def test_plain_types_work(self, shell: Shell, kind: str, text: str, value: Any) -> None:
        self.answer(shell, text)
        assert shell.ask("x", f"--as {kind} --no-stream") == value

    def test_a_list_becomes_a_table_where_the_name_asks_for_one(self, shell: Shell) -> None:
        shell.run(
            "from dataclasses import dataclass\n@dataclass\nclass Row:\n    a: int\n    b: str"
        )
        self.answer(shell, '{"value": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]}')
        table = shell.ask("x", "--as 'list[Row]' --no-stream -o df")
        assert table.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}

    def test_a_wrong_answer_is_mended_with_what_is_wrong(self, shell: Shell) -> None:
        self.answer(shell, "seven", '{"value": "many"}', '{"value": 7}')
        assert shell.ask("x", "--as int --no-stream") == 7
        last = shell.sent[2]["messages"]
        assert [message["role"] for message in last] == [
            *("user", "assistant", "user", "assistant", "user")
        ]
        assert "not valid JSON" in last[2]["content"]
        # The upstream accepted the schema and ignored it, so it is told once in words.
        assert "JSON schema is: {" in last[2]["content"]
        assert "JSON schema" not in last[4]["content"]
        assert "valid integer" in last[4]["content"]

    def test_mending_has_an_end_and_the_error_shows_the_answer(
        self, shell: Shell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.answer(shell, *["no number here"] * 3)
        with pytest.raises(errors.AnswerError) as caught:
            shell.ask("x", "--as int --no-stream -o kept")
        assert caught.value.answer == "no number here"
        assert "kept" not in shell.names
        assert len(shell.sent) == 3
        assert "The answer was:\nno number here" in capsys.readouterr().out

    def test_a_cut_answer_is_an_error_at_once(self, shell: Shell) -> None:
        self.answer(shell, '{"value": 4', reason="length")
        with pytest.raises(errors.AnswerError, match="cut off"):
            shell.ask("x", "--as int --no-stream")
        assert len(shell.sent) == 1

    @pytest.mark.parametrize("status", [400, 422])
    def test_an_upstream_without_schemas_is_asked_in_words(self, shell: Shell, status: int) -> None:
        refusal = {"error": {"message": "response_format is not supported"}}
        shell.standin.reply(refusal, status=status)
        self.answer(shell, '{"value": 7}')
        assert shell.ask("x", "--as int --no-stream") == 7
        assert "response_format" not in shell.sent[1]
        assert "JSON schema is: {" in shell.sent[1]["messages"][0]["content"]

    @pytest.mark.parametrize(
        "kind",
        [
            *("Nothing", "'1 +'", "open", "'f()'", "'int[str]'", "datetime.foo", "'int | 3'", "3"),
            *(
                "'list[Undefined]'",
                "'list[\"Undefined\"]'",
                "x" + ".x" * 1000,
                "'" + "[" * 300 + "'",
            ),
        ],
    )
    def test_what_is_no_type_is_said(self, shell: Shell, kind: str) -> None:
        with pytest.raises(errors.CellError, match="--as"):
            shell.ask("x", f"--as {kind}")
        assert shell.sent == []


def test_a_file_that_the_server_no_longer_has_is_uploaded_once_more(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4")
    shell.standin.reply({"id": "file-1", "object": "file"})
    shell.standin.reply(completion("one"))
    shell.ask("x", "--with report.pdf --no-stream")
    gone = {"message": "There is no such file.", "code": "file_not_found"}
    shell.standin.reply({"error": gone}, status=404)
    shell.standin.reply({"id": "file-2", "object": "file"})
    shell.standin.reply(completion("two"))
    assert shell.ask("x", "--new --with report.pdf --no-stream") == "two"
    parts = [sent.json["messages"][-1]["content"][0] for sent in shell.standin.chats]
    assert [part["file"]["file_id"] for part in parts] == ["file-1", "file-1", "file-2"]


@pytest.mark.parametrize(
    "words",
    [
        *({"choices": [None]}, {"choices": [{"index": 0, "delta": "x"}]}, {"choices": 5}),
        {"choices": [{"index": 0, "delta": {"content": 5}}]},
    ],
)
def test_nonsense_of_an_upstream_is_a_card(shell: Shell, words: Any) -> None:
    shell.standin.stream(chunk("Hi"), event(words), DONE)
    with pytest.raises(errors.DisconnectedError, match="cannot be understood"):
        shell.ask("x")
    turn = shell.magics.chats.session.conversation("main").last
    assert turn
    assert (turn.state, turn.answer) == ("failed", "Hi")


def test_a_character_over_two_chunks_is_one(shell: Shell) -> None:
    shell.standin.stream(chunk("a\ud83d"), chunk("\ude00b"), chunk("\ud83d"), DONE)
    assert shell.ask("x") == "a\U0001f600b\ufffd"


def test_a_list_of_texts_is_an_answer(shell: Shell) -> None:
    parts: Any = ["a", {"type": "text", "text": "b"}]
    shell.standin.stream(chunk(parts), DONE)
    assert shell.ask("x") == "ab"


class TestCode:
    def test_code_is_offered_and_what_it_lacks_is_said(
        self, shell: Shell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = "Try:\n\n```python\nimport nowhere_to_be_found\nprint(known, unknown)\n```\nDone."
        shell.standin.stream(chunk(text), DONE)
        shell.names["known"] = 1
        code = shell.ask("x", "-f code")
        assert code == "import nowhere_to_be_found\nprint(known, unknown)\n"
        shown = capsys.readouterr().out
        assert "Warning: Names that do not exist here: unknown." in shown
        assert "Warning: Packages that are not installed: nowhere_to_be_found." in shown
        assert shown.endswith(f"{code}\n")

    def test_code_that_does_not_parse_is_said(
        self, shell: Shell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shell.standin.stream(chunk("```\nif x\n```"), DONE)
        shell.ask("x", "-f code")
        assert "Warning: It does not parse" in capsys.readouterr().out


class TestDryRun:
    def test_it_shows_what_would_be_sent_and_sends_nothing(
        self, shell: Shell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shell.run("%%chat --dry-run -m m1 -s Brief\nHi @@{x}")
        request, tokens = capsys.readouterr().out.split("\n}\n")
        assert json.loads(request + "}") == {
            "messages": [
                {"role": "system", "content": "Brief"},
                {"role": "user", "content": "Hi @{x}"},
            ],
            "model": "m1",
        }
        assert tokens == "about 13 tokens, by estimate; nothing was sent\n"
        assert shell.sent == []
        assert shell.magics.chats.session.conversation("main").turns == []


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%%chat\nHi", "%chat continue goes on"),
        ("%chat models", "%chat continue goes on"),
        ("%%chat map texts -o out\nHi", "Run the cell again to go on"),
    ],
)
def test_a_stop_is_one_quiet_line_and_still_stops(
    shell: Shell, capsys: pytest.CaptureFixture[str], cell: str, says: str
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    shell.names["texts"] = ["a"]
    shell.magics.chats.connected = interrupted  # type: ignore[method-assign, assignment]
    shell.magics.chats.session.asker.connect = interrupted  # type: ignore[assignment]
    capsys.readouterr()
    with pytest.raises(KeyboardInterrupt) as stopped:
        shell.run(cell)
    (line,) = stopped.value._render_traceback_()  # type: ignore[attr-defined]
    assert line.startswith("Stopped. ")
    assert says in line
    assert "Traceback" not in capsys.readouterr().out


def test_formulas_and_amounts_are_written_for_notebooks() -> None:
    text = r"It is $3 or $5, with \(x\)."
    shown = rendered(text, "markdown")
    money = r"<span>\$</span>"
    assert shown["text/markdown"] == f"It is {money}3 or {money}5, with $x$."
    assert shown["text/plain"] == text


class TestSeveralInOneRun:
    @pytest.fixture(autouse=True)
    def in_a_cell(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            "aqueduct_jupyter.kernel.magics.running_cell", lambda shell: shell.user_ns.get("cell")
        )

    def test_a_loop_asks_several_turns_and_a_rerun_goes_back(self, shell: Shell) -> None:
        loop = "for n in range(3): get_ipython().run_cell_magic('chat', '', f'Question {n}')"
        shell.names["cell"] = "a"
        turns = shell.magics.chats.session.conversation("main").turns
        for _ in range(2):
            shell.run(loop)
            assert [turn.prompt for turn in turns] == ["Question 0", "Question 1", "Question 2"]
        shell.names["cell"] = "b"
        shell.ask("After")
        assert len(turns) == 4
        shell.names["cell"] = "a"
        shell.run(loop)
        assert [turn.prompt for turn in turns] == ["Question 0", "Question 1", "Question 2"]

    def test_a_recorded_loop_comes_back_also_when_it_runs_again(self, shell: Shell) -> None:
        loop = (
            "told = []\n"
            "for n in range(3):\n"
            "    get_ipython().run_cell_magic('chat', '--new', 'Tell a joke')\n"
            "    told.append(_chat)"
        )
        jokes = ["one", "two", "three"]
        for joke in jokes:
            shell.standin.stream(chunk(joke), DONE)
        shell.names["cell"] = "a"
        shell.run("%chat record")
        shell.run(loop)
        shell.run("%chat strict")
        for _ in range(2):
            shell.run(loop)
            assert shell.names["told"] == jokes


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("length", "cut off at the most tokens; %chat continue goes on"),
        ("content_filter", "ended by the service's filter"),
        ("stop", ""),
    ],
)
def test_how_an_answer_ended_is_said(
    shell: Shell, capsys: pytest.CaptureFixture[str], reason: str, says: str
) -> None:
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    shell.standin.stream(chunk("Half"), event(last), DONE)
    shell.ask("Hi")
    shown = capsys.readouterr().out
    assert says in shown
    assert says or "\u00b7 cut" not in shown


class TestMap:
    def test_every_value_is_asked_and_the_results_are_kept(self, shell: Shell) -> None:
        import pandas

        shell.names["df"] = pandas.DataFrame({"text": ["good", "bad", "fine"]})
        for text in ("good", "bad", "fine"):
            shell.standin.answer_to[f"Judge: {text}"] = completion(text.upper())
        shell.run('%%chat map df.text -o df["label"] -j 2\nJudge: @{value}')
        assert list(shell.names["df"]["label"]) == ["GOOD", "BAD", "FINE"]
        assert len(shell.sent) == 3

    def test_nothing_is_asked_twice(self, shell: Shell) -> None:
        shell.names["texts"] = ["a", "b"]
        for _ in range(2):
            shell.run("%%chat map texts -o out\nSay it")
            assert shell.names["out"] == ["Hello", "Hello"]
        assert len(shell.sent) == 2
        contents = {body["messages"][0]["content"] for body in shell.sent}
        assert contents == {"Say it\n\na", "Say it\n\nb"}

    def test_an_error_is_the_result_of_its_value_only(
        self, shell: Shell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shell.names["texts"] = ["a", "b"]
        shell.standin.reply({"error": {"message": "no"}}, status=422)
        shell.run("%%chat map texts -o out -j 1\nSay it")
        first, second = shell.names["out"]
        assert isinstance(first, errors.UnprocessableError)
        assert second == "Hello"
        assert "1 of 2 failed; the first: no" in capsys.readouterr().out
        shell.run("%%chat map texts -o out -j 1\nSay it")
        assert shell.names["out"] == ["Hello", "Hello"]
        assert len(shell.sent) == 3

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ("map texts", "where the results go"),
            ("map number -o out", "not a list"),
            ("map nothing -o out", "is not defined"),
            ("map texts -o out -j 0", "-j must be between"),
        ],
    )
    def test_wrong_words_are_said(self, shell: Shell, options: str, says: str) -> None:
        shell.names.update(texts=["a"], number=7)
        with pytest.raises(errors.CellError, match=says):
            shell.run(f"%%chat {options}\nx")


def test_the_help_is_a_good_page(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run("%%chat?")
    page = capsys.readouterr().out
    for word in ("--model", "--with", "--as", "--dry-run", "@{name}", "the answer's type"):
        assert word in page
