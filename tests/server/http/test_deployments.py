"""Several deployments of one model: who is asked, who answers for whom, and what it says."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.upstreams.circuits import COOL_DOWN, FAILURES, Circuit
from aqueduct_jupyter.protocol.notes import MODEL_HEADER

from ...gateway.documents import samples
from ...gateway.upstreams.test_catalog import Clock
from ...standin import (
    CUT,
    HANG,
    RESET,
    Received,
    StandIn,
    chunk,
    event,
)
from ..conftest import Settings, campus
from .test_chat import ledger, ledger_row
from .test_conversation_turns import ask, ended
from .test_documents import part
from .test_files import error_of, until

SAY = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def other() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def spare() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def weights() -> dict[str, float]:
    """The first answers alone, as long as it answers."""
    return {"first": 1, "other": 0, "spare": 0}


@pytest.fixture
def first() -> dict[str, Any]:
    return {}


@pytest.fixture
def more() -> Settings:
    return {}


@pytest.fixture
def settings(
    standin: StandIn,
    other: StandIn,
    spare: StandIn,
    weights: dict[str, float],
    first: dict[str, Any],
    more: Settings,
) -> Settings:
    return {
        "upstreams": {
            "first": campus(standin, timeout=1, **first),
            "other": campus(other, api_key="sk-secret-other"),
            "spare": campus(spare),
        },
        "deployments": {
            "gpt": [{"model": f"{name}/m-{name}", "weight": weights[name]} for name in weights]
        },
        **more,
    }


def circuits(extension: Any) -> list[Circuit]:
    (group,) = extension.gateway.catalog.groups()
    return [deployment.circuit for deployment in group.deployments]


@pytest.fixture
def clock(extension: Any) -> Clock:
    """A clock of the circuits that stands still unless a test moves it."""
    clock = Clock()
    for circuit in circuits(extension):
        circuit._clock = clock
    return clock


async def post(http: httpx.AsyncClient, path: str = "chat/completions", **body: Any) -> Any:
    return await http.post(f"v1/{path}", json={"model": "gpt", "messages": SAY, **body})


def posted(standin: StandIn) -> list[Received]:
    return [request for request in standin.received if request.method == "POST"]


def asked(*standins: StandIn) -> list[int]:
    return [len(posted(standin)) for standin in standins]


class TestShares:
    @pytest.fixture
    def weights(self) -> dict[str, float]:
        return {"first": 3, "other": 1, "spare": 0}

    async def test_conversations_are_shared_out_by_weight(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn, spare: StandIn
    ) -> None:
        for number in range(80):
            await post(http, messages=[{"role": "user", "content": f"Question {number}"}])
        # The same conversations go the same way on every machine.
        assert asked(standin, other, spare) == [57, 23, 0]
        assert {sent.json["model"] for sent in standin.chats} == {"m-first"}
        assert {sent.json["model"] for sent in other.chats} == {"m-other"}
        assert other.chats[0].headers["authorization"] == "Bearer sk-secret-other"

    @pytest.mark.parametrize("is_stream", [False, True])
    async def test_all_turns_of_a_conversation_go_to_the_same(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn, is_stream: bool
    ) -> None:
        for number in range(10):
            messages = [{"role": "user", "content": f"Conversation {number}"}]
            before = asked(standin, other)
            for _ in range(3):
                answer = await post(http, messages=messages, stream=is_stream)
                assert answer.status_code == 200
                messages += [{"role": "assistant", "content": "Hello"}, *SAY]
            after = asked(standin, other)
            assert sorted(now - then for now, then in zip(after, before, strict=True)) == [0, 3]
        assert min(asked(standin, other)) > 0

    async def test_a_cache_key_keeps_together_what_begins_in_many_ways(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn
    ) -> None:
        for number in range(10):
            messages = [{"role": "user", "content": f"Question {number}"}]
            await post(http, messages=messages, prompt_cache_key="mine")
        assert sorted(asked(standin, other)) == [0, 10]

    async def test_what_is_no_conversation_is_shared_out_by_request(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn
    ) -> None:
        for _ in range(30):
            body = {"model": "gpt", "input": "the same"}
            assert (await http.post("v1/embeddings", json=body)).status_code == 200
        assert min(asked(standin, other)) > 0

    async def test_a_lost_deployments_conversations_move_and_come_back(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn, clock: Clock
    ) -> None:
        async def all_conversations() -> list[int]:
            for number in range(12):
                messages = [{"role": "user", "content": f"Question {number}"}]
                assert (await post(http, messages=messages)).status_code == 200
            return asked(standin, other)

        before = await all_conversations()
        standin.stop()
        assert await all_conversations() == [before[0], before[1] + 12]
        standin.start()
        clock.now += COOL_DOWN
        assert await all_conversations() == [2 * before[0], 2 * before[1] + 12]

    async def test_a_conversation_of_the_sidebar_stays_whatever_its_system_message_says(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn
    ) -> None:
        made = (await http.post("aqueduct/conversations", json={"name": "One"})).json()
        address = f"aqueduct/conversations/{made['id']}"
        for number in range(8):
            await ask(http, address, number, model="gpt", system=f"It is {number} o'clock.")
            assert (await ended(http, address))["state"] == "whole"
        assert sorted(asked(standin, other)) == [0, 8]


def stopped(standin: StandIn) -> None:
    standin.stop()


def answers(status: int, message: str = "No.", **headers: str) -> Callable[[StandIn], None]:
    def reply(standin: StandIn) -> None:
        standin.reply({"error": {"message": message}}, status=status, headers=headers)

    return reply


FAILING: dict[str, tuple[Callable[[StandIn], None], str]] = {
    "refused": (stopped, "upstream_unavailable"),
    "reset": (lambda standin: standin.reply(RESET, raw_head=b""), "upstream_disconnected"),
    "silent": (lambda standin: standin.reply(HANG, raw_head=b""), "upstream_timeout"),
    "500": (answers(500), "upstream_error"),
    "503": (answers(503), "upstream_unavailable"),
    "429": (answers(429, **{"Retry-After": "30"}), "rate_limit_exceeded"),
    "key": (answers(401), "upstream_auth"),
    "model": (answers(404, "The model `m-first` does not exist."), "not_found"),
    "page": (lambda standin: standin.reply(b"<html>", kind="text/html"), "upstream_error"),
}
failing = pytest.mark.parametrize(("fail", "code"), FAILING.values(), ids=FAILING)
both = pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])


@failing
@both
async def test_another_one_answers_for_one_that_fails(
    http: httpx.AsyncClient,
    standin: StandIn,
    other: StandIn,
    spare: StandIn,
    extension: Any,
    tmp_path: Path,
    fail: Callable[[StandIn], None],
    code: str,
    is_stream: bool,
) -> None:
    fail(standin)
    answer = await post(http, stream=is_stream)
    assert answer.status_code == 200, answer.text
    assert "Hel" in answer.text
    assert json.loads(answer.headers[MODEL_HEADER]) == "m-other"
    assert asked(standin, other, spare) == [int(fail is not stopped), 1, 0], "each only once"
    (sent,) = other.chats
    options = {"stream_options": {"include_usage": True}} if is_stream else {}
    expected = {"model": "m-other", "messages": SAY, "stream": is_stream, **options}
    assert sent.json == expected
    # The row is written once the upstream has ended, which may be after the client has its answer.
    row = await ledger_row(extension, tmp_path)
    assert (row["upstream"], row["model"], row["outcome"]) == ("other", "m-other", "whole")
    assert (row["error_code"], row["tokens_in"]) == (None, 3)
    metrics = (await http.get("aqueduct/metrics")).text
    assert f'aqueduct_fallbacks_total{{code="{code}",upstream="first"}} 1.0' in metrics


async def test_an_error_before_the_first_event_of_a_stream_counts_too(
    http: httpx.AsyncClient, standin: StandIn, other: StandIn
) -> None:
    standin.stream(b": queued\n\n", event({"error": {"message": "Overloaded.", "code": 529}}))
    answer = await post(http, stream=True)
    assert answer.status_code == 200
    assert b"[DONE]" in answer.content
    assert asked(standin, other) == [1, 1]


@pytest.mark.parametrize("status", [400, 409, 413, 422])
@both
async def test_a_request_that_is_wrong_is_refused_once(
    http: httpx.AsyncClient, standin: StandIn, other: StandIn, status: int, is_stream: bool
) -> None:
    standin.reply({"error": {"message": "Wrong.", "param": "top_k"}}, status=status)
    error = error_of(await post(http, stream=is_stream), status)
    assert (error["message"], error["param"]) == ("Wrong.", "top_k")
    assert asked(standin, other) == [1, 0]


@pytest.mark.parametrize("end", [CUT, RESET, event({"error": {"message": "No.", "code": 500}})])
async def test_nothing_is_repeated_after_the_first_event(
    http: httpx.AsyncClient, standin: StandIn, other: StandIn, extension: Any, end: Any
) -> None:
    for number in range(1, FAILURES + 1):
        standin.stream(chunk("Hel"), end)
        answer = await post(http, stream=True)
        assert answer.status_code == 200
        assert '"error"' in answer.text
        assert "[DONE]" not in answer.text
        assert asked(standin, other) == [number, 0]
    # The next conversation is not to break, too. An answer is noted when the client has it all.
    await until(lambda: circuits(extension)[0].state == "open")
    assert (await post(http, stream=True)).text.endswith("[DONE]\n\n")
    assert asked(standin, other) == [FAILURES, 1]


async def test_if_all_fail_the_client_is_told_how_many_were_tried(
    http: httpx.AsyncClient,
    standin: StandIn,
    other: StandIn,
    spare: StandIn,
    extension: Any,
    tmp_path: Path,
) -> None:
    answers(401, "Incorrect API key: sk-secret")(standin)
    answers(429, "Slow down.", **{"Retry-After": "40"})(other)
    answers(429, "Slow down.", **{"Retry-After": "20"})(spare)
    answer = await post(http)
    error = error_of(answer, 429)
    assert error["message"] == "Slow down. 3 of 3 deployments of 'gpt' were tried."
    assert answer.headers["retry-after"] == "20"
    assert asked(standin, other, spare) == [1, 1, 1]
    (row,) = await ledger(extension, tmp_path)
    assert (row["upstream"], row["status"]) == ("other", 429)


async def test_a_circuit_opens_and_closes_by_itself(
    http: httpx.AsyncClient, standin: StandIn, other: StandIn, clock: Clock
) -> None:
    for _ in range(FAILURES):
        answers(500)(standin)
        await post(http)
    await post(http)
    assert asked(standin, other) == [FAILURES, FAILURES + 1], "it is passed over"
    clock.now += COOL_DOWN
    await post(http)
    await post(http)
    assert asked(standin, other) == [FAILURES + 2, FAILURES + 1]


async def test_a_429_passes_over_a_deployment_for_as_long_as_it_says(
    http: httpx.AsyncClient, standin: StandIn, other: StandIn, clock: Clock
) -> None:
    answers(429, **{"Retry-After": "30"})(standin)
    await post(http)
    clock.now += 29
    await post(http)
    assert asked(standin, other) == [1, 2]
    clock.now += 1
    await post(http)
    assert asked(standin, other) == [2, 2]


async def test_if_all_are_passed_over_they_are_asked_all_the_same(
    http: httpx.AsyncClient, standin: StandIn, other: StandIn, spare: StandIn, clock: Clock
) -> None:
    for one in (standin, other, spare):
        answers(429, **{"Retry-After": "30"})(one)
    assert (await post(http)).status_code == 429
    assert (await post(http)).status_code == 200
    assert asked(standin, other, spare) == [2, 1, 1]


async def test_the_state_of_each_deployment_is_told(
    http: httpx.AsyncClient, standin: StandIn, clock: Clock, extension: Any
) -> None:
    answers(429, "Your prompt was: private", **{"Retry-After": "30"})(standin)
    await post(http)
    answer = await http.get("aqueduct/status")
    assert answer.json()["deployments"] == {
        "gpt": [
            {
                "model": "first/m-first",
                "weight": 1.0,
                "state": "open",
                "seconds": 30.0,
                "last_error": "rate_limit_exceeded",
            },
            {
                "model": "other/m-other",
                "weight": 0.0,
                "state": "closed",
                "seconds": 0.0,
                "last_error": None,
            },
            {
                "model": "spare/m-spare",
                "weight": 0.0,
                "state": "closed",
                "seconds": 0.0,
                "last_error": None,
            },
        ]
    }
    assert "private" not in answer.text
    metrics = (await http.get("aqueduct/metrics")).text
    found = re.findall(r'circuit\{deployment="(\S+?)",state="(\w+)"\} 1.0', metrics)
    assert found == [
        ("first/m-first", "open"),
        ("other/m-other", "closed"),
        ("spare/m-spare", "closed"),
    ]


@pytest.mark.parametrize("is_stopped", [True, False], ids=["stopped", "left"])
async def test_a_request_that_is_stopped_asks_nobody_else(
    http: httpx.AsyncClient, standin: StandIn, other: StandIn, extension: Any, is_stopped: bool
) -> None:
    standin.reply(HANG, raw_head=b"")
    headers = {"X-Client-Request-Id": "mine"}
    body = {"model": "gpt", "messages": SAY}
    asking = asyncio.create_task(http.post("v1/chat/completions", json=body, headers=headers))
    assert await asyncio.to_thread(standin.has_chat.wait, 5)
    if is_stopped:
        await http.delete("aqueduct/requests/mine")
        assert (await asking).status_code == 499
    else:
        asking.cancel()
        assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)
    assert asked(standin, other) == [1, 0]
    assert circuits(extension)[0].last_error is None


class TestBridges:
    """The first speaks only one API, and the others what their defaults say."""

    @pytest.fixture
    def api(self, request: pytest.FixtureRequest) -> str:
        found: str = request.node.callspec.params["api"]
        return found

    @pytest.fixture
    def first(self, api: str) -> dict[str, Any]:
        apis = dict.fromkeys(("chat", "responses", "messages"), "bridge")
        return {"apis": {**apis, api: "native"}}

    CALLS = (
        ("chat/completions", {"messages": SAY}),
        ("responses", {"input": "Hi", "messages": None}),
        ("messages", {"messages": SAY, "max_tokens": 5}),
    )

    @pytest.mark.parametrize("api", ["chat", "responses", "messages"])
    @pytest.mark.parametrize(("path", "body"), CALLS, ids=[path for path, _ in CALLS])
    @both
    async def test_one_that_is_bridged_to_falls_back_to_one_that_is_not(
        self,
        http: httpx.AsyncClient,
        standin: StandIn,
        other: StandIn,
        api: str,
        path: str,
        body: dict[str, Any],
        is_stream: bool,
    ) -> None:
        given = {name: value for name, value in body.items() if value is not None}
        given |= {"model": "gpt", "stream": is_stream}
        answers(500)(standin)
        answer = await http.post(f"v1/{path}", json=given)
        assert answer.status_code == 200, answer.text
        assert "Hel" in answer.text
        paths = {"chat": "chat/completions"}
        assert [sent.path for sent in posted(standin)] == [f"/v1/{paths.get(api, api)}"]
        assert [sent.path for sent in posted(other)] == [f"/v1/{path}"]
        assert posted(other)[0].json["model"] == "m-other"

    @pytest.mark.parametrize("api", ["messages"])
    async def test_what_one_cannot_say_another_may(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn, extension: Any, api: str
    ) -> None:
        for _ in range(2 * FAILURES):
            assert (await post(http, n=2)).status_code == 200
        assert asked(standin, other) == [0, 2 * FAILURES]
        assert circuits(extension)[0].state == "closed"

    @pytest.mark.parametrize("api", ["messages"])
    async def test_if_nobody_can_the_first_says_why(
        self, http: httpx.AsyncClient, other: StandIn, spare: StandIn, api: str
    ) -> None:
        for one in (other, spare):
            answers(503)(one)
        error = error_of(await post(http, n=2), 503)
        assert error["message"].endswith("3 of 3 deployments of 'gpt' were tried.")


class TestOperations:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("completions", {"prompt": "Hi"}),
            ("embeddings", {"input": ["a"]}),
            ("rerank", {"query": "a", "documents": ["b"]}),
            ("audio/speech", {"input": "Hi", "voice": "alloy"}),
            ("images/generations", {"prompt": "a bridge"}),
            ("responses/compact", {"input": "Hi"}),
        ],
    )
    async def test_each_falls_back(
        self,
        http: httpx.AsyncClient,
        standin: StandIn,
        other: StandIn,
        path: str,
        body: dict[str, Any],
    ) -> None:
        answers(500)(standin)
        answer = await http.post(f"v1/{path}", json={"model": "gpt", **body})
        assert answer.status_code == 200, answer.text
        assert asked(standin, other) == [1, 1]
        assert posted(other)[0].json["model"] == "m-other"

    async def test_one_that_does_not_have_it_is_not_held_responsible(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn, extension: Any
    ) -> None:
        standin.absent.add("/v1/embeddings")
        for _ in range(2 * FAILURES):
            answer = await http.post("v1/embeddings", json={"model": "gpt", "input": "a"})
            assert answer.status_code == 200
        assert asked(standin, other) == [2 * FAILURES, 2 * FAILURES]
        assert circuits(extension)[0].state == "closed"

    async def test_a_sound_is_sent_again_whole(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn
    ) -> None:
        answers(500)(standin)
        sound = {"file": ("a.wav", b"RIFF \0 sound", "audio/wav")}
        form = {"model": "gpt"}
        answer = await http.post("v1/audio/transcriptions", data=form, files=sound)
        assert answer.json() == {"text": "Hello"}
        for one, model in ((standin, b"m-first"), (other, b"m-other")):
            (sent,) = posted(one)
            assert b"RIFF \0 sound" in sent.body
            assert model in sent.body

    async def test_tokens_are_counted_here_where_the_first_cannot(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn
    ) -> None:
        standin.absent.add("/v1/messages/count_tokens")
        answer = await post(http, "messages/count_tokens")
        assert answer.json() == {"input_tokens": 1}
        assert asked(standin, other) == [1, 0]


class TestFiles:
    @pytest.fixture
    def first(self) -> dict[str, Any]:
        return {"documents": "native"}

    @both
    async def test_each_gets_a_document_in_its_own_way(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn, is_stream: bool
    ) -> None:
        document = part(samples.pdf("The total is 42."))
        content = [document, {"type": "text", "text": "What is it?"}]
        answers(500)(standin)
        answer = await post(http, messages=[{"role": "user", "content": content}], stream=is_stream)
        assert answer.status_code == 200
        assert standin.chats[0].json["messages"][0]["content"] == content
        text, question = other.chats[0].json["messages"][0]["content"]
        assert "The total is 42." in text["text"]
        assert question == content[1]

    async def test_a_document_that_cannot_be_read_is_told_at_once(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn, spare: StandIn
    ) -> None:
        content = [part(b"%PDF-broken")]
        answers(500)(standin)
        error_of(await post(http, messages=[{"role": "user", "content": content}]), 400)
        assert asked(standin, other, spare) == [1, 0, 0]


class TestResponses:
    @pytest.fixture
    def weights(self) -> dict[str, float]:
        return {"first": 1, "other": 1}

    @both
    async def test_a_response_goes_to_the_upstream_that_knows_what_it_continues(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn, is_stream: bool
    ) -> None:
        async def create(**more: Any) -> str:
            body = {"model": "gpt", "stream": is_stream, **more}
            answer = await http.post("v1/responses", json=body)
            assert answer.status_code == 200
            return re.findall(r'"(resp_\w+)"', answer.text)[0]

        for number in range(6):
            standin.received.clear()
            other.received.clear()
            previous = await create(input=f"Question {number}")
            (there,) = (one for one in (standin, other) if posted(one))
            # Another beginning, so that its key alone would not lead there.
            for step in range(4):
                more = {"prompt_cache_key": f"{number} {step}"}
                previous = await create(input="More", previous_response_id=previous, **more)
            assert sorted(asked(standin, other)) == [0, 5]
            last = posted(there)[-1].json
            assert last["input"] == "More"
            assert "previous_response_id" in last

    async def test_if_that_is_gone_another_gets_all_that_was_said(
        self, http: httpx.AsyncClient, standin: StandIn, other: StandIn
    ) -> None:
        body = {"model": "gpt", "input": "My name is Ada."}
        previous = (await http.post("v1/responses", json=body)).json()["id"]
        there, elsewhere = (standin, other) if posted(standin) else (other, standin)
        there.stop()
        body = {"model": "gpt", "input": "Who am I?", "previous_response_id": previous}
        answer = await http.post("v1/responses", json=body)
        assert answer.status_code == 200
        assert answer.json()["previous_response_id"] == previous
        said = json.dumps(posted(elsewhere)[0].json["input"])
        assert re.search("My name is Ada.*Hello.*Who am I", said)


async def test_a_response_in_the_background_falls_back(
    http: httpx.AsyncClient, standin: StandIn, other: StandIn
) -> None:
    answers(500)(standin)
    body = {"model": "gpt", "input": "Hi", "background": True}
    begun = await http.post("v1/responses", json=body)
    path = f"v1/responses/{begun.json()['id']}"
    async with asyncio.timeout(10):
        events = await http.get(path, params={"stream": "true"})
    assert "response.completed" in events.text
    found = (await http.get(path)).json()
    assert found["status"] == "completed"
    assert asked(standin, other) == [1, 1]


class TestNames:
    @pytest.fixture
    def more(self) -> Settings:
        return {
            "default_model": "main",
            "aliases": {"main": "gpt"},
            "limits": {"models": ["gpt"]},
            "prices": {
                "gpt": {"input": 100_000, "output": 0},
                "other/m-other": {"input": 1_000_000, "output": 0},
            },
        }

    async def test_the_name_is_listed_allowed_and_may_be_the_default(
        self, http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path
    ) -> None:
        listed = (await http.get("v1/models")).json()["data"]
        assert [(one["id"], one["owned_by"]) for one in listed] == [
            ("gpt", "deployments"),
            ("main", "alias"),
        ]
        assert (await http.get("v1/models/gpt")).json()["id"] == "gpt"
        for model in ("gpt", "main", None):
            assert (await post(http, model=model)).status_code == 200
        costs = [row["usd"] for row in await ledger(extension, tmp_path)]
        assert costs == [pytest.approx(0.3)] * 3
        assert len(standin.chats) == 3
        error_of(await post(http, model="first/m-first"), 403)
        assert (await http.get("aqueduct/status")).json()["default_model"] == "main"

    async def test_the_price_is_that_of_the_model_that_answered(
        self, http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path
    ) -> None:
        await post(http)
        answers(500)(standin)
        await post(http)
        costs = [row["usd"] for row in await ledger(extension, tmp_path)]
        assert costs == [pytest.approx(0.3), pytest.approx(3.0)]


class TestWrongSettings:
    @pytest.fixture
    def more(self) -> Settings:
        return {
            "deployments": {
                "gpt": [{"model": "first/m"}, {"model": "gone/m"}],
                "odd": [{"model": "m"}],
            }
        }

    async def test_what_cannot_be_used_is_a_notice(self, http: httpx.AsyncClient) -> None:
        status = (await http.get("aqueduct/status")).json()
        assert status["notices"] == [
            "deployments of 'odd': 0.model: The model must be written as upstream/model.",
            "deployments of 'gpt': there is no upstream that has gone/m.",
        ]
        assert [one["model"] for one in status["deployments"]["gpt"]] == ["first/m"]
        assert (await post(http)).status_code == 200


async def test_a_model_without_deployments_is_tried_again_as_before(
    http: httpx.AsyncClient, standin: StandIn, other: StandIn
) -> None:
    answers(503)(standin)
    assert (await post(http, model="first/m")).status_code == 200
    assert asked(standin, other) == [2, 0]
    assert (await http.get("aqueduct/status")).json()["deployments"].keys() == {"gpt"}
