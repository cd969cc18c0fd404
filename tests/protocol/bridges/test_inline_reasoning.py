"""Reasoning in tags is reasoning wherever it is cut, and only at the beginning of an answer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.bridges.chat_reader import ChatReader
from aqueduct_jupyter.protocol.items import ItemEvent, in_order

from .answers import feed, items, read_failure
from .test_chat_reader import call, chunk

TEXTS = st.text(st.sampled_from("<think>/ \nab"), max_size=30) | st.lists(
    st.sampled_from(["<think>", "</think>", "<", "</th", " ", "\n", "a", "b"]), max_size=9
).map("".join)


def said(events: list[ItemEvent]) -> list[tuple[str, str]]:
    return [(kind, text) for kind, _, _, text, _ in items(events)]


def expected(text: str) -> list[tuple[str, str]]:
    found = re.fullmatch(r"[ \t\r\n]*<think>[ \t\r\n]*(.*?)(?:</think>[ \t\r\n]*(.*))?", text, re.S)
    kinds = [("reasoning", found[1]), ("text", found[2])] if found else [("text", text)]
    return [(kind, part) for kind, part in kinds if part]


def streamed(*pieces: str, **more: Any) -> list[ItemEvent]:
    return feed(ChatReader(read_failure), *(chunk(content=p) for p in pieces), chunk("stop"), *more)


def whole(**message: Any) -> list[ItemEvent]:
    answer = {"choices": [{"message": message, "finish_reason": "stop"}]}
    return list(in_order(ChatReader(read_failure).whole(answer)))


@given(TEXTS, st.data())
def test_it_is_the_same_wherever_the_text_is_cut(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert said(streamed(*pieces)) == expected(text)
    assert said(streamed(*text)) == expected(text)
    assert said(whole(content=text)) == expected(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<think>\nHm.\n</think>\n\nYes.", [("reasoning", "Hm.\n"), ("text", "Yes.")]),
        ("\n<think>Hm", [("reasoning", "Hm")]),
        ("<think>Hm</thi", [("reasoning", "Hm</thi")]),
        ("<think>\n\n</think>\n\nYes", [("text", "Yes")]),
        ("<think></think>", []),
        ("\n <thin", [("text", "\n <thin")]),
        ("So: <think>no</think>", [("text", "So: <think>no</think>")]),
        (
            "<think>a</think>b<think>c</think>",
            [("reasoning", "a"), ("text", "b<think>c</think>")],
        ),
    ],
)
def test_only_what_begins_with_the_tag_is_split(text: str, parts: list[tuple[str, str]]) -> None:
    assert said(streamed(*text)) == said(whole(content=text)) == expected(text) == parts


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_a_server_that_names_reasoning_has_no_tags_of_its_own(field: str) -> None:
    text = "<think>no</think>"
    parts = [("reasoning", "Hm"), ("text", text)]
    assert said(whole(content=text, **{field: "Hm"})) == parts
    chunks = [chunk(**{field: "Hm"}), *(chunk(content=piece) for piece in text), chunk("stop")]
    assert said(feed(ChatReader(read_failure), *chunks)) == parts


def test_a_call_ends_reasoning_that_was_not_closed() -> None:
    calls = [call(index=0, id="c1", name="look", arguments="{}")]
    chunks = [chunk(content="<think>Hm</th"), chunk(tool_calls=calls), chunk(content="</think>Yes")]
    assert said(feed(ChatReader(read_failure), *chunks, chunk("tool_calls"))) == [
        ("reasoning", "Hm</th"),
        ("tool_call", "{}"),
        ("text", "</think>Yes"),
    ]


def test_alike_chunks_are_split_too() -> None:
    reader = ChatReader(read_failure)
    wire = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'
    reads = [wire % b"<th", wire % b"ink>H" + wire % b"m</th", wire % b"ink> " + wire % b"Yes"]
    events = [item for frames in reads for item in reader.read(frames)]
    assert said([*events]) == [("reasoning", "Hm"), ("text", "Yes")]
