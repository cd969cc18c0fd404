"""``%%chat map``: what can fail is tried first, equal values are asked once, nothing is lost."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from aqueduct_jupyter.kernel import map_magic
from aqueduct_jupyter.protocol import errors

from ..standin import completion
from .conftest import Shell


def contents(shell: Shell) -> list[str]:
    return [body["messages"][-1]["content"] for body in shell.sent]


def test_equal_values_are_asked_once_also_side_by_side(shell: Shell) -> None:
    shell.names["same"] = ["twin"] * 16 + ["other", "twin"]
    shell.run("%%chat map same -o out -j 8\nSay: @{value}")
    assert sorted(contents(shell)) == ["Say: other", "Say: twin"]
    assert shell.names["out"] == ["Hello"] * 18


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["good", None, np.nan, "", "  "]),
        pd.Series(["good", pd.NA, None, None, None], dtype="string"),
        pl.Series(["good", None, "", None, None]),
        ["good", None, float("nan"), pd.NaT, pd.NA],
    ],
    ids=["pandas", "string", "polars", "list"],
)
def test_where_there_is_nothing_to_ask_nothing_is_asked(
    shell: Shell, capsys: pytest.CaptureFixture[str], values: Any
) -> None:
    shell.names["values"] = values
    shell.run("%%chat map values -o out\nJudge: @{value}")
    assert contents(shell) == ["Judge: good"]
    assert shell.names["out"] == ["Hello", None, None, None, None]
    assert "4 of 5 had no value, and were not asked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("sorted_texts", ["said b", "said a", "said c"]),
        ("some_texts", [None, "said a", "said c"]),
        ("others", ["said x", "said y", "said z"]),
    ],
)
def test_a_result_goes_to_the_row_of_its_value(
    shell: Shell, values: str, expected: list[str | None]
) -> None:
    frame = pd.DataFrame({"text": ["b", "a", "c"]})
    shell.names["frame"] = frame
    shell.names["sorted_texts"] = frame.text.sort_values()
    shell.names["some_texts"] = frame.text[frame.text != "b"]
    shell.names["others"] = pd.Series(["x", "y", "z"], index=[10, 11, 12])
    shell.standin.answer_to |= {name: completion(f"said {name}") for name in "abcxyz"}
    shell.run(f"%%chat map {values} -o frame['said']\n@{{value}}")
    assert [None if pd.isna(said) else said for said in frame.said] == expected


def test_a_table_has_columns_to_choose_from(shell: Shell) -> None:
    shell.names["frame"] = pd.DataFrame({"text": ["b"]})
    with pytest.raises(errors.CellError, match="is a table"):
        shell.run("%%chat map frame -o out\n@{value}")


def test_zero_and_false_are_values(shell: Shell) -> None:
    shell.names["values"] = [0, False, 0.0]
    shell.run("%%chat map values -o out\nJudge: @{value}")
    assert len(contents(shell)) == 3


@pytest.mark.parametrize(
    ("target", "setup"),
    [
        ('frame["label"]', pl.DataFrame({"a": [1, 2]})),
        ('frame["label"]', pd.DataFrame({"a": [1, 2, 3]})),
        ('frame["a"]["b"]', {"x": 1}),
        ("frame.label", 7),
        ("1 + 1", None),
        ("f(x)", None),
        ("a b", None),
        ('nothing["x"]', None),
    ],
)
def test_a_target_that_cannot_take_them_is_found_first(
    shell: Shell, target: str, setup: Any
) -> None:
    shell.names.update(texts=["a", "b"], frame=setup)
    with pytest.raises(errors.CellError, match="-o "):
        shell.run(f"%%chat map texts -o '{target}'\nJudge: @{{value}}")
    assert shell.sent == []


@pytest.mark.parametrize(
    ("target", "frame"),
    [
        ('frame["label"]', pd.DataFrame({"a": [1, 2]})),
        ('frame["a"]', pd.DataFrame({"a": [1, 2]})),
        ("frame.a", pd.DataFrame({"a": [1, 2]})),
        ('frame["label"]', {}),
        ("frame[0]", [1]),
    ],
)
def test_trying_a_target_changes_nothing(shell: Shell, target: str, frame: Any) -> None:
    before = repr(frame)
    shell.names["frame"] = frame
    shell.magics.chats.check_target(target, [None, None])
    assert repr(frame) == before


def test_a_place_that_cannot_be_written_is_found_first(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    monkeypatch.setattr(type(shell.magics.chats), "beside", lambda *_: Path("missing/x.jsonl"))
    shell.names["texts"] = ["a"]
    with pytest.raises(errors.CellError, match="cannot be recorded"):
        shell.run("%%chat map texts -o out\nJudge")
    assert shell.sent == []


class Odd:
    def __str__(self) -> str:
        raise KeyError("no text")


def test_any_fault_of_a_row_is_that_rows(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run(
        "from pydantic import BaseModel, field_validator\n"
        "class Label(BaseModel):\n"
        "    name: str\n"
        "    @field_validator('name')\n"
        "    @classmethod\n"
        "    def check(cls, value):\n"
        "        return {'good': value}[value]\n"
    )
    for text in ("good", "bad"):
        shell.standin.answer_to[f"Judge: {text}"] = completion(f'{{"name": "{text}"}}')
    shell.names["values"] = ["good", "bad", Odd(), "caf\udce9"]
    shell.standin.answer_to["Judge: caf?"] = completion('{"name": "good"}')
    shell.run("%%chat map values -o out --as Label -j 2\nJudge: @{value}")
    good, bad, odd, last = shell.names["out"]
    assert good.name == "good"
    assert isinstance(bad, errors.CellError)
    assert "KeyError" in bad.message
    assert isinstance(odd, errors.CellError)
    assert last.name == "good"
    assert shell.names["_chat"] == shell.names["out"]
    assert "of 4 failed" in capsys.readouterr().out


def test_results_are_there_where_the_target_refuses_at_last(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = type(shell.magics.chats)
    monkeypatch.setattr(chats, "check_target", lambda *_: None)
    shell.names.update(texts=["a"], frame=pl.DataFrame({"a": [1]}))
    with pytest.raises(errors.CellError, match="cannot be stored"):
        shell.run("%%chat map texts -o frame['x']\nJudge")
    assert shell.names["_chat"] == ["Hello"]


def test_a_limit_with_a_time_is_waited_for_within_a_bound(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = {"error": {"message": "Slow down.", "type": "rate_limit_error"}}
    monkeypatch.setattr(map_magic, "MOST_WAITING", 1.5)
    shell.names["texts"] = ["a"]
    shell.standin.reply(limit, status=429, headers={"Retry-After": "1"})
    begun = time.monotonic()
    shell.run("%%chat map texts -o out\nSay it")
    assert shell.names["out"] == ["Hello"]
    assert time.monotonic() - begun >= 1
    for _ in range(2):
        shell.standin.reply(limit, status=429, headers={"Retry-After": "1"})
    shell.names["texts"] = ["b"]
    shell.run("%%chat map texts -o out\nSay it")
    assert isinstance(shell.names["out"][0], errors.RateLimitError)


def test_waiting_ends_at_once_when_the_cell_is_stopped() -> None:
    stopped = threading.Event()
    stopped.set()

    def limited() -> None:
        raise errors.RateLimitError("Slow down.", retry_after=100)

    with pytest.raises(errors.RateLimitError):
        map_magic._patiently(limited, stopped)
