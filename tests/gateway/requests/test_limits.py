"""Budgets: who is let in, what is left, when there is more; by an injected clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.requests.limits import Budgets, Limits, bounded, read_limits
from aqueduct_jupyter.gateway.requests.operations import CHAT
from aqueduct_jupyter.gateway.requests.running import RunningRequests
from aqueduct_jupyter.gateway.stores.interfaces import Ledger
from aqueduct_jupyter.gateway.stores.ledger import DatabaseLedger
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase
from aqueduct_jupyter.protocol.chat import ChatRequest
from aqueduct_jupyter.protocol.errors import InvalidRequestError, RateLimitError

DAY = 86_400.0
NOW = 20_000 * DAY + 23 * 3600


@pytest.fixture
def ledger(tmp_path: Path, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Ledger]:
    database = SQLiteDatabase(tmp_path / "aqueduct.sqlite")
    yield DatabaseLedger(database)
    jp_asyncio_loop.run_until_complete(database.close())


class Gate:
    """Budgets at a moment, with requests that run and requests that are over."""

    def __init__(self, ledger: Ledger, **limits: Any) -> None:
        self.ledger = ledger
        self.running = RunningRequests()
        self.now = NOW
        self.budgets = Budgets(read_limits(limits), ledger, self.running, lambda: self.now)
        self.stack = ExitStack()
        self.count = 0

    def entry(self, **more: Any) -> Entry:
        self.count += 1
        given = {"owner": "ada", "kernel": None, "time": self.now, **more}
        return Entry(request_id=f"req_{self.count}", **given)

    def past(self, seconds: float = 0, tokens: int = 0, **more: Any) -> None:
        told = {"upstream": "campus", "tokens_in": tokens, **more}
        self.ledger.record(self.entry(time=self.now - seconds, **told))

    async def ask(self, **more: Any) -> dict[str, str]:
        entry = self.entry(**more)
        self.stack.enter_context(self.running.running(entry))
        return await self.budgets.admit(entry, lambda: (0, 0))

    async def refused(self, **more: Any) -> RateLimitError:
        with pytest.raises(RateLimitError) as caught:
            await self.ask(**more)
        return caught.value


async def test_without_limits_nothing_is_asked_and_nothing_is_said(ledger: Ledger) -> None:
    assert await Gate(ledger).ask() == {}


async def test_requests_a_minute_run_out_and_come_back(ledger: Ledger) -> None:
    gate = Gate(ledger, user={"requests_per_minute": 3})
    gate.past(seconds=20)
    gate.past(seconds=61)
    assert (await gate.ask())["x-ratelimit-remaining-requests"] == "2"
    headers = await gate.ask()
    assert headers == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "1",
        "x-ratelimit-reset-requests": "40s",
    }
    error = await gate.refused()
    assert error.retry_after == 40
    assert error.message == (
        "The limit of 3 requests per minute for you is used up. Try again at 23:00:40 UTC, in 40 "
        "seconds."
    )
    assert error.headers()["x-ratelimit-remaining-requests"] == "0"
    gate.now += 41
    await gate.ask()


async def test_a_request_that_was_refused_uses_nothing(ledger: Ledger) -> None:
    gate = Gate(ledger, user={"requests_per_minute": 1})
    for _ in range(5):
        gate.past(upstream=None, status=429, outcome="failed")
    await gate.ask()


async def test_tokens_of_the_day_are_there_again_at_midnight(ledger: Ledger) -> None:
    gate = Gate(ledger, user={"tokens_per_day": 100})
    gate.past(seconds=5 * 3600, tokens=60)
    gate.past(seconds=DAY, tokens=1000)
    assert (await gate.ask())["x-ratelimit-remaining-tokens"] == "40"
    gate.past(tokens=40, tokens_out=2)
    error = await gate.refused()
    assert "100 tokens per day" in error.message
    assert "00:00:00 UTC" in error.message
    assert error.retry_after == 3600
    gate.now += 3600
    await gate.ask()


async def test_money_of_the_day_is_there_again_at_midnight(ledger: Ledger) -> None:
    gate = Gate(ledger, user={"usd_per_day": 2.5})
    gate.past(seconds=5 * 3600, usd=1.5)
    gate.past(seconds=DAY, usd=100.0)
    gate.past(tokens=10**9)  # without a known price
    assert await gate.ask() == {}
    gate.past(usd=1.0)
    error = await gate.refused()
    assert error.message == (
        "The limit of 2.5 US dollars per day for you is used up. Try again at 00:00:00 UTC, in "
        "3600 seconds."
    )
    assert error.retry_after == 3600
    assert not [name for name in error.headers() if name.startswith("x-ratelimit")]
    gate.now += 3600
    await gate.ask()


async def test_a_kernel_has_money_of_its_own(ledger: Ledger) -> None:
    gate = Gate(ledger, kernel={"usd_per_day": 5}, user={"tokens_per_day": 100})
    gate.past(usd=5.0, kernel="k1", tokens=1)
    assert "5 US dollars per day for this kernel" in (await gate.refused(kernel="k1")).message
    headers = await gate.ask(kernel="k2")
    assert len(headers) == 3
    assert all(name.endswith("-tokens") for name in headers)


async def test_a_kernel_has_a_budget_of_its_own_within_its_users(ledger: Ledger) -> None:
    gate = Gate(ledger, kernel={"tokens_per_minute": 10}, user={"tokens_per_minute": 100})
    gate.past(tokens=10, kernel="k1")
    error = await gate.refused(kernel="k1")
    assert "for this kernel" in error.message
    assert (await gate.ask(kernel="k2"))["x-ratelimit-remaining-tokens"] == "10"
    assert (await gate.ask())["x-ratelimit-remaining-tokens"] == "90"
    gate.past(tokens=90, kernel="k3")
    assert "for you" in (await gate.refused(kernel="k2")).message


async def test_an_agent_has_the_agents_budget_and_not_a_kernels(ledger: Ledger) -> None:
    gate = Gate(ledger, kernel={"tokens_per_minute": 10}, agent={"requests_in_flight": 1})
    gate.past(tokens=10, kernel="agent:codex-1")
    assert await gate.ask(kernel="agent:codex-1") == {}
    error = await gate.refused(kernel="agent:codex-1")
    assert "the limit for this agent is 1 at a time" in error.message
    await gate.ask(kernel="agent:codex-2")


async def test_only_so_many_run_at_a_time(ledger: Ledger) -> None:
    gate = Gate(ledger, user={"requests_in_flight": 2})
    await gate.ask()
    await gate.ask()
    error = await gate.refused()
    assert (error.retry_after, error.status) == (1.0, 429)
    await gate.ask(owner="ben")


@pytest.mark.parametrize("kernel", [{}, {"tokens_per_minute": 100}], ids=["user", "both"])
async def test_two_at_once_do_not_take_the_same_last_place(
    ledger: Ledger, kernel: dict[str, int]
) -> None:
    gate = Gate(ledger, user={"requests_per_minute": 1}, kernel=kernel)
    entries = [gate.entry(kernel="k1"), gate.entry(kernel="k1")]
    for entry in entries:
        gate.stack.enter_context(gate.running.running(entry))
    came = await asyncio.gather(
        *(gate.budgets.admit(entry, lambda: (0, 0)) for entry in entries), return_exceptions=True
    )
    assert {type(one) for one in came} == {dict, RateLimitError}


async def test_a_day_is_called_one_also_in_its_last_minute(ledger: Ledger) -> None:
    gate = Gate(ledger, user={"tokens_per_day": 10})
    gate.now = 20_001 * DAY - 30
    gate.past(tokens=10)
    assert "10 tokens per day" in (await gate.refused()).message


def test_an_answer_is_bounded() -> None:
    fields = CHAT.length_fields
    assert bounded(ChatRequest({"messages": []}), fields, 50).body["max_tokens"] == 50
    asked = {"max_completion_tokens": 20}
    assert bounded(ChatRequest(asked), fields, 50).body == asked
    assert bounded(ChatRequest(asked), fields, None).body == asked
    with pytest.raises(InvalidRequestError, match="at most 50 tokens") as caught:
        bounded(ChatRequest({"max_completion_tokens": 51}), fields, 50)
    assert caught.value.param == "max_completion_tokens"


@pytest.mark.parametrize(
    ("configured", "word"),
    [
        ({"users": {}}, "users"),
        ({"user": {"requests_per_hour": 1}}, "user.requests_per_hour"),
        ({"kernel": {"tokens_per_day": 0}}, "kernel.tokens_per_day"),
        ({"user": {"usd_per_day": 0}}, "user.usd_per_day"),
        ({"user": {"usd_per_day": float("inf")}}, "user.usd_per_day"),
        ({"max_tokens": "many"}, "max_tokens"),
    ],
)
def test_a_limit_that_is_not_understood_is_an_error(configured: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        read_limits(configured)
    assert read_limits({}) == Limits()
