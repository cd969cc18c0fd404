"""What the server says of itself; no key and no address of an upstream is in it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter import __version__
from aqueduct_jupyter.gateway.children.sandbox import Confinement, available
from aqueduct_jupyter.gateway.documents import processes as document_processes
from aqueduct_jupyter.gateway.prices import prices

from ...gateway.documents import samples
from ...standin import CUT, StandIn, chunk, completion
from ..conftest import Settings, campus
from .test_chat import ledger, post
from .test_files import error_of
from .test_models import DEAD


class TestWithUpstreams:
    @pytest.fixture
    def settings(self, standin: StandIn) -> Settings:
        upstreams = {
            "campus": campus(standin),
            "dead": {**DEAD, "api_key": "sk-other"},
            "wrong": {"base_url": "not a url", "api_key": "sk-wrong"},
        }
        prompts = {"Review": "Review this code:"}
        return {"upstreams": upstreams, "default_model": "campus/real-name", "prompts": prompts}

    async def test_the_administrators_prompts_are_told(self, http: httpx.AsyncClient) -> None:
        said = (await http.get("aqueduct/status")).json()
        assert said["prompts"] == [{"name": "Review", "text": "Review this code:"}]

    async def test_each_upstream_says_whether_it_answers(self, http: httpx.AsyncClient) -> None:
        response = await http.get("aqueduct/status")
        said = response.json()
        assert said["version"] == __version__
        campus, dead = (up for up in said["upstreams"] if up["name"] in ("campus", "dead"))
        assert campus == {"name": "campus", "answers": True, "error": None}
        assert (dead["answers"], "dead" in dead["error"]) == (False, True)
        assert said["models"] == ["real-name"]
        assert said["default_model"] == "real-name", "as it is listed, so that no list has it twice"
        assert said["local_model"] is None
        assert said["documents"] == asdict(available())
        (notice,) = said["notices"]
        assert "wrong" in notice
        for secret in ("sk-secret", "sk-other", "sk-wrong", "127.0.0.1"):
            assert secret not in response.text

    async def test_the_upstreams_that_can_be_used_serve(self, http: httpx.AsyncClient) -> None:
        body = {"messages": [{"role": "user", "content": "Hi"}]}
        assert (await http.post("v1/chat/completions", json=body)).status_code == 200


class TestWithoutAny:
    @pytest.fixture
    def settings(self) -> Settings:
        return {}

    async def test_the_echo_says_what_it_is_and_how_to_get_a_model(
        self, http: httpx.AsyncClient
    ) -> None:
        said = (await http.get("aqueduct/status")).json()
        (notice,) = said["notices"]
        assert "jupyter aqueduct pull" in notice
        assert said["default_model"] == "demo/echo"
        assert said["models"] == ["demo/echo"], (
            "the scripted failures are only for who asks for them"
        )
        body = {"messages": [{"role": "user", "content": "Hi"}]}
        answer = (await http.post("v1/chat/completions", json=body)).json()
        content = answer["choices"][0]["message"]["content"]
        assert content == "(demo, no language model) Hi"


class TestWithTheEmbeddedModel:
    @pytest.fixture
    def settings(self, weights: Path, tmp_path: Path) -> Settings:
        target = tmp_path / "aqueduct" / "models" / weights.name
        target.parent.mkdir(parents=True, mode=0o700)
        target.symlink_to(weights)
        return {}

    async def test_it_is_the_default_and_starts_at_the_first_question(
        self, http: httpx.AsyncClient
    ) -> None:
        said = (await http.get("aqueduct/status")).json()
        assert said["models"] == ["smollm2-135m-instruct"]
        assert said["local_model"] == {"model": "smollm2-135m-instruct", "state": "stopped"}
        assert said["notices"] == []
        body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
        answer = await http.post("v1/chat/completions", json=body)
        assert answer.json()["choices"][0]["message"]["content"].strip()
        said = (await http.get("aqueduct/status")).json()
        assert said["local_model"]["state"] == "running"


class TestWithAChosenGGUF:
    @pytest.fixture
    def settings(self, weights: Path, standin: StandIn, tmp_path: Path) -> Settings:
        chosen = tmp_path / "Better-Model.gguf"
        chosen.symlink_to(weights)
        return {"upstreams": {"campus": campus(standin)}, "local_model_path": str(chosen)}

    async def test_it_is_offered_beside_the_upstreams(self, http: httpx.AsyncClient) -> None:
        said = (await http.get("aqueduct/status")).json()
        assert said["models"] == ["real-name", "better-model"]
        body = {"model": "better-model", "messages": [{"role": "user", "content": "Hi"}]}
        answer = await http.post("v1/chat/completions", json={**body, "max_tokens": 5})
        assert answer.json()["model"] == "better-model"


class TestWithAMissingGGUF:
    @pytest.fixture
    def settings(self, standin: StandIn) -> Settings:
        upstreams = {"campus": campus(standin)}
        return {"upstreams": upstreams, "local_model_path": "/no/such.gguf", "demo_models": True}

    async def test_it_is_said_and_the_rest_serves(self, http: httpx.AsyncClient) -> None:
        said = (await http.get("aqueduct/status")).json()
        (notice,) = said["notices"]
        assert "the file /no/such.gguf does not exist" in notice
        assert said["models"][0] == "real-name"
        assert {"demo/echo", "demo/cut"} <= set(said["models"]), (
            "c.AqueductApp.demo_models lists them"
        )


class TestTheReadersOfDocuments:
    """What keeps them in, which is said before any has started."""

    @pytest.fixture
    def settings(self, standin: StandIn) -> Settings:
        return {"upstreams": {"campus": campus(standin, documents="text")}}

    async def test_what_they_have_counts_and_not_what_the_system_offers(
        self, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def said() -> dict[str, bool]:
            found: dict[str, bool] = (await http.get("aqueduct/status")).json()["documents"]
            return found

        nothing = Confinement(landlock=False, seccomp=False, memory_limit=False)
        monkeypatch.setattr(document_processes, "available", lambda: nothing)
        assert await said() == asdict(nothing)
        data = f"data:application/pdf;base64,{b64encode(samples.pdf('words')).decode()}"
        part = {"type": "file", "file": {"filename": "a.pdf", "file_data": data}}
        body = {"messages": [{"role": "user", "content": [part]}]}
        assert (await http.post("v1/chat/completions", json=body)).status_code == 200
        assert await said() == asdict(available())


async def test_usage_asks_for_a_sensible_time(http: httpx.AsyncClient) -> None:
    assert (await http.get("aqueduct/usage", params={"days": 1})).json()["days"] == 1
    for days in ("0", "4000", "x"):
        error: dict[str, Any] = error_of(await http.get(f"aqueduct/usage?days={days}"), 400)
        assert error["param"] == "days"


class TestCosts:
    @pytest.fixture
    def settings(self, standin: StandIn) -> Settings:
        standin.models = ["real-name", "gpt-4o"]
        prices = {"dear": {"input": 100_000, "output": 1_000_000, "cached_input": 0}}
        limits = {"user": {"usd_per_day": 3}}
        aliases = {"dear": "campus/real-name"}
        upstreams = {"campus": campus(standin)}
        return {"upstreams": upstreams, "aliases": aliases, "prices": prices, "limits": limits}

    async def test_usage_has_the_costs_that_are_known(self, http: httpx.AsyncClient) -> None:
        await post(http, model="real-name")
        assert (await http.get("aqueduct/usage")).json()["total"]["usd"] is None
        await post(http, model="dear")
        usage = (await http.get("aqueduct/usage")).json()
        assert usage["total"]["usd"] == pytest.approx(3 * 0.1 + 2 * 1.0)
        assert [row["usd"] for row in usage["by_day"]] == [usage["total"]["usd"]]

    async def test_cached_and_estimated_tokens_have_their_price(
        self, http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path
    ) -> None:
        cached = completion()
        cached["usage"]["prompt_tokens_details"] = {"cached_tokens": 2}
        standin.reply(cached)
        await post(http, model="dear")
        standin.stream(chunk("one"), chunk("two"), CUT)
        await post(http, model="dear", stream=True)
        first, second = await ledger(extension, tmp_path)
        assert first["usd"] == pytest.approx(1 * 0.1 + 2 * 1.0)
        assert second["is_estimated"]
        assert second["usd"] == pytest.approx(second["tokens_in"] * 0.1 + 2 * 1.0)

    async def test_money_runs_out(self, http: httpx.AsyncClient) -> None:
        for _ in range(2):
            response = await post(http, model="dear")
            assert response.status_code == 200
            assert "x-ratelimit-limit-requests" not in response.headers
        refused = await post(http, model="dear")
        message = error_of(refused, 429)["message"]
        assert "The limit of 3 US dollars per day for you is used up. Try again at" in message
        assert int(refused.headers["retry-after"]) <= 86_400

    async def test_the_first_answer_waits_for_its_published_price(
        self, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(prices, "is_local", lambda _: False)
        await post(http, model="gpt-4o")
        usage = (await http.get("aqueduct/usage")).json()
        assert usage["total"]["usd"] == pytest.approx((3 * 2.5 + 2 * 10) / 1e6, abs=1e-6)


@pytest.mark.parametrize("path", ["status", "usage", "requests", "metrics"])
async def test_who_looks_at_a_server_does_not_keep_the_idle_culler_away(
    http: httpx.AsyncClient, jp_serverapp: Any, path: str
) -> None:
    assert (await http.get(f"aqueduct/{path}")).status_code == 200
    assert "api_last_activity" not in jp_serverapp.web_app.settings
    assert (await http.get("v1/models")).status_code == 200
    assert "api_last_activity" in jp_serverapp.web_app.settings
