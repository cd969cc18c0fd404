"""What bridges cost: for twice as much at most three times as long, whatever a side sends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from aqueduct_jupyter.gateway.requests.bridged_stream import BridgedStream
from aqueduct_jupyter.gateway.requests.checked_stream import CheckedStream
from aqueduct_jupyter.gateway.requests.event_streams import MessagesStream, ResponsesStream
from aqueduct_jupyter.gateway.requests.forms import decode_form
from aqueduct_jupyter.gateway.requests.operations import MESSAGES, RESPONSES
from aqueduct_jupyter.gateway.requests.stream import AnswerStream
from aqueduct_jupyter.gateway.upstreams.secrets import Secrets
from aqueduct_jupyter.protocol.bridges.chat_reader import ChatReader
from aqueduct_jupyter.protocol.bridges.chat_writer import ChatWriter
from aqueduct_jupyter.protocol.bridges.forms import AnswerHead
from aqueduct_jupyter.protocol.bridges.messages_reader import MessagesReader
from aqueduct_jupyter.protocol.bridges.messages_request import (
    chat_from_messages,
    messages_from_chat,
)
from aqueduct_jupyter.protocol.bridges.messages_writer import MessagesWriter
from aqueduct_jupyter.protocol.bridges.responses_reader import ResponsesReader
from aqueduct_jupyter.protocol.bridges.responses_request import (
    chat_from_responses,
    responses_from_chat,
)
from aqueduct_jupyter.protocol.bridges.responses_writer import ResponsesWriter
from aqueduct_jupyter.protocol.messages import read_messages_request
from aqueduct_jupyter.protocol.plain_requests import EmbeddingWords, plain_reader
from aqueduct_jupyter.protocol.responses import read_responses_request

from ..standin import chunk, event, message_events, response_events
from .test_costs import MOST, TRIES, fed, ratio

READERS = {"chat": ChatReader, "responses": ResponsesReader, "messages": MessagesReader}
WRITERS = {"chat": ChatWriter, "responses": ResponsesWriter, "messages": MessagesWriter}
TEXT = {
    "chat": chunk("x" * 20),
    "responses": response_events("x" * 20)[3],
    "messages": message_events("x" * 20)[2],
}
BEGIN = {
    "chat": b"",
    "responses": b"".join(response_events()[:3]),
    "messages": b"".join(message_events()[:2]),
}


def bridged(source: str, target: str, size: int, wire: bytes) -> None:
    head = AnswerHead("id_1", "llama", 1)
    stream = BridgedStream("campus", Secrets(), READERS[source], WRITERS[target](head))  # type: ignore[type-abstract]  # every writer
    fed(stream.feed, BEGIN[source] + wire * (size // len(wire)), 5000)


def unlike(target: str, size: int) -> None:
    """Chunks of which each has a number of its own, so that none is like the one before."""
    feed = b"".join(chunk("x" * 20, number=number) for number in range(size // 200))
    bridged("chat", target, size, feed)


def begun(opening: str, piece: str) -> Callable[[int], None]:
    """A text that begins in this way, and goes on in the smallest pieces."""

    def feed(size: int) -> None:
        stream = BridgedStream(
            "campus", Secrets(), ChatReader, ResponsesWriter(AnswerHead("id_1", "llama", 1))
        )
        fed(stream.feed, chunk(opening) + chunk(piece) * (size // 150), 5000)

    return feed


def call_chunk(index: int) -> bytes:
    call = {"index": index, "id": f"c{index}", "function": {"name": "f", "arguments": "{ "}}
    return event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})


def interleaved(target: str) -> Callable[[int], None]:
    """Deltas of many calls, in turns: all but the first are held back."""

    def feed(size: int) -> None:
        calls = b"".join(map(call_chunk, range(size // 1000)))
        bridged("chat", target, size * 10, calls)

    return feed


def responses(items: Callable[[int], list[dict[str, Any]]]) -> Callable[[int], Any]:
    def ask(size: int) -> Any:
        body = {"model": "m", "input": items(size)}
        RESPONSES.count_input(read_responses_request(body))
        return chat_from_responses(body)

    return ask


def call(number: int) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"}


def turns(size: int) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for number in range(size // 300):
        made += [
            {
                "type": "reasoning",
                "summary": [],
                "content": [{"type": "reasoning_text", "text": "x"}],
            },
            {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": f"c{number}", "output": "x"},
            {"role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
        ]
    return made


def parallel(size: int) -> list[dict[str, Any]]:
    """All calls first, and then all outputs in the opposite order."""
    count = size // 150
    calls = [
        {"type": "function_call", "call_id": f"c{n}", "name": "f", "arguments": "{}"}
        for n in range(count)
    ]
    outputs = [
        {"type": "function_call_output", "call_id": f"c{n}", "output": "x"} for n in range(count)
    ]
    return [*calls, *outputs[::-1]]


def messages(size: int) -> Any:
    made: list[dict[str, Any]] = []
    for number in range(size // 300):
        use = {"type": "tool_use", "id": f"t{number}", "name": "f", "input": {}}
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": "x"}
        made += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}, *made]}
    MESSAGES.count_input(read_messages_request(body))
    return messages_from_chat(chat_from_messages(body).body)


def tools(size: int) -> Any:
    made = [
        {"type": "namespace", "name": f"n{n}", "tools": [{"type": "function", "name": "f"}]}
        for n in range(size // 200)
    ]
    return chat_from_responses({"model": "m", "input": "x", "tools": made})


def form(size: int) -> Any:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    return decode_form(part * (size // len(part)) + b"--x--\r\n", "multipart/form-data; boundary=x")


COSTS: dict[str, tuple[int, Callable[[int], Any]]] = {
    **{
        f"{source} -> {target}": (
            200_000,
            lambda size, source=source, target=target: bridged(source, target, size, TEXT[source]),
        )
        for source in READERS
        for target in WRITERS
    },
    **{
        f"unlike chunks -> {target}": (
            200_000,
            lambda size, target=target: unlike(target, size),
        )
        for target in WRITERS
    },
    "reasoning in the text": (500_000, begun("<think>", "</think")),
    "blanks before the text": (500_000, begun("", " ")),
    "one huge event": (
        10**6,
        lambda size: bridged("chat", "responses", size, b'data: {"x": "' + b"x" * size),
    ),
    **{f"interleaved calls -> {target}": (50_000, interleaved(target)) for target in WRITERS},
    "responses as they are": (
        10**6,
        lambda size: fed(ResponsesStream("campus").feed, TEXT["responses"] * (size // 300), 5000),
    ),
    "messages as they are": (
        10**6,
        lambda size: fed(MessagesStream("campus").feed, TEXT["messages"] * (size // 150), 5000),
    ),
    "turns of responses": (100_000, responses(turns)),
    "parallel calls": (100_000, responses(parallel)),
    "turns of messages": (100_000, messages),
    "chat as responses": (
        100_000,
        lambda size: responses_from_chat(chat_from_responses({"input": turns(size)}).body),
    ),
    "tools in namespaces": (100_000, tools),
    "fields of a form": (10**6, form),
    "texts to embed": (
        400_000,
        lambda size: plain_reader(EmbeddingWords)({"input": ["x"] * (size // 4)}),
    ),
    "nested content": (
        100_000,
        lambda size: RESPONSES.count_input(
            read_responses_request(json.loads('{"input":' + nested(size) + "}"))
        ),
    ),
}


def nested(size: int) -> str:
    depth = min(size // 20, 400)
    inner = '{"type":"x","content":[' * depth + "]}" * depth
    return "[" + ",".join([inner] * (size // (25 * depth))) + "]"


@pytest.mark.parametrize("name", COSTS)
def test_twice_as_much_takes_at_most_three_times_as_long(name: str) -> None:
    size, read = COSTS[name]
    assert any(ratio(read, size) <= MOST for _ in range(TRIES))


MOST_BRIDGED = 4.0
"""How much longer a chunk may take that is translated than one that passes."""


@pytest.mark.parametrize("target", ["responses", "messages"])
def test_a_chunk_of_many_takes_at_most_four_times_as_long_over_a_bridge(target: str) -> None:
    read = TEXT["chat"] * 30

    def seconds(make: Callable[[], CheckedStream]) -> float:
        stream = make()
        began = time.perf_counter()
        for _ in range(100):
            stream.feed(read)
        return time.perf_counter() - began

    def bridge() -> CheckedStream:
        head = AnswerHead("id_1", "llama", 1)
        return BridgedStream("campus", Secrets(), ChatReader, WRITERS[target](head))  # type: ignore[type-abstract]  # every writer

    rounds = [(seconds(bridge), seconds(passing)) for _ in range(20)]
    translated, passed = (min(times) for times in zip(*rounds, strict=True))
    assert translated <= MOST_BRIDGED * passed


def passing() -> CheckedStream:
    return AnswerStream("campus", wants_usage=False)
