"""Models are set up in the chat: used at once and after a restart, where it is allowed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.embedded.weights import WEIGHTS_BYTES, weights_path
from aqueduct_jupyter.gateway.gateway import Gateway
from aqueduct_jupyter.gateway.settings import GatewaySettings
from aqueduct_jupyter.protocol.errors import UnavailableError

from ...standin import StandIn, completion
from ..conftest import Settings
from .test_files import error_of

ASKED = {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def settings() -> Settings:
    return {"upstreams": {}, "set_up_in_chat": True}


@pytest.fixture
def gateway(extension: Any) -> Gateway:
    found: Gateway = extension.gateway
    return found


async def embedded(http: httpx.AsyncClient, *, until: str) -> dict[str, Any]:
    """Follow the download until it is over, one way or another."""
    async with asyncio.timeout(20):
        while True:
            found: dict[str, Any] = (await http.get("aqueduct/setup")).json()["embedded"]
            if found["state"] == until:
                return found
            assert found["state"] == "downloading"


async def test_a_service_is_tried_kept_and_used_at_once_and_again(
    http: httpx.AsyncClient, standin: StandIn, tmp_path: Path
) -> None:
    status = (await http.get("aqueduct/status")).json()
    assert status["setup"]["is_allowed"]
    assert status["setup"]["notice"] in status["notices"]
    words = {"name": "mine", "base_url": standin.url, "api_key": "sk-own-secret"}
    made = await http.post("aqueduct/setup/services", json=words)
    assert made.json() == {"name": "mine", "base_url": standin.url, "models": ["real-name"]}

    status = (await http.get("aqueduct/status")).json()
    assert (status["models"], status["owners"]) == (["real-name"], {"real-name": "mine"})
    assert status["setup"]["notice"] is None
    assert status["notices"] == []
    standin.reply(completion("From mine"))
    answer = await http.post("v1/chat/completions", json=ASKED)
    assert answer.json()["choices"][0]["message"]["content"] == "From mine"
    assert standin.chats[-1].headers["authorization"] == "Bearer sk-own-secret"
    state = await http.get("aqueduct/setup")
    assert state.json()["services"] == [{"name": "mine", "base_url": standin.url, "models": []}]
    assert "sk-own-secret" not in state.text + made.text

    again = Gateway(GatewaySettings(data_folder=tmp_path / "aqueduct"), {})
    assert (await again.catalog.resolve("real-name")).upstream.name == "mine"
    await again.close()

    left = await http.delete("aqueduct/setup/services/mine")
    assert left.json()["services"] == []
    status = (await http.get("aqueduct/status")).json()
    assert status["models"][0] == "demo/echo"
    assert status["setup"]["notice"] in status["notices"]
    error_of(await http.delete("aqueduct/setup/services/mine"), 404)


async def test_the_last_part_of_an_address_may_be_left_out(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    standin.absent.add("/models")
    words = {"name": "mine", "base_url": standin.url.removesuffix("/v1") + "/"}
    made = await http.post("aqueduct/setup/services", json=words)
    assert made.json()["base_url"] == standin.url


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"base_url": "ftp://host/v1"}, "http or https address"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "did not list its models"),
        ({"base_url": "http://host/v1?key=1"}, "must not contain a query"),
        ({"name": "../etc", "base_url": "http://host"}, "name"),
        ({"api_key": "two words"}, "printable ASCII"),
    ],
)
async def test_what_cannot_be_a_service_is_refused_and_not_kept(
    http: httpx.AsyncClient, standin: StandIn, tmp_path: Path, words: dict[str, str], message: str
) -> None:
    asked = {"name": "mine", "base_url": standin.url, **words}
    error: dict[str, Any] = error_of(await http.post("aqueduct/setup/services", json=asked), 400)
    assert message in error["message"]
    assert not (tmp_path / "aqueduct" / "services.json").exists()


async def test_a_key_that_is_refused_is_not_kept_nor_told(
    http: httpx.AsyncClient, standin: StandIn, tmp_path: Path
) -> None:
    standin.models_status = 401
    asked = {"name": "mine", "base_url": standin.url, "api_key": "sk-own-secret"}
    answer = await http.post("aqueduct/setup/services", json=asked)
    assert "Check the address and the key" in error_of(answer, 400)["message"]
    assert "sk-own-secret" not in answer.text
    assert not (tmp_path / "aqueduct" / "keys").exists()


async def test_the_embedded_model_is_downloaded_and_used_without_a_restart(
    http: httpx.AsyncClient, gateway: Gateway, weights: Path, tmp_path: Path
) -> None:
    may_go_on = asyncio.Event()
    loop = asyncio.get_running_loop()
    target = weights_path(tmp_path / "aqueduct")

    def pull(_folder: Path) -> Path:
        target.parent.mkdir(parents=True)
        (target.parent / "half.part").write_bytes(bytes(1000))
        asyncio.run_coroutine_threadsafe(may_go_on.wait(), loop).result()
        target.symlink_to(weights)
        return target

    gateway.setup._pull = pull
    begun = (await http.post("aqueduct/setup/embedded")).json()["embedded"]
    assert begun["state"] == "downloading"
    assert begun["total_bytes"] == WEIGHTS_BYTES
    while not (found := (await http.get("aqueduct/setup")).json()["embedded"])["bytes"]:
        assert found["state"] == "downloading"
    assert found["bytes"] == 1000
    may_go_on.set()
    await embedded(http, until="ready")
    status = (await http.get("aqueduct/status")).json()
    assert status["models"] == ["smollm2-135m-instruct"]
    assert status["owners"] == {"smollm2-135m-instruct": "local"}
    assert status["notices"] == []
    body = {**ASKED, "max_tokens": 4}
    assert (await http.post("v1/chat/completions", json=body)).is_success


async def test_a_download_that_fails_says_why_and_can_be_tried_again(
    http: httpx.AsyncClient, gateway: Gateway
) -> None:
    def pull(_folder: Path) -> Path:
        raise UnavailableError("The index is not reachable.")

    gateway.setup._pull = pull
    for _ in range(2):
        await http.post("aqueduct/setup/embedded")
        found = await embedded(http, until="failed")
        assert found["error"] == "The index is not reachable."


class TestWhereItIsNotAllowed:
    @pytest.fixture
    def settings(self) -> Settings:
        return {"upstreams": {}, "set_up_in_chat": False}

    async def test_nothing_is_set_up_and_the_way_is_told(
        self, http: httpx.AsyncClient, standin: StandIn
    ) -> None:
        words = {"name": "mine", "base_url": standin.url}
        for answer in (
            await http.post("aqueduct/setup/embedded"),
            await http.post("aqueduct/setup/services", json=words),
            await http.delete("aqueduct/setup/services/mine"),
        ):
            assert "c.AqueductApp.set_up_in_chat" in error_of(answer, 403)["message"]
        assert standin.received == []
        assert not (await http.get("aqueduct/setup")).json()["is_allowed"]


class TestBesideTheOperators:
    @pytest.fixture
    def settings(self, standin: StandIn) -> Settings:
        return {"upstreams": {"campus": {"base_url": standin.url}}, "set_up_in_chat": True}

    @pytest.mark.parametrize("name", ["campus", "local", "demo"])
    async def test_a_name_that_is_taken_is_refused(
        self, http: httpx.AsyncClient, standin: StandIn, name: str
    ) -> None:
        asked = {"name": name, "base_url": standin.url}
        error: dict[str, Any] = error_of(
            await http.post("aqueduct/setup/services", json=asked), 409
        )
        assert "Choose another name" in error["message"]
