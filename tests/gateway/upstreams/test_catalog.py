from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.upstreams.catalog import Catalog
from aqueduct_jupyter.gateway.upstreams.settings import UpstreamSettings
from aqueduct_jupyter.gateway.upstreams.upstream import Upstream
from aqueduct_jupyter.protocol.errors import InvalidRequestError, ModelNotFoundError


class Lists(httpx.AsyncBaseTransport):
    """Answers every request with a list of models that a test may change."""

    def __init__(self, *models: str) -> None:
        self.models = models
        self.asked = 0
        self.is_dead = False
        self.gate: asyncio.Event | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.gate:
            await self.gate.wait()
        if self.is_dead:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={"data": [{"id": name} for name in self.models]})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def upstream(name: str, lists: Lists, **more: Any) -> Upstream:
    allowed = more.pop("models", None)
    documents = more.pop("documents", "text")
    settings = UpstreamSettings(base_url="http://x.invalid/v1", models=allowed, documents=documents)
    return Upstream(name, settings, transport=lists, **more)


def catalog(*upstreams: Upstream, **more: Any) -> Catalog:
    return Catalog(upstreams, **more)


async def names(of: Catalog) -> list[str]:
    return [model.id for model in (await of.models()).data]


async def resolved(of: Catalog, name: str | None) -> tuple[str, str]:
    route = await of.resolve(name)
    return route.upstream.name, route.model


async def test_a_listed_name_is_its_upstreams() -> None:
    both = catalog(upstream("campus", Lists("llama")), upstream("cloud", Lists("gpt", "org/big")))
    assert await resolved(both, "gpt") == ("cloud", "gpt")
    assert await resolved(both, "org/big") == ("cloud", "org/big")
    assert await names(both) == ["llama", "gpt", "org/big"]


async def test_a_full_name_works_also_for_what_is_not_listed() -> None:
    both = catalog(upstream("campus", Lists("llama")), upstream("cloud", Lists("gpt")))
    assert await resolved(both, "campus/llama") == ("campus", "llama")
    assert await resolved(both, "campus/secret/new") == ("campus", "secret/new")


async def test_a_name_that_two_have_is_listed_in_full_and_means_the_first() -> None:
    both = catalog(upstream("campus", Lists("llama", "a")), upstream("cloud", Lists("llama", "b")))
    assert await names(both) == ["campus/llama", "a", "cloud/llama", "b"]
    assert await resolved(both, "llama") == ("campus", "llama")
    assert await resolved(both, "cloud/llama") == ("cloud", "llama")


async def test_every_listed_name_resolves_to_what_it_was_listed_for() -> None:
    tricky = catalog(
        upstream("openai", Lists("gpt", "mine", "openai/gpt")),
        upstream("router", Lists("openai/gpt", "gpt", "router/x")),
        aliases={"mine": "router/other"},
    )
    listed = await names(tricky)
    assert len(set(listed)) == len(listed)
    meant = [await resolved(tricky, name) for name in listed]
    assert meant == [
        ("openai", "gpt"),
        ("openai", "mine"),
        ("openai", "openai/gpt"),
        ("router", "openai/gpt"),
        ("router", "gpt"),
        ("router", "router/x"),
        ("router", "other"),
    ]


async def test_an_alias_is_resolved_and_listed() -> None:
    aliased = catalog(upstream("campus", Lists("llama")), aliases={"main": "campus/llama"})
    assert await resolved(aliased, "main") == ("campus", "llama")
    assert "main" in await names(aliased)
    assert (await aliased.get("main")).owned_by == "alias"


async def test_an_unknown_name_is_refused_with_close_ones() -> None:
    known = catalog(upstream("campus", Lists("llama-3.1-8b", "mistral")))
    with pytest.raises(ModelNotFoundError) as caught:
        await known.resolve("lama-3-8b")
    assert "llama-3.1-8b" in caught.value.message
    assert (caught.value.status, caught.value.param) == (404, "model")


async def test_an_unknown_name_says_which_upstream_is_silent() -> None:
    dead = Lists()
    dead.is_dead = True
    some = catalog(upstream("campus", dead), upstream("cloud", Lists("gpt")))
    with pytest.raises(ModelNotFoundError, match="do not answer now: campus"):
        await some.resolve("llama")


@pytest.mark.parametrize("is_dead", [True, False])
async def test_with_a_single_upstream_without_a_list_the_name_is_passed_on(is_dead: bool) -> None:
    lists = Lists()
    lists.is_dead = is_dead
    assert await resolved(catalog(upstream("campus", lists)), "org/any") == ("campus", "org/any")


