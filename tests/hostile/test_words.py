"""Any bytes and any JSON as the body of a chat: an answer or a refusal, never a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..examples import examples
from ..real_server import KEY, RealServer
from ..standin import StandIn

JSON_BODY = {"Content-Type": "application/json"}
USER = '{"role": "user", "content": "Hi"}'
SCHEMA = '"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": %s}}'
DIGITS = "9" * 4_000


def post(server: RealServer, body: bytes, path: str = "v1/chat/completions") -> httpx.Response:
    return server.http.post(path, content=body, headers=JSON_BODY)


def check(response: httpx.Response) -> str:
    """Check that it is an answer, or a refusal as clients know it; give the refusal's message."""
    assert KEY not in response.text
    if response.status_code == 200:
        return ""
    assert 400 <= response.status_code < 500, response.text[:500]
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert len(error["message"]) < 3_000
    return str(error["message"])


def with_field(field: str) -> bytes:
    return f'{{"messages": [{USER}], "model": "campus/x", {field}}}'.encode()


def with_schema(schema: str) -> bytes:
    return with_field(SCHEMA % schema)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (with_field('"x": NaN'), "not valid JSON"),
        (with_field('"x": Infinity'), "not valid JSON"),
        (with_field('"x": 1e400'), "too large"),
        (with_field('"x": [[{"a": -1e999}]]'), "too large"),
        (with_field('"temperature": 1e400'), "too large"),
        (with_field(f'"x": {DIGITS * 2}'), "not valid JSON"),
        (with_field(f'"max_tokens": -{DIGITS}'), "1 or more"),
        (with_field('"x": "\\ud800"'), "not valid JSON"),
        (with_field('"\\udfff": 1'), "not valid JSON"),
        (with_field(f'"x": {"[" * 100_000}'), "not valid JSON"),
        (with_field(f'"x": {"[" * 100_000 + "]" * 100_000}'), "not valid JSON"),
        (with_field('"x": "\x01"'), "not valid JSON"),
        (b"\xef\xbb\xbf" + with_field('"x": 1'), "not valid JSON"),
        (with_field('"x": 1').decode().encode("utf-16"), "not valid JSON"),
        (with_field(f'"model": "{"m" * 10**6}"'), "512 characters"),
        (with_field(f'"logit_bias": {{"{"k" * 10**6}": "x"}}'), "logit_bias"),
        (with_schema('{"$schema": []}'), "valid JSON schema"),
        (with_schema('{"$schema": 5}'), "valid JSON schema"),
        (with_schema('{"pattern": "a{2,1}"}'), "valid JSON schema"),
        (with_schema(f'{{"pattern": "{"(" * 5_000}"}}'), "valid JSON schema"),
        (with_schema('{"not": ' * 190 + "{}" + "}" * 190), "valid JSON schema"),
        (b'{"messages": [{"role": "user", "content": [null]}]}', "messages[0].content[0]"),
        (b'{"messages": [{"role": {}, "content": "x"}]}', "messages[0].role"),
        (b'{"messages": {"role": "user", "content": "x"}}', "messages"),
    ],
    ids=range(24),
)
def test_hostile_json_is_refused_with_a_sentence(
    server: RealServer, upstream: StandIn, body: bytes, says: str
) -> None:
    before = len(upstream.chats)
    response = post(server, body)
    assert response.status_code == 400
    assert says in check(response)
    assert len(upstream.chats) == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (f'"x": {DIGITS}', int(DIGITS)),
        (f'"x": {"[" * 190 + "]" * 190}', json.loads("[" * 190 + "]" * 190)),
        ('"x": 1, "x": 2', 2),
        ('"x": 1e308', 1e308),
        ('"x": 5e-324', 5e-324),
        ('"x": "\\u0000\\ud83d\\ude00"', "\0\U0001f600"),
        ('"x": "\u2028\\u2029"', "\u2028\u2029"),
    ],
    ids=range(7),
)
def test_odd_json_is_passed_on_as_what_it_says(
    server: RealServer, upstream: StandIn, field: str, value: Any
) -> None:
    assert post(server, with_field(field)).status_code == 200
    assert upstream.chats[-1].json["x"] == value


def test_the_last_of_two_equal_keys_is_checked_and_sent(
    server: RealServer, upstream: StandIn
) -> None:
    twice = b'{"model": "none", "model": "campus/y", "messages": 5, "messages": [%b]}'
    assert post(server, twice % USER.encode()).status_code == 200
    assert upstream.chats[-1].json == {"model": "y", "messages": [json.loads(USER)]}


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "file", "audio"]) | JSON},
    optional={
        "text": JSON,
        "image_url": st.fixed_dictionaries({"url": JSON}) | JSON,
        "file": st.fixed_dictionaries(
            {}, optional={"file_data": JSON, "file_id": JSON, "filename": JSON}
        ),
    },
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"]) | JSON},
    optional={
        "content": TEXT | st.lists(PARTS | JSON, max_size=3) | JSON,
        "name": JSON,
        "tool_calls": JSON,
        "tool_call_id": JSON,
    },
)
BODIES = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGES | JSON, max_size=3) | JSON},
    optional={
        "model": st.sampled_from(["campus/x", "inline-model", "real-name", ""]) | JSON,
        "stream": st.booleans() | JSON,
        "stream_options": JSON,
        "response_format": st.fixed_dictionaries(
            {"type": st.just("json_schema")},
            optional={"json_schema": st.fixed_dictionaries({"name": TEXT, "schema": JSON})},
        ),
        **dict.fromkeys(["temperature", "n", "stop", "tools", "logit_bias", "metadata", "x"], JSON),
    },
)


