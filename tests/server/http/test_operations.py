"""What holds for every operation: one table of them, and one test for each promise."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway import encoding
from aqueduct_jupyter.gateway.requests import answers
from aqueduct_jupyter.gateway.requests.operations import OPERATIONS
from aqueduct_jupyter.protocol.bridges.thinking_blocks import sealed_thinking
from aqueduct_jupyter.server.http.operations import PIECE_BYTES, OperationHandler

from ...standin import CUT, HANG, Received, StandIn, chunk, message_events, named, response_events
from ..conftest import Ask, Settings, campus
from .test_chat import error_of, ledger, ledger_row

SAY = [{"role": "user", "content": "Hi"}]


@dataclass(frozen=True)
class Case:
    """One operation, over an upstream that has it or over a bridge."""

    path: str
    body: dict[str, Any]
    target: str = ""
    length: str = ""
    begins: list[bytes] = field(default_factory=list)
    """The beginning of a stream of what the upstream is asked for."""

    @property
    def asked(self) -> str:
        return self.target or self.path

    @property
    def id(self) -> str:
        return f"{self.path} over {self.target}" if self.target else self.path

    @property
    def is_form(self) -> bool:
        return OPERATIONS[self.path].is_form


RESPONSES = {"input": "Hi"}
MESSAGES = {"messages": SAY, "max_tokens": 7}
CHAT = [chunk("Hel")]
CASES = [
    Case("chat/completions", {"messages": SAY}, length="max_tokens", begins=CHAT),
    Case("responses", RESPONSES, length="max_output_tokens", begins=response_events()[:4]),
    Case("responses", RESPONSES, "chat/completions", "max_output_tokens", CHAT),
    Case("responses", RESPONSES, "messages", "max_output_tokens", message_events()[:3]),
    Case("messages", MESSAGES, length="max_tokens", begins=message_events()[:3]),
    Case("messages", MESSAGES, "chat/completions", "max_tokens", CHAT),
    Case("messages", MESSAGES, "responses", "max_tokens", response_events()[:4]),
    Case("chat/completions", {"messages": SAY}, "responses", "max_tokens", response_events()[:4]),
    Case("chat/completions", {"messages": SAY}, "messages", "max_tokens", message_events()[:3]),
    Case("completions", {"prompt": "Hi"}, length="max_tokens", begins=CHAT),
    Case("completions", {"prompt": "Hi"}, "chat/completions", "max_tokens", CHAT),
    Case("embeddings", {"input": ["a", "b"]}),
    Case("moderations", {"input": "a"}),
    Case("rerank", {"query": "a", "documents": ["b", "c"]}),
    Case("audio/speech", {"input": "Hi", "voice": "alloy"}),
    Case("audio/transcriptions", {}),
    Case("images/generations", {"prompt": "a bridge"}),
    Case("responses/compact", RESPONSES),
    Case("responses/compact", RESPONSES, "chat/completions", "max_output_tokens"),
    Case("responses/compact", RESPONSES, "messages", "max_output_tokens"),
]
NAMED = {case.id: case for case in CASES}
every = pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
STREAMED = [case for case in CASES if case.begins]
streamed = pytest.mark.parametrize("case", STREAMED, ids=[case.id for case in STREAMED])
MODES = {
    "chat/completions": {"chat": "native", "responses": "bridge", "messages": "bridge"},
    "responses": {"chat": "bridge", "responses": "native", "messages": "bridge"},
    "messages": {"chat": "bridge", "responses": "bridge", "messages": "native"},
}


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """The case of a parametrized test, from which the server's settings are made."""
    found: Case = request.node.callspec.params["case"]
    return found


@pytest.fixture
def limits() -> dict[str, Any]:
    return {}


@pytest.fixture
def settings(standin: StandIn, case: Case, limits: dict[str, Any]) -> Settings:
    apis = dict(MODES[case.target], completions="bridge") if case.target else {}
    return {"upstreams": {"campus": campus(standin, apis=apis)}, "limits": limits}


async def post(http: httpx.AsyncClient, case: Case, **more: Any) -> httpx.Response:
    if case.is_form:
        sound = {"file": ("a.wav", b"RIFF \0 sound", "audio/wav")}
        return await http.post(f"v1/{case.path}", data={"model": "real-name", **more}, files=sound)
    return await http.post(f"v1/{case.path}", json={"model": "real-name", **case.body, **more})


def sent_to(standin: StandIn) -> Received:
    (sent,) = [request for request in standin.received if request.method == "POST"]
    return sent


