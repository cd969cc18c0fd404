"""Budgets of a hub's service: whose count, what is said, when there is more; by a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.requests.shared_budgets import (
    RESERVED_PAUSE,
    SharedBudgets,
    ends,
    span_of,
)
from aqueduct_jupyter.gateway.requests.shared_limits import SharedBudget, read_shared_limits
from aqueduct_jupyter.gateway.stores.ledger import DatabaseLedger
from aqueduct_jupyter.gateway.stores.running_requests import DatabaseRunning
from aqueduct_jupyter.gateway.stores.sqlite import SQLiteDatabase
from aqueduct_jupyter.protocol.errors import RateLimitError

NOW = datetime(2026, 1, 31, 23, 59, 30, tzinfo=UTC).timestamp()


class Gate:
    """Budgets at a moment, before a database of their own."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.database = SQLiteDatabase(folder / "aqueduct.sqlite")
        self.running = DatabaseRunning(self.database, "one", clock=lambda: self.now)
        self.ledger = DatabaseLedger(self.database, settle=self.running.settle)
        self.changed: dict[str, SharedBudget] = {}
        self.count = 0
        self.limit()

    def limit(self, **limits: Any) -> None:
        self.budgets = SharedBudgets(
            read_shared_limits(limits), self.running, lambda: self.changed, lambda: self.now
        )

    async def ask(
        self, *groups: str, owner: str = "ada", kernel: str | None = None, tokens: int = 1
    ) -> Mapping[str, str]:
        self.count += 1
        entry = Entry(f"req_{self.count}", owner, kernel, groups=frozenset(groups), time=self.now)
        headers = await self.budgets.admit(entry, lambda: (tokens, 0))
        self.admitted = entry
        return headers

    async def refused(self, *groups: str, **more: Any) -> RateLimitError:
        with pytest.raises(RateLimitError) as caught:
            await self.ask(*groups, **more)
        return caught.value

    async def end(self, tokens: int) -> None:
        self.admitted.tokens_in = tokens
        self.admitted.upstream = "campus"
        self.ledger.record(self.admitted)


@pytest.fixture
def gate(tmp_path: Path, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    jp_asyncio_loop.run_until_complete(gate.database.close())


async def test_without_limits_nothing_is_said(gate: Gate) -> None:
    assert await gate.ask() == {}


async def test_requests_a_minute_run_out_and_come_back(gate: Gate) -> None:
    gate.limit(user={"requests_per_minute": 2})
    assert (await gate.ask())["x-ratelimit-remaining-requests"] == "1"
    assert await gate.ask() == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "30s",
    }
    error = await gate.refused()
    assert error.message == (
        "The limit of 2 requests per minute for you is used up. Try again at 00:00:00 UTC, in 30 "
        "seconds."
    )
    assert (error.retry_after, error.headers()["x-ratelimit-remaining-requests"]) == (30, "0")
    gate.now += 30
    await gate.ask()


async def test_a_month_ends_with_its_last_day(gate: Gate) -> None:
    gate.limit(user={"tokens_per_month": 10})
    gate.now = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
    await gate.ask(tokens=10)
    await gate.end(tokens=10)
    error = await gate.refused()
    assert "10 tokens per month" in error.message
    assert "at 01 February UTC" in error.message
    gate.now = datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    await gate.ask(tokens=10)


async def test_what_was_used_counts_and_not_what_was_expected(gate: Gate) -> None:
    gate.limit(user={"tokens_per_day": 100})
    await gate.ask(tokens=100)
    await gate.refused()
    await gate.end(tokens=40)
    assert (await gate.ask(tokens=10))["x-ratelimit-remaining-tokens"] == "50"


async def test_what_is_only_reserved_comes_back_soon(gate: Gate) -> None:
    gate.limit(user={"tokens_per_day": 100})
    await gate.ask(tokens=100)
    error = await gate.refused()
    assert error.message == (
        "The rest of the limit of 100 tokens per day for you is reserved by requests that are "
        "running. Try again when one of them has finished."
    )
    assert error.retry_after == RESERVED_PAUSE


async def test_a_request_must_fit_into_what_is_left(gate: Gate) -> None:
    gate.limit(user={"tokens_per_day": 100})
    error = await gate.refused(tokens=101)
    assert error.message.startswith(
        "This request alone takes about 101 tokens, and 100 are left of the limit of 100 tokens "
        "per day for you. Send less, or try again at 00:00:00 UTC"
    )
    await gate.ask(tokens=100)
    await gate.end(tokens=60)
    assert "about 41 tokens, and 40 are left" in (await gate.refused(tokens=41)).message
    await gate.ask(tokens=40)