VALID: dict[str, Any] = {
    "model": "campus/x",
    "messages": [
        {"role": "system", "content": "Be short.", "name": "s"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Hi"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                {"type": "input_text", "text": "Hi"},
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.txt", "file_data": "data:;base64,SGk="}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "content": [{"type": "text", "text": "7"}], "tool_call_id": "1"},
        {"role": "assistant", "content": "7", "refusal": None},
        {"role": "user", "content": "And?"},
    ],
    "stream": False,
    "stream_options": {"include_usage": True},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {}}}},
    },
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "tool_choice": "auto",
    "temperature": 1.0,
    "n": 1,
    "stop": ["x"],
    "logit_bias": {"1": 1},
    "metadata": {"a": "b"},
    "max_tokens": 5,
    "seed": 1,
    "user": "me",
    "top_logprobs": 0,
    "x": {"y": [1]},
}
ODD: list[Any] = [
    5,
    -1,
    1.5,
    True,
    None,
    "",
    "x",
    "\0\u202e",
    [],
    {},
    [None],
    [[]],
    {"a": 1},
    10**30,
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Walk through all there is, so that a new field is mutated without being named here."""
    inner = enumerate(value) if isinstance(value, list) else getattr(value, "items", tuple)()
    for key, within in inner:
        yield (*path, key)
        yield from places(within, (*path, key))


def mutated(path: tuple[Any, ...], odd: Any) -> dict[str, Any]:
    """Give the valid body with one field changed."""
    body = deepcopy(VALID)
    owner: Any = body
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = odd
    return body


@pytest.mark.parametrize("model", ["campus/x", "inline-model", "demo/echo"])
def test_a_valid_body_is_answered(server: RealServer, model: str) -> None:
    assert check(post(server, json.dumps({**VALID, "model": model}).encode())) == ""


@pytest.mark.parametrize("path", list(places(VALID)), ids=lambda path: ".".join(map(str, path)))
def test_one_odd_field_is_answered_or_refused(server: RealServer, path: tuple[Any, ...]) -> None:
    for odd in ODD:
        for model in ("campus/x", "demo/echo") if path != ("model",) else ("",):
            body = mutated(path, odd)
            check(post(server, json.dumps({**body, "model": model} if model else body).encode()))


@settings(max_examples=examples(100))
@given(BODIES)
def test_any_words_are_answered_or_refused(server: RealServer, body: Any) -> None:
    check(post(server, json.dumps(body).encode()))


@settings(max_examples=examples(50))
@given(JSON | BODIES)
def test_any_words_are_kept_or_refused_as_a_conversation(server: RealServer, body: Any) -> None:
    check(post(server, json.dumps(body).encode(), "aqueduct/conversations"))


@given(st.binary(max_size=200))
def test_any_bytes_are_answered_or_refused(server: RealServer, body: bytes) -> None:
    check(post(server, body))


TYPED = "data:text/plain;base64,"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        (TYPED + "SGk", "padding"),
        (TYPED + "SGk=SGk=", "base64"),
        (TYPED + "====", "base64"),
        (TYPED + "=", "base64"),
        (TYPED + "S Gk=", "in one line"),
        (TYPED + "SGk=\n", "in one line"),
        (TYPED + "SGk_-w==", "URL-safe"),
        (TYPED + "\u0160Gk=", "base64"),
        (TYPED, "no text"),
        ("data:text/plain," + "SGk=", "data URI"),
        ("data:" + "x" * 5_000 + ";base64,SGk=", "data URI"),
        ("SGk=", "data URI"),
        ("file:///etc/passwd", "data URI"),
        ("http://127.0.0.1/x;base64,SGk=", "data URI"),
        (TYPED + "AP8A", "not supported"),
        ("data:text/plain;charset=rot13;base64,/w==", "is not known"),
        ("data:text/plain\r\nX-Injected: 1;base64,SGk=", None),
        ("DATA:;BASE64,SGk=", None),
    ],
)
def test_odd_base64_is_read_exactly_or_refused(
    server: RealServer, uri: str, says: str | None
) -> None:
    file = {"type": "file", "file": {"filename": "a", "file_data": uri}}
    messages = [{"role": "user", "content": [file]}]
    for model in ("campus/x", "inline-model"):
        body = {"model": model, "messages": messages}
        message = check(post(server, json.dumps(body).encode()))
        if model == "campus/x":
            assert (says or "") in message
            assert bool(message) is bool(says)