async def has_been_asked(standin: StandIn) -> None:
    async with asyncio.timeout(5):
        # The stand-in has an event loop of its own.
        while all(request.method != "POST" for request in standin.received):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@every
async def test_it_is_answered_and_has_its_row(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path, case: Case
) -> None:
    answer = await post(http, case)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-request-id"].startswith("req_")
    sent = sent_to(standin)
    assert sent.path == f"/v1/{case.asked}"
    assert sent.headers["authorization"] == "Bearer sk-secret"
    assert sent.headers["x-request-id"] == answer.headers["x-request-id"]
    # The row is written once the upstream has ended, which may be after the client has its answer.
    row = await ledger_row(extension, tmp_path)
    assert await ledger(extension, tmp_path) == [row]
    assert (row["api"], row["upstream"]) == (OPERATIONS[case.path].name, "campus")
    assert row["upstream_api"] == OPERATIONS[case.asked].name
    assert (row["outcome"], row["status"], row["model"]) == ("whole", 200, "real-name")
    assert row["tokens_in"] is not None
    if case.length:
        assert (row["tokens_in"], row["tokens_out"], row["is_estimated"]) == (3, 2, 0)


@every
async def test_the_body_goes_upstream_with_nothing_but_its_model_changed(
    http: httpx.AsyncClient, standin: StandIn, case: Case
) -> None:
    await post(http, case, temperature=0.5)
    sent = sent_to(standin)
    if case.is_form:
        assert b'name="model"\r\n\r\nreal-name' in sent.body
        assert b'name="temperature"\r\n\r\n0.5' in sent.body
        assert b'filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF \0 sound' in sent.body
    elif not case.target:
        assert sent.json == {"model": "real-name", **case.body, "temperature": 0.5}
    else:
        assert "Hi" in sent.body.decode()
        assert sent.json["model"] == "real-name"


@streamed
async def test_a_stream_has_its_row_and_its_end(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path, case: Case
) -> None:
    answer = await post(http, case, stream=True)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    is_messages = case.path == "messages"
    assert answer.text.rstrip().endswith('"message_stop"}' if is_messages else "data: [DONE]")
    text = "".join(re.findall(r'"(?:content|text|delta)": ?"([^"]*)"', answer.text))
    assert "Hello" in text
    # The row is written once the upstream has ended, which may be after the client has its answer.
    row = await ledger_row(extension, tmp_path)
    assert await ledger(extension, tmp_path) == [row]
    assert (row["outcome"], row["is_stream"], row["is_estimated"]) == ("whole", 1, 0)
    assert (row["tokens_in"], row["tokens_out"]) == (3, 2)
    assert row["first_token_ms"] is not None


@streamed
@pytest.mark.parametrize("end", ["cut", "error", "proper end"])
async def test_a_stream_that_is_cut_never_looks_complete(
    http: httpx.AsyncClient,
    standin: StandIn,
    extension: Any,
    tmp_path: Path,
    case: Case,
    end: str,
) -> None:
    error = {"type": "error", "error": {"type": "x", "message": "No memory at sk-secret"}}
    last: Any = {"cut": [CUT], "error": [named("error", **error)], "proper end": []}[end]
    standin.stream(*case.begins, 0.05, *last)
    answer = await post(http, case, stream=True)
    assert answer.status_code == 200
    assert "sk-secret" not in answer.text
    for complete in ("[DONE]", "message_stop", "response.completed", "response.incomplete"):
        if case.path != "responses" or complete != "[DONE]":
            assert complete not in answer.text
    assert "error" in answer.text.split("data: ")[-1] or "response.failed" in answer.text
    if end == "error":
        assert "No memory" in answer.text
    row = await ledger_row(extension, tmp_path)
    assert row["outcome"] == "failed"
    assert row["is_estimated"] == 1 or row["tokens_out"] is not None


@streamed
async def test_a_client_that_leaves_a_stream_frees_the_upstream(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path, case: Case
) -> None:
    standin.stream(*case.begins, HANG)
    body = {"model": "real-name", **case.body, "stream": True}
    async with http.stream("POST", f"v1/{case.path}", json=body) as answer:
        assert await anext(answer.aiter_raw())
    assert await asyncio.to_thread(sent_to(standin).client_left.wait, 5)
    row = await ledger_row(extension, tmp_path)
    assert (row["outcome"], row["is_estimated"]) == ("cancelled", 1)


@every
async def test_a_client_that_leaves_before_the_answer_frees_the_upstream(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path, case: Case
) -> None:
    standin.reply(HANG)
    asking = asyncio.create_task(post(http, case))
    await has_been_asked(standin)
    asking.cancel()
    assert await asyncio.to_thread(sent_to(standin).client_left.wait, 5)
    row = await ledger_row(extension, tmp_path)
    assert (row["outcome"], row["status"]) == ("cancelled", 499)


