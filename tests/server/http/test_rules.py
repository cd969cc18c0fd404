"""An operator's rules at the address itself: budgets, allowed models, a policy, counts, events."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from aqueduct_jupyter.gateway.policy import PolicyRequest, refusal
from aqueduct_jupyter.server.jupyter.reports import EVENT_SCHEMA_ID

from ...forked_servers import throwaway_server
from ...standin import CUT, StandIn, chunk
from ..conftest import Settings, campus
from .test_chat import error_of, ledger, post


async def policy(asked: PolicyRequest) -> None:
    """Refuses homework, bounds what is asked, and fails at a bad day."""
    text = str(asked.body["messages"])
    if "homework" in text:
        raise refusal("Homework is not asked here; see your teacher.")
    if "bad day" in text:
        raise KeyError("sk-secret")
    if "nonsense" in text:
        asked.body["messages"] = "nonsense"
    if "at once" in text:
        asked.body["stream"] = False
    asked.body["metadata"] = {"kernel": asked.kernel or "none"}


@pytest.fixture
def settings(standin: StandIn) -> Settings:
    limits = {"user": {"requests_per_minute": 5}, "models": ["main"], "max_tokens": 100}
    return {
        "upstreams": {"campus": campus(standin)},
        "aliases": {"main": "campus/real-name"},
        "limits": limits,
        "policy": policy,
    }


async def ask(http: httpx.AsyncClient, text: str = "Hi", **more: Any) -> httpx.Response:
    messages = [{"role": "user", "content": text}]
    return await post(http, **{"model": "main", "messages": messages, **more})


async def test_what_is_left_is_said_and_what_is_used_up_is_refused(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path
) -> None:
    for left in ("5", "4", "3"):
        response = await ask(http)
        assert response.headers["x-ratelimit-remaining-requests"] == left
        await ledger(extension, tmp_path)
    assert (await ask(http, stream=True)).headers["x-ratelimit-limit-requests"] == "5"
    await ask(http)
    refused = await ask(http)
    error = error_of(refused)
    assert (refused.status_code, error["type"], error["code"]) == (
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
    )
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert len(standin.chats) == 5


async def test_only_allowed_models_are_listed_and_asked(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    listed = (await http.get("v1/models")).json()["data"]
    assert [model["id"] for model in listed] == ["main"]
    refused = await ask(http, model="campus/real-name")
    assert refused.status_code == 403
    assert error_of(refused)["code"] == "model_not_allowed"
    assert "main" in error_of(refused)["message"]
    assert standin.chats == []


async def test_a_policy_changes_refuses_and_fails_closed(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    assert (await ask(http)).status_code == 200
    assert standin.chats[0].json["metadata"] == {"kernel": "none"}
    assert standin.chats[0].json["max_tokens"] == 100
    refused = await ask(http, "My homework")
    assert (refused.status_code, error_of(refused)["code"]) == (403, "policy")
    assert "teacher" in error_of(refused)["message"]
    failed = await ask(http, "A bad day")
    assert (failed.status_code, error_of(failed)["code"]) == (500, "policy_failed")
    nonsense = await ask(http, "nonsense")
    assert (nonsense.status_code, error_of(nonsense)["param"]) == (400, "messages")
    assert len(standin.chats) == 1


async def test_the_ledger_says_what_a_policy_made_of_a_request(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path
) -> None:
    answer = await ask(http, "All at once", stream=True)
    assert answer.headers["content-type"] == "application/json"
    (row,) = await ledger(extension, tmp_path)
    assert (row["is_stream"], row["outcome"]) == (0, "whole")


async def test_what_happened_is_counted(http: httpx.AsyncClient, standin: StandIn) -> None:
    await ask(http)
    standin.stream(chunk("half"), CUT)
    await ask(http, stream=True)
    await ask(http, "My homework")
    response = await http.get("aqueduct/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    assert samples["aqueduct_requests_total", "200", "campus", "chat", "whole"] == 1
    assert samples["aqueduct_requests_total", "502", "campus", "chat", "failed"] == 1
    assert samples["aqueduct_requests_total", "403", "chat", "failed", "none"] == 1
    assert samples["aqueduct_errors_total", "campus", "upstream_disconnected"] == 1
    assert samples["aqueduct_tokens_total", "campus", "out"] >= 2
    assert samples["aqueduct_request_seconds_count", "campus"] == 2
    assert samples["aqueduct_first_token_seconds_count", "campus"] == 2
    assert "sk-secret" not in response.text
    assert "real-name" not in response.text


async def test_each_request_is_one_line_and_one_event(
    http: httpx.AsyncClient, jp_serverapp: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[dict[str, Any]] = []

    async def listen(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        told.append(data)

    jp_serverapp.event_logger.add_listener(schema_id=EVENT_SCHEMA_ID, listener=listen)
    with caplog.at_level(logging.INFO):
        response = await ask(http, model="x\ny: forged")
    assert response.status_code == 403 or response.status_code == 404
    (line,) = [r.getMessage() for r in caplog.records if r.getMessage().startswith("request {")]
    words = json.loads(line.removeprefix("request "))
    assert words["request_id"] == response.headers["x-request-id"]
    assert (words["model"], words["status"]) == ("x\ny: forged", response.status_code)
    assert "\n" not in line
    assert [data["request_id"] for data in told] == [words["request_id"]]
    assert words["usd"] is None


@pytest.mark.parametrize(
    "wrong",
    ["limits={'users': {}}", "limits='none'", "policy=strict", "prices={'m': {'input': 1}}"],
    ids=["word", "type", "policy", "price"],
)
def test_nothing_is_served_under_rules_that_are_not_understood(tmp_path: Path, wrong: str) -> None:
    with throwaway_server(tmp_path, [f"--AqueductApp.{wrong}"]) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        served = httpx.get(f"{server.url}/v1/models", headers=headers, trust_env=False)
        assert served.status_code == 404
        log = server.log.read_text()
        assert "The gateway serves nothing until this is fixed" in log
        assert f"AqueductApp.{wrong.partition('=')[0]}" in log
        assert "AttributeError" not in log
