"""Conversations are shared out by weight, and only those of what is lost move."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from aqueduct_jupyter.gateway.upstreams.circuits import FAILURES, Circuit
from aqueduct_jupyter.gateway.upstreams.deployments import (
    Deployment,
    Group,
    Route,
    read_deployments,
)
from aqueduct_jupyter.protocol.errors import (
    ModelNotFoundError,
    PermissionDeniedError,
    UpstreamError,
)

from .test_catalog import Lists, catalog, names, resolved, upstream

KEYS = [number.to_bytes(16) for number in range(4000)]
WITHIN = 0.1
"""How far shares may be from the weights: more than three standard deviations of so many keys."""


def group(**weights: float) -> Group:
    found = [
        Deployment(Route(upstream(name, Lists()), "llama"), weight, Circuit(name))
        for name, weight in weights.items()
    ]
    return Group("gpt", tuple(found))


def order(of: Group, key: bytes, preferred: str | None = None) -> list[str]:
    return [one.route.upstream.name for one in of.in_order(key, preferred)]


def firsts(of: Group) -> dict[bytes, str]:
    return {key: order(of, key)[0] for key in KEYS}


def test_each_gets_its_share_of_the_conversations() -> None:
    shares = Counter(firsts(group(a=5, b=3, c=2, spare=0)).values())
    assert shares.keys() == {"a", "b", "c"}
    assert shares["a"] == pytest.approx(2000, rel=WITHIN)
    assert shares["b"] == pytest.approx(1200, rel=WITHIN)
    assert shares["c"] == pytest.approx(800, rel=WITHIN)


def test_only_the_conversations_of_what_is_lost_move_and_spread_by_weight() -> None:
    before, after = firsts(group(a=2, b=1, c=1)), firsts(group(b=1, c=1))
    moved = Counter(after[key] for key in KEYS if before[key] == "a")
    assert all(after[key] == before[key] for key in KEYS if before[key] != "a")
    assert moved["b"] == pytest.approx(moved["c"], rel=WITHIN)


def test_what_is_added_takes_only_its_share() -> None:
    before, after = firsts(group(a=1, b=1)), firsts(group(a=1, b=1, c=1))
    moved = [key for key in KEYS if before[key] != after[key]]
    assert {after[key] for key in moved} == {"c"}
    assert len(moved) == pytest.approx(len(KEYS) / 3, rel=WITHIN)


def test_the_order_of_the_configuration_and_the_process_do_not_matter() -> None:
    assert firsts(group(a=1, b=2)) == firsts(group(b=2, a=1))
    assert [order(group(a=1, b=1, c=1), key) for key in KEYS[:3]] == [
        ["b", "a", "c"],
        ["b", "c", "a"],
        ["a", "b", "c"],
    ], "these are the same on every machine"


def test_weight_0_comes_last_in_the_operators_order() -> None:
    found = {tuple(order(group(z=0, a=1, y=0, b=1), key)[2:]) for key in KEYS[:100]}
    assert found == {("z", "y")}
    assert order(group(z=0, a=0), KEYS[0]) == ["z", "a"]


def test_who_knows_what_is_continued_comes_first() -> None:
    assert {order(group(a=9, b=1, spare=0), key, "spare")[0] for key in KEYS[:50]} == {"spare"}
    assert order(group(a=1, b=0), KEYS[0], "elsewhere") == ["a", "b"]


def test_what_is_passed_over_is_asked_after_all_others() -> None:
    some = group(a=1, b=0, c=0)
    for _ in range(FAILURES):
        next(some.let_in(KEYS[0]))[1].fail(UpstreamError("No."))
    assert [one.route.upstream.name for one, _ in some.let_in(KEYS[0])] == ["b", "c", "a"]


def configured(*models: Any, name: str = "gpt") -> dict[str, Any]:
    return {name: [{"model": model} if isinstance(model, str) else model for model in models]}


def read(settings: dict[str, Any], **aliases: str) -> Any:
    notices: list[str] = []
    found = read_deployments(settings, aliases, notices)
    assert notices == []
    return found


BOTH = configured("campus/llama", {"model": "cloud/big", "weight": 0})


async def test_the_name_is_resolved_and_listed() -> None:
    both = catalog(
        upstream("campus", Lists("llama")),
        upstream("cloud", Lists("big")),
        deployments=read(BOTH),
        aliases={"main": "gpt"},
        default_model="gpt",
    )
    assert await names(both) == ["llama", "big", "gpt", "main"]
    assert (await both.get("gpt")).owned_by == "deployments"
    assert both.owner("gpt") == ""
    assert await both.default_model() == "gpt"
    for name in ("gpt", "main", None):
        route = await both.resolve(name)
        assert route.group is not None
        assert route.group.name == "gpt"
        assert [one.route.full_name for one in route.group.deployments] == [
            "campus/llama",
            "cloud/big",
        ]
    assert (await both.resolve("campus/llama")).group is None


async def test_its_context_is_the_shortest_one() -> None:
    class Lengths(Lists):
        async def handle_async_request(self, request: Any) -> Any:
            response = await super().handle_async_request(request)
            length = 8192 if "llama" in self.models else 4096
            data = [{**one, "context_length": length} for one in response.json()["data"]]
            return type(response)(200, json={"data": data})

    both = catalog(
        upstream("campus", Lengths("llama")),
        upstream("cloud", Lengths("big")),
        deployments=read(BOTH),
        aliases={"main": "gpt"},
    )
    listed = {model.id: model.context_tokens for model in (await both.models()).data}
    assert listed == {"llama": 8192, "big": 4096, "gpt": 4096, "main": 4096}


async def test_it_reads_documents_in_one_way_only_if_all_do() -> None:
    for documents, expected in (("text", "text"), ("native", None)):
        both = catalog(
            upstream("campus", Lists("llama")),
            upstream("cloud", Lists("big"), documents=documents),
            deployments=read(BOTH),
            aliases={"main": "gpt"},
        )
        listed = [model.id for model in (await both.models()).data]
        assert {name: both.document_mode(name) for name in listed} == {
            "llama": "text",
            "big": documents,
            "gpt": expected,
            "main": expected,
        }
    assert both.document_mode("unknown") is None


async def test_it_takes_the_name_of_a_model_that_an_upstream_lists() -> None:
    both = catalog(
        upstream("campus", Lists("llama")),
        upstream("cloud", Lists("llama", "big")),
        deployments=read(configured("campus/llama", "cloud/llama", name="llama")),
    )
    assert await names(both) == ["campus/llama", "cloud/llama", "big", "llama"]
    assert (await both.resolve("llama")).group is not None
    assert (await both.resolve("cloud/llama")).group is None


async def test_what_there_is_not_is_left_out_and_told() -> None:
    settings = read({**configured("campus/llama", "gone/llama"), **configured("gone/x", name="x")})
    one = catalog(upstream("campus", Lists("llama"), models=["llama"]), deployments=settings)
    route = await one.resolve("gpt")
    assert route.group is not None
    assert [found.route.full_name for found in route.group.deployments] == ["campus/llama"]
    assert await names(one) == ["llama", "gpt"]
    with pytest.raises(ModelNotFoundError):
        await one.resolve("x")
    assert one.missing_deployments() == [
        "deployments of 'gpt': there is no upstream that has gone/llama.",
        "deployments of 'x': there is no upstream that has gone/x.",
    ]
    one.change([*one.upstreams, upstream("gone", Lists("x"))])
    assert await resolved(one, "x") == ("gone", "x")


async def test_a_circuit_outlives_the_upstream_that_is_replaced() -> None:
    one = catalog(upstream("campus", Lists("llama")), deployments=read(configured("campus/llama")))
    (before,) = one.groups()[0].deployments
    one.change([upstream("campus", Lists("llama"))])
    (after,) = one.groups()[0].deployments
    assert after.circuit is before.circuit
    assert after.route.upstream is not before.route.upstream


@pytest.mark.parametrize(
    ("allowed", "left"),
    [
        (["gpt"], ["campus/llama", "cloud/big"]),
        (["cloud/big"], ["cloud/big"]),
        (["llama"], ["campus/llama"]),
        (["other"], []),
    ],
)
async def test_allowed_is_the_name_or_each_deployment(allowed: list[str], left: list[str]) -> None:
    both = catalog(
        upstream("campus", Lists("llama")),
        upstream("cloud", Lists("big")),
        deployments=read(BOTH),
        aliases={"main": "gpt"},
        allowed=allowed,
    )
    assert ("gpt" in await names(both)) == bool(left)
    for name in ("gpt", "main"):
        if not left:
            with pytest.raises(PermissionDeniedError):
                await both.resolve(name)
            continue
        route = await both.resolve(name)
        assert route.group is not None
        assert [one.route.full_name for one in route.group.deployments] == left


@pytest.mark.parametrize(
    ("entries", "notice"),
    [
        ([], "deployments of 'gpt': there are none. Name at least one."),
        ("campus/llama", "deployments of 'gpt': Input should be a valid list."),
        (["campus/llama"], "deployments of 'gpt': 0: "),
        ([{"model": "llama"}], "deployments of 'gpt': 0.model: The model must be written as "),
        ([{"weight": 1}], "deployments of 'gpt': 0.model: Field required."),
        ([{"model": "a/b", "weight": -1}], "deployments of 'gpt': 0.weight: Input should be "),
        ([{"model": "a/b", "weight": float("inf")}], "0.weight: Input should be a finite number."),
        ([{"model": "a/b", "wait": 1}], "deployments of 'gpt': 0.wait: Extra inputs are not "),
        ([{"model": "a/b"}] * 2, "a/b is there twice. Give it a larger weight instead."),
    ],
)
def test_what_is_wrong_is_told_and_left_out(entries: Any, notice: str) -> None:
    notices: list[str] = []
    found = read_deployments({"gpt": entries, **configured("a/c", name="x")}, {}, notices)
    assert list(found) == ["x"]
    assert len(notices) == 1
    assert notice in notices[0]


def test_an_alias_has_another_name() -> None:
    notices: list[str] = []
    assert read_deployments(BOTH, {"gpt": "campus/llama"}, notices) == {}
    assert notices == [
        "deployments of 'gpt': this name is also an alias. Choose another for one of them."
    ]