@every
async def test_it_can_be_stopped(http: httpx.AsyncClient, standin: StandIn, case: Case) -> None:
    standin.reply(HANG)
    asking = asyncio.create_task(post(http, case))
    await has_been_asked(standin)
    running = (await http.get("aqueduct/requests")).json()["data"]
    assert running[0]["model"] == "real-name"
    await http.delete(f"aqueduct/requests/{running[0]['id']}")
    answer = await asking
    assert "stopped" in answer.text
    assert answer.status_code >= 400


@every
async def test_a_refusal_of_the_upstream_keeps_its_status_and_sentence(
    http: httpx.AsyncClient, standin: StandIn, case: Case
) -> None:
    words = {"message": "No such voice.", "type": "odd", "param": "voice", "code": "odd"}
    standin.reply({"error": words}, status=422)
    answer = await post(http, case)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == "No such voice."
    assert (answer.json().get("type") == "error") is (case.path == "messages")


@every
async def test_a_missing_field_is_named_and_nothing_is_sent(
    http: httpx.AsyncClient, standin: StandIn, case: Case
) -> None:
    if case.is_form:
        answer = await http.post(
            f"v1/{case.path}", data={"model": "real-name"}, files={"other": b"x"}
        )
    else:
        answer = await http.post(f"v1/{case.path}", json={"model": "real-name"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in {"file", *case.body}
    assert [request.method for request in standin.received if request.method == "POST"] == []


class TestLimits:
    @pytest.fixture
    def limits(self) -> dict[str, Any]:
        return {
            "user": {"requests_per_minute": 1},
            "models": ["real-name"],
            "max_tokens": 50,
        }

    @every
    async def test_they_hold(self, http: httpx.AsyncClient, standin: StandIn, case: Case) -> None:
        refused = await post(http, case, model="campus/other")
        assert refused.status_code == 403, refused.text
        if case.length:
            long = await post(http, case, **{case.length: 51})
            assert (long.status_code, long.json()["error"]["param"]) == (400, case.length)
        first = await post(http, case)
        assert first.status_code == 200, first.text
        if case.length:
            sent = sent_to(standin).json
            limits = [value for name, value in sent.items() if name.startswith("max_")]
            assert limits == [case.body.get(case.length, 50)]
        second = await post(http, case)
        assert second.status_code == 429
        assert int(second.headers["retry-after"]) > 0


class TestAPolicy:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        def policy(asked: Any) -> None:
            asked.body["temperature"] = 0.125

        return {**settings, "policy": policy}

    @every
    async def test_it_changes_what_goes_upstream(
        self, http: httpx.AsyncClient, standin: StandIn, case: Case
    ) -> None:
        assert (await post(http, case)).status_code == 200
        assert b"0.125" in sent_to(standin).body


@pytest.mark.parametrize("case", [NAMED["audio/speech"]], ids=["audio/speech"])
async def test_a_page_in_the_place_of_a_sound_does_not_run(
    http: httpx.AsyncClient, standin: StandIn, case: Case
) -> None:
    assert (await post(http, case)).headers["content-type"] == "audio/mpeg"
    standin.reply(b"<script>hit()</script>", kind="text/html; charset=utf-8")
    answer = await post(http, case)
    assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("case", [NAMED["audio/transcriptions"]], ids=["audio/transcriptions"])
@pytest.mark.parametrize("body", [b"", b"--x\r\n", b"x" * 1000, b"--x--\r\n"])
async def test_what_is_no_form_is_400(
    http: httpx.AsyncClient, standin: StandIn, case: Case, body: bytes
) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await http.post(f"v1/{case.path}", content=body, headers=kind)
    assert (answer.status_code, bool(error_of(answer)["message"])) == (400, True)
    without = {"Content-Type": "multipart/form-data"}
    assert (await http.post(f"v1/{case.path}", content=body, headers=without)).status_code == 400


@pytest.mark.parametrize(
    "case",
    [NAMED["responses"], NAMED["messages"], NAMED["completions"]],
    ids=lambda case: case.path,
)
async def test_an_upstream_that_lacks_an_api_is_asked_once_and_bridged(
    http: httpx.AsyncClient, standin: StandIn, connect: Ask, case: Case
) -> None:
    standin.absent.add(f"/v1/{case.path}")
    for _ in range(2):
        answer = await post(http, case)
        assert (answer.status_code, "Hello" in answer.text) == (200, True)
    paths = [request.path for request in standin.received if request.method == "POST"]
    assert paths == [f"/v1/{case.path}", *["/v1/chat/completions"] * 2]


@pytest.mark.parametrize("case", [NAMED["responses"]], ids=["responses"])
async def test_a_404_for_a_model_does_not_mean_that_the_api_is_missing(
    http: httpx.AsyncClient, standin: StandIn, case: Case
) -> None:
    gone = {"error": {"message": "The model does not exist.", "code": "model_not_found"}}
    for _ in range(2):
        standin.reply(gone, status=404)
    answer = await post(http, case)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert (await post(http, case)).json()["id"].startswith("resp_")
    assert standin.received[-1].path == "/v1/responses"


@pytest.mark.parametrize("case", [NAMED["messages"]], ids=["messages"])
async def test_anthropics_headers_go_along_and_their_form_comes_back(
    http: httpx.AsyncClient, standin: StandIn, connect: Ask, case: Case
) -> None:
    headers = {"anthropic-version": "2024-01-01", "anthropic-beta": "tools-1", "x-other": "no"}
    body = {"model": "real-name", **case.body}
    answer = await http.post("v1/messages", json=body, headers=headers)
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    sent = sent_to(standin)
    assert {name: sent.headers.get(name) for name in headers} == {**headers, "x-other": None}
    count = await http.post("v1/messages/count_tokens", json={"messages": SAY, "model": "nope"})
    assert set(count.json()) == {"type", "error", "request_id"}
    assert count.headers["request-id"] == count.json()["request_id"]
    models = (await http.get("v1/models", headers=headers)).json()
    assert models["data"][0]["type"] == "model"
    assert (models["first_id"], models["has_more"]) == ("real-name", False)
    one = (await http.get("v1/models/real-name", headers=headers)).json()
    assert (one["id"], one["display_name"]) == ("real-name", "real-name")
    async with connect(None) as stranger:
        refused = await stranger.post("v1/messages", json=case.body)
        assert (refused.status_code, refused.json()["type"]) == (401, "error")
        assert refused.json()["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("case", [NAMED["chat/completions"]], ids=["counting"])
@pytest.mark.parametrize("path", ["responses/input_tokens", "messages/count_tokens"])
async def test_tokens_are_counted_here_where_the_upstream_cannot(
    http: httpx.AsyncClient,
    standin: StandIn,
    extension: Any,
    tmp_path: Path,
    case: Case,
    path: str,
) -> None:
    body = {
        "model": "real-name",
        "input": "x" * 30,
        "messages": [{"role": "user", "content": "y" * 30}],
    }
    del body["messages" if path.startswith("responses") else "input"]
    standin.reply({"input_tokens": 12}, status=200)
    assert (await http.post(f"v1/{path}", json=body)).json() == {"input_tokens": 12}
    # Upstreams count for nothing, so it takes nothing of a budget.
    row = await ledger_row(extension, tmp_path)
    assert (row["tokens_in"], row["usd"]) == (None, None)
    standin.reply({"detail": "Not Found"}, status=404)
    assert (await http.post(f"v1/{path}", json=body)).json()["input_tokens"] == 10
    assert json.loads(standin.received[-1].body) == body


@pytest.mark.parametrize("case", [NAMED["chat/completions"]], ids=["never streamed"])
@pytest.mark.parametrize(
    "path", ["responses/compact", "responses/input_tokens", "messages/count_tokens"]
)
async def test_what_has_no_stream_is_not_asked_for_one(
    http: httpx.AsyncClient, standin: StandIn, case: Case, path: str
) -> None:
    body = {"model": "real-name", "input": "Hi", "messages": SAY, "stream": True}
    answer = await http.post(f"v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    assert "stream" not in sent_to(standin).json


@pytest.mark.parametrize("case", [NAMED["embeddings"]])
async def test_a_large_answer_passes_as_it_is(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path, case: Case
) -> None:
    items = [{"index": n, "embedding": [n / 7] * 1000} for n in range(200)]
    usage = {"prompt_tokens": 9, "total_tokens": 9}
    body = json.dumps({"data": items, "usage": usage}).encode()
    assert len(body) > 3 * PIECE_BYTES
    standin.reply(body)
    answer = await post(http, case)
    assert answer.content == body
    assert answer.headers["content-length"] == str(len(body))
    assert (await ledger_row(extension, tmp_path))["tokens_in"] == 9


@pytest.mark.parametrize("case", [NAMED["embeddings"]])
async def test_a_large_answer_is_never_handled_in_one_piece(
    http: httpx.AsyncClient, standin: StandIn, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [{"index": n, "embedding": [n / 7] * 1000} for n in range(200)]
    sizes = list[int]()

    def counting(of: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            sizes.append(max((len(one) for one in arguments if isinstance(one, bytes)), default=0))
            return of(*arguments)

        return counted

    monkeypatch.setattr(OperationHandler, "write", counting(OperationHandler.write))
    for module in (answers, encoding):
        monkeypatch.setattr(module, "read_json", counting(encoding.read_json))
    standin.reply(json.dumps({"data": items}).encode())
    assert (await post(http, case)).status_code == 200
    assert len(sizes) > 10
    assert max(sizes) <= PIECE_BYTES


@pytest.mark.parametrize("case", [NAMED["embeddings"]])
async def test_a_large_answer_that_is_broken_is_an_error(
    http: httpx.AsyncClient, standin: StandIn, case: Case
) -> None:
    items = [{"index": n, "embedding": [n / 7] * 1000} for n in range(50)]
    standin.reply(json.dumps({"data": items}).encode()[:-1])
    answer = await post(http, case)
    assert answer.status_code == 502
    assert "not valid JSON" in answer.text


@pytest.mark.parametrize(
    ("case", "asked", "field"),
    [
        (NAMED["responses over messages"], {"top_logprobs": 2}, "top_logprobs"),
        (
            NAMED["responses over messages"],
            {"include": ["message.output_text.logprobs"]},
            "include",
        ),
        (NAMED["chat/completions over messages"], {"logprobs": True}, "logprobs"),
    ],
    ids=["top_logprobs", "include", "logprobs"],
)
async def test_messages_have_no_logprobs_and_the_refusal_names_the_field(
    http: httpx.AsyncClient, standin: StandIn, case: Case, asked: dict[str, Any], field: str
) -> None:
    answer = await post(http, case, **asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == field
    assert field in answer.json()["error"]["message"]
    assert all(request.method == "GET" for request in standin.received)


@pytest.mark.parametrize(
    "case", [NAMED["responses over messages"], NAMED["responses over chat/completions"]]
)
async def test_redacted_thinking_goes_back_only_to_where_it_came_from(
    http: httpx.AsyncClient, standin: StandIn, case: Case
) -> None:
    sealed = sealed_thinking("", "", "EmwK")
    reasoning = {"type": "reasoning", "summary": [], "encrypted_content": sealed}
    answer = {"role": "assistant", "content": "Yes."}
    await post(http, case, input=[*SAY, reasoning, answer, *SAY])
    said = sent_to(standin).json["messages"][1]
    if case.target == "messages":
        block = {"type": "redacted_thinking", "data": "EmwK"}
        assert said["content"] == [block, {"type": "text", "text": "Yes."}]
    else:
        assert said == answer


@pytest.mark.parametrize("case", [NAMED["responses over chat/completions"]])
@pytest.mark.parametrize("stream", [True, False])
async def test_logprobs_come_over_a_bridge(
    http: httpx.AsyncClient, standin: StandIn, case: Case, stream: bool
) -> None:
    token = {"token": "Hi", "logprob": -0.25, "bytes": [72, 105], "top_logprobs": []}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": {"content": [token]}}
    if stream:
        delta = {"choices": [{**choice, "delta": {"content": "Hi"}}]}
        standin.stream(b"data: " + json.dumps(delta).encode() + b"\n\n", b"data: [DONE]\n\n")
    else:
        standin.reply({"choices": [{**choice, "message": {"content": "Hi"}}]})
    include = ["message.output_text.logprobs"]
    answer = await post(http, case, include=include, top_logprobs=0, stream=stream)
    sent = sent_to(standin).json
    assert sent["logprobs"] is True
    assert "include" not in sent
    last = answer.text.split("data: ")[-2] if stream else answer.text
    response = json.loads(last)["response"] if stream else json.loads(last)
    assert response["output"][0]["content"][0]["logprobs"] == [token]


@pytest.mark.parametrize("case", [NAMED["embeddings"], NAMED["rerank"]], ids=lambda case: case.id)
@pytest.mark.parametrize("said", [{"detail": "Not Found"}, {"error": {"message": "No such model"}}])
async def test_what_an_upstream_does_not_have_is_named(
    http: httpx.AsyncClient, standin: StandIn, case: Case, said: dict[str, Any]
) -> None:
    standin.reply(said, status=404)
    answer = await post(http, case)
    assert answer.status_code == 404
    if "detail" in said:
        assert f"'campus' has no {case.path}. Choose a model" in error_of(answer)["message"]
    else:
        assert error_of(answer)["message"] == "No such model"
