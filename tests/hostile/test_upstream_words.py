"""An upstream that says odd things: in its errors, its tokens, its list of models.

Whatever it says, the client gets an answer or a refusal in our words, and the ledger its row.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aqueduct_jupyter.gateway.upstreams.failures import failure_from_event, failure_from_response
from aqueduct_jupyter.gateway.upstreams.model_lists import read_model_list
from aqueduct_jupyter.gateway.upstreams.secrets import Secrets
from aqueduct_jupyter.protocol.errors import AqueductError

from ..examples import examples
from ..real_server import KEY, RealServer
from ..standin import DONE, StandIn, chunk, completion, event

SURROGATE, LONG, HUGE = "\ud800", "x" * 100_000, 10**30
ODD_TEXTS = [SURROGATE, LONG, "", "\0", "a\r\nX-Injected: 1", "<script>", "\u202e", KEY]
ODD_VALUES = [*ODD_TEXTS, None, True, -1, 1.5, HUGE, [], {}, [SURROGATE], {"a": 1}]


def check_row(server: RealServer, response: Any, outcome: str) -> dict[str, Any]:
    row = server.row(response)
    assert row["outcome"] == outcome
    assert "x-injected" not in response.headers
    assert KEY not in response.text
    assert len(response.text) < 10_000
    return row


@pytest.mark.parametrize("value", ODD_VALUES, ids=range(len(ODD_VALUES)))
@pytest.mark.parametrize("name", ["message", "type", "param", "code"])
def test_an_odd_error_has_its_row(
    server: RealServer, upstream: StandIn, name: str, value: Any
) -> None:
    error = {"error": {"message": "No.", name: value}}
    upstream.reply(error, status=400)
    whole = server.ask()
    upstream.stream(chunk("Hi"), event(error))
    streamed = server.ask(stream=True)
    assert whole.status_code == 400
    assert streamed.status_code == 200
    for response in (whole, streamed):
        check_row(server, response, "failed")
    assert "\nX-Injected" not in server.log
    last = streamed.content.rstrip().split(b"\n\n")[-1].removeprefix(b"data: ")
    for said in (whole.json(), json.loads(last)):
        assert all(isinstance(word, str | None) for word in said["error"].values())
        json.dumps(said, ensure_ascii=False).encode()


USAGES = [*ODD_VALUES, {"prompt_tokens": HUGE, "completion_tokens": 1}, {"prompt_tokens": "x"}]
USAGES += [{"prompt_tokens": -5, "completion_tokens": 1}, {"completion_tokens": 1.5}]


@pytest.mark.parametrize("usage", USAGES, ids=range(len(USAGES)))
def test_odd_tokens_have_their_row_and_no_nonsense_in_it(
    server: RealServer, upstream: StandIn, usage: Any
) -> None:
    upstream.reply({**completion(), "usage": usage})
    whole = server.ask()
    upstream.stream(chunk("Hi"), event({"choices": [], "usage": usage}), DONE)
    streamed = server.ask(stream=True)
    for response in (whole, streamed):
        assert response.status_code == 200
        row = server.row(response)
        assert row["outcome"] == "whole"
        assert 0 <= (row["tokens_in"] or 0) < 2**53
        assert 0 <= (row["tokens_out"] or 0) < 2**53
    assert streamed.content.endswith(DONE)
    assert server.http.get("aqueduct/usage").status_code == 200


LISTS = [
    *({"data": None}, {"data": {}}, {"data": ["x"]}, {"data": [{"id": ["x"]}]}, [], "x", None),
    *({"data": [{"id": value, "created": value, "owned_by": value}]} for value in ODD_VALUES),
]


@pytest.mark.parametrize("said", LISTS, ids=range(len(LISTS)))
def test_an_odd_list_of_models_is_a_list_or_an_error(said: Any) -> None:
    try:
        models = read_model_list("campus", json.dumps(said).encode())
    except AqueductError:
        models = []
    for model in models:
        assert 0 < len(model.id) <= 512
        model.model_dump_json().encode()


TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
WORDS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["message", "type", "param", "code", "detail", "error"], JSON)
)


@settings(max_examples=examples(300))
@given(st.integers(100, 999), WORDS | st.fixed_dictionaries({"error": WORDS}) | JSON)
def test_any_failure_is_a_sentence(status: int, words: Any) -> None:
    body = json.dumps(words).encode()
    for error in (
        failure_from_response("campus", status, {}, body, Secrets(KEY)),
        failure_from_event("campus", json.loads(body), Secrets(KEY)),
    ):
        assert 400 <= error.status < 600
        assert error.message
        json.dumps(error.envelope(), ensure_ascii=False).encode()


@given(st.fixed_dictionaries({"data": st.lists(WORDS | JSON, max_size=3) | JSON}) | JSON)
def test_any_list_of_models_is_a_list_or_an_error(said: Any) -> None:
    try:
        read_model_list("campus", json.dumps(said).encode())
    except AqueductError as error:
        assert error.message  # noqa: PT017  # either is right