async def test_each_user_has_a_budget_and_a_group_and_everyone_share_theirs(gate: Gate) -> None:
    gate.limit(
        user={"requests_per_day": 2},
        everyone={"requests_per_day": 5},
        groups={"students": {"together": {"requests_per_day": 3}}},
    )
    await gate.ask("students", owner="ada")
    await gate.ask("students", owner="ada")
    assert "for you" in (await gate.refused("students", owner="ada")).message
    await gate.ask("students", owner="ben")
    shared = await gate.refused("students", owner="cem")
    assert "for all members of the group 'students' together" in shared.message
    await gate.ask("staff", owner="dan")
    await gate.ask(owner="eve")
    assert "for everyone on this hub together" in (await gate.refused(owner="fay")).message


async def test_a_member_of_groups_has_the_most_generous_budget(gate: Gate) -> None:
    gate.limit(
        user={"requests_per_day": 1},
        groups={
            "students": {"member": {"requests_per_day": 2, "tokens_per_day": 9}},
            "tutors": {"member": {"requests_per_day": 3}},
        },
    )
    assert (await gate.ask(owner="guest"))["x-ratelimit-limit-requests"] == "1"
    assert (await gate.ask("students"))["x-ratelimit-limit-requests"] == "2"
    headers = await gate.ask("students", "tutors", owner="ben", tokens=1000)
    # Tutors have no limit of tokens.
    assert headers["x-ratelimit-limit-requests"] == "3"
    assert "x-ratelimit-limit-tokens" not in headers


async def test_kernels_and_agents_have_budgets_of_their_own(gate: Gate) -> None:
    gate.limit(kernel={"requests_per_day": 1}, agent={"requests_per_day": 2})
    await gate.ask(kernel="k1")
    assert "for this kernel" in (await gate.refused(kernel="k1")).message
    await gate.ask(kernel="k2")
    await gate.ask(kernel="agent:codex-1")
    await gate.ask(kernel="agent:codex-1")
    assert "for this agent" in (await gate.refused(kernel="agent:codex-1")).message


async def test_a_budget_that_an_administrator_changed_counts_at_once(gate: Gate) -> None:
    gate.limit(user={"requests_per_day": 1})
    await gate.ask()
    await gate.refused()
    gate.changed["user:ada"] = SharedBudget(requests_per_day=2)
    await gate.ask()
    await gate.refused()


async def test_too_many_at_a_time_wait_for_one_another(gate: Gate) -> None:
    gate.limit(user={"requests_in_flight": 1})
    await gate.ask()
    error = await gate.refused()
    assert error.message.startswith("1 request is running; the limit for you is 1 at a time.")
    assert error.retry_after == 1
    await gate.end(tokens=0)
    await gate.ask()


async def test_the_rest_of_a_day_is_carried_over(gate: Gate) -> None:
    gate.limit(user={"tokens_per_day": 100, "carry_over": 0.5})
    await gate.ask(tokens=10)
    await gate.end(tokens=20)
    gate.now += 60
    assert (await gate.ask(tokens=10))["x-ratelimit-limit-tokens"] == "140"


def test_spans_begin_and_end_in_utc() -> None:
    assert span_of("minute", 125) == (120, 60)
    assert span_of("now", 125) == (0, 0)
    march = datetime(2028, 3, 1, tzinfo=UTC).timestamp()
    february = datetime(2028, 2, 1, tzinfo=UTC).timestamp()
    assert span_of("month", march) == (march, february)
    assert span_of("month", march - 1)[0] == february
    assert ends("month", int(february)) == march
    assert ends("day", 0) == 86_400


@pytest.mark.parametrize(
    ("configured", "word"),
    [
        ({"users": {}}, "users"),
        ({"user": {"tokens_per_hour": 1}}, "user.tokens_per_hour"),
        ({"everyone": {"usd_per_day": 0}}, "everyone.usd_per_day"),
        ({"user": {"carry_over": 2}}, "user.carry_over"),
        ({"groups": {"students": {"budget": {}}}}, "groups.students.budget"),
        ({"max_tokens": 0}, "max_tokens"),
        # What no database can count to, and what only looks like a number.
        ({"user": {"tokens_per_day": 10**16}}, "user.tokens_per_day"),
        ({"user": {"tokens_per_day": True}}, "user.tokens_per_day"),
        ({"user": {"tokens_per_day": "100"}}, "user.tokens_per_day"),
        ({"everyone": {"usd_per_month": 1e300}}, "everyone.usd_per_month"),
    ],
)
def test_an_invalid_limit_is_named(configured: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=f"^AqueductHub.limits.{word}: "):
        read_shared_limits(configured)


def test_models_are_those_of_the_groups_or_of_everyone() -> None:
    limits = read_shared_limits(
        {"models": ["small"], "groups": {"a": {"models": ["x"]}, "b": {"models": ["y"]}, "c": {}}}
    )
    assert limits.models_of(frozenset()) == {"small"}
    assert limits.models_of(frozenset("c")) == {"small"}
    assert limits.models_of(frozenset("abc")) == {"x", "y"}
    assert read_shared_limits({}).models_of(frozenset("a")) is None
    # No models are not all models.
    assert read_shared_limits({"models": []}).models_of(frozenset("a")) == frozenset()