async def test_an_allow_list_is_kept_to() -> None:
    lists = Lists("llama", "secret")
    kept = catalog(upstream("campus", lists, models=["llama"]))
    assert await names(kept) == ["llama"]
    for name in ("secret", "campus/secret"):
        with pytest.raises(ModelNotFoundError):
            await kept.resolve(name)
    assert not lists.asked


@pytest.mark.parametrize("name", ["gpt-4o", "gpt-4o-mini", "x" * 512])
async def test_where_no_name_is_close_the_list_is_told(name: str) -> None:
    kept = catalog(upstream("campus", Lists("tool", "main", "llama-3.1-8b", "y" * 300)))
    with pytest.raises(ModelNotFoundError, match="Available models: tool, main") as caught:
        await kept.resolve(name)
    assert "Similar names" not in caught.value.message
    with pytest.raises(ModelNotFoundError, match=r"Similar names: llama-3\.1-8b\."):
        await kept.resolve("llama-3-8b")


async def test_no_name_is_the_default_or_the_only_model() -> None:
    one = catalog(upstream("campus", Lists("llama")))
    assert await resolved(one, None) == ("campus", "llama")
    two = catalog(upstream("campus", Lists("a", "b")), default_model="campus/b")
    assert await resolved(two, None) == ("campus", "b")
    with pytest.raises(InvalidRequestError, match="Available models: a, b") as caught:
        await catalog(upstream("campus", Lists("a", "b"))).resolve(None)
    assert caught.value.param == "model"


async def test_lists_are_asked_for_once_a_minute_and_at_an_unknown_name() -> None:
    clock, lists = Clock(), Lists("old")
    cached = catalog(upstream("campus", lists), upstream("b", Lists("x")), clock=clock)
    for _ in range(3):
        await cached.resolve("old")
    assert lists.asked == 1
    lists.models = ("old", "new")
    clock.now = 10
    assert await resolved(cached, "new") == ("campus", "new")
    assert lists.asked == 2
    clock.now = 11
    with pytest.raises(ModelNotFoundError):
        await cached.resolve("unknown")
    assert lists.asked == 2
    clock.now = 100
    await cached.models()
    assert lists.asked == 3


async def test_one_dead_upstream_does_not_empty_the_list_nor_lose_its_models() -> None:
    clock, lists = Clock(), Lists("llama")
    some = catalog(upstream("campus", lists), upstream("cloud", Lists("gpt")), clock=clock)
    assert await names(some) == ["llama", "gpt"]
    lists.is_dead = True
    clock.now = 100
    assert await names(some) == ["llama", "gpt"]
    errors = await some.answering()
    assert errors["campus"]
    assert errors["cloud"] is None


async def test_a_slow_upstream_delays_nobody_elses_models() -> None:
    slow = Lists("llama")
    slow.gate = asyncio.Event()
    some = catalog(upstream("campus", slow), upstream("cloud", Lists("gpt")))
    assert await resolved(some, "gpt") == ("cloud", "gpt")
    waiting = asyncio.create_task(resolved(some, "llama"))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    slow.gate.set()
    assert await waiting == ("campus", "llama")
    assert slow.asked == 1
    await some.close()


async def test_a_client_that_leaves_does_not_stop_the_list_for_others() -> None:
    slow = Lists("llama")
    slow.gate = asyncio.Event()
    some = catalog(upstream("campus", slow), upstream("other", Lists("x")))
    first, second = (asyncio.create_task(resolved(some, "llama")) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    slow.gate.set()
    assert await second == ("campus", "llama")
    await some.close()


async def test_what_is_not_listed_works_by_its_full_name_only() -> None:
    hidden = upstream("demo", Lists("echo"), is_listed=False)
    some = catalog(upstream("campus", Lists("llama")), hidden)
    assert await names(some) == ["llama"]
    assert await resolved(some, "demo/echo") == ("demo", "echo")
    with pytest.raises(ModelNotFoundError):
        await some.resolve("echo")


async def test_a_model_is_described_by_any_name_that_resolves() -> None:
    some = catalog(upstream("campus", Lists("org/llama")))
    assert (await some.get("org/llama")).id == "org/llama"
    assert (await some.get("campus/org/llama")).owned_by == "campus"
    with pytest.raises(ModelNotFoundError):
        await some.get("nothing")
