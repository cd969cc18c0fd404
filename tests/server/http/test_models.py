"""The list of models over all upstreams, and single models with slashes in their names."""

from __future__ import annotations

import httpx
import pytest

from ...standin import StandIn
from ..conftest import Settings, campus
from .test_files import error_of

PATHS = ("models", "v1/models")
DEAD = {"base_url": "http://127.0.0.1:9/v1", "connect_timeout": 1, "retry_pause": 0.01}

WRONG: list[object] = [0, -1, True, 1.5, "4096", None, 10**30, [4096], {}]


@pytest.fixture
def settings(standin: StandIn) -> Settings:
    standin.models = ["llama", "org/big model"]
    return {
        "upstreams": {"campus": campus(standin), "dead": DEAD},
        "aliases": {"main": "campus/llama"},
    }


@pytest.mark.parametrize("path", PATHS)
async def test_aliases_and_models_are_listed_and_a_dead_upstream_is_not_missed(
    http: httpx.AsyncClient, path: str
) -> None:
    response = await http.get(path)
    assert response.headers["content-type"] == "application/json"
    listed = response.json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["llama", "org/big model", "main"]
    for model in listed["data"]:
        assert set(model) == {"id", "object", "created", "owned_by"}
        assert model["object"] == "model"
        assert isinstance(model["created"], int)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("main", "main"),
        ("llama", "llama"),
        ("campus/llama", "campus/llama"),
        ("org/big%20model", "org/big model"),
        ("org%2Fbig%20model", "org/big model"),
    ],
)
async def test_a_model_is_found_by_every_name_it_has(
    http: httpx.AsyncClient, path: str, asked: str, name: str
) -> None:
    response = await http.get(f"{path}/{asked}")
    assert response.status_code == 200
    assert response.json()["id"] == name


async def test_what_an_upstream_tells_of_a_models_context_is_passed_on(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    standin.facts = {
        "llama": {"max_model_len": 8192},
        "local": {"meta": {"n_ctx_train": 4096}},
        "open": {"context_length": 128_000, "max_model_len": "8192"},
        **{f"wrong-{n}": {"context_length": wrong} for n, wrong in enumerate(WRONG)},
    }
    standin.models = list(standin.facts)
    listed = {model["id"]: model for model in (await http.get("models")).json()["data"]}
    lengths = {name: model.get("context_length") for name, model in listed.items()}
    assert {name: length for name, length in lengths.items() if length} == {
        "llama": 8192,
        "local": 4096,
        "open": 128_000,
        "main": 8192,
    }
    status = (await http.get("aqueduct/status")).json()
    assert status["context_tokens"] == {
        "llama": 8192,
        "local": 4096,
        "open": 128_000,
        "main": 8192,
    }
    assert status["document_modes"] == dict.fromkeys(listed, "text")


async def test_an_unknown_model_is_404(http: httpx.AsyncClient) -> None:
    error = error_of(await http.get("v1/models/lama"), 404)
    assert (error["code"], error["type"]) == ("model_not_found", "invalid_request_error")
    assert "llama" in error["message"]


async def test_the_upstream_was_sent_its_own_key_and_not_ours(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    await http.get("v1/models")
    (asked,) = standin.received
    assert asked.headers["authorization"] == "Bearer sk-secret"
    token = http.headers["Authorization"].split()[1]
    assert token not in str(asked.headers)
