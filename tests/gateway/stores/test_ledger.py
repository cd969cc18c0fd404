"""The ledger's sums; how each request's row comes about is tested where requests are answered."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from aqueduct_jupyter.gateway.entry import CLIENT_LEFT, Caller, Entry
from aqueduct_jupyter.gateway.prices.price import Price, Rates
from aqueduct_jupyter.gateway.stores.interfaces import Ledger
from aqueduct_jupyter.gateway.stores.ledger import DatabaseLedger
from aqueduct_jupyter.gateway.stores.sql.request_rows import RequestRows
from aqueduct_jupyter.protocol.chat import Usage
from aqueduct_jupyter.protocol.errors import UpstreamError

from .owned import Backend

DAY = 86_400.0
NOW = 20_000 * DAY + 7_200


@pytest.fixture
def ledger(backend: Backend) -> Ledger:
    return DatabaseLedger(backend.open_database(), clock=lambda: NOW)


def entry(number: int, **more: Any) -> Entry:
    given = {"owner": "ada", "kernel": "k1", "model": "llama", "time": NOW, **more}
    return Entry(request_id=f"req_{number}", **given)


async def test_sums_are_the_owners_and_of_the_days_asked_for(ledger: Ledger) -> None:
    rows = [
        entry(1, tokens_in=10, tokens_out=5),
        entry(2, tokens_in=1, tokens_out=2, kernel=None, time=NOW - DAY),
        entry(3, outcome="failed", model=None),
        entry(4, outcome="cancelled", tokens_in=1, tokens_out=1),
        entry(5, owner="ben", tokens_in=1000),
        entry(6, time=NOW - 3 * DAY, tokens_in=500),
    ]
    for row in rows:
        ledger.record(row)
    sums = await ledger.sums("ada", days=2)
    total = {"requests": 4, "failed": 1, "cancelled": 1, "tokens_in": 12, "tokens_out": 8}
    assert (sums["days"], sums["total"]) == (2, {**total, "usd": None})
    assert [(row["day"], row["requests"]) for row in sums["by_day"]] == [
        ("2024-10-03", 1),
        ("2024-10-04", 3),
    ]
    assert [(row["model"], row["requests"]) for row in sums["by_model"]] == [
        (None, 1),
        ("llama", 3),
    ]
    assert [(row["kernel"], row["tokens_in"]) for row in sums["by_kernel"]] == [
        (None, 1),
        ("k1", 11),
    ]


async def test_known_costs_are_summed(ledger: Ledger) -> None:
    rows = [
        entry(1, usd=0.1),
        entry(2, usd=0.2),
        entry(3, model="free", usd=0.0),
        entry(4, model="unknown", kernel=None),
        entry(5, usd=1.0, upstream="campus"),
        entry(6, usd=2.0, upstream="campus", kernel="k2"),
        entry(7, usd=4.0, upstream="campus", time=NOW - DAY),
    ]
    for row in rows:
        ledger.record(row)
    sums = await ledger.sums("ada")
    assert sums["total"]["usd"] == 7.3
    assert [row["usd"] for row in sums["by_day"]] == [4.0, 3.3]
    by_model = {row["model"]: row["usd"] for row in sums["by_model"]}
    assert by_model == {"llama": 7.3, "free": 0.0, "unknown": None}
    by_kernel = {row["kernel"]: row["usd"] for row in sums["by_kernel"]}
    assert by_kernel == {None: None, "k1": 5.3, "k2": 2.0}
    midnight = NOW - NOW % DAY
    assert (await ledger.used(Caller("ada"), NOW - 60, midnight)).usd_in_day == 3.0
    assert (await ledger.used(Caller("ada", "k2"), NOW - 60, midnight)).usd_in_day == 2.0
    assert (await ledger.used(Caller("ben"), NOW - 60, midnight)).usd_in_day == 0.0


async def test_a_request_that_has_just_ended_counts(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = RequestRows.add

    def add_slowly(self: RequestRows, rows: Sequence[Mapping[str, Any]]) -> None:
        time.sleep(0.2)
        add(self, rows)

    monkeypatch.setattr(RequestRows, "add", add_slowly)
    ledger = DatabaseLedger(backend.open_database(), clock=lambda: NOW)
    ledger.record(entry(1, upstream="campus", tokens_in=10))
    used = await ledger.used(Caller("ada"), NOW - 60, NOW - DAY)
    assert (used.requests_in_minute, used.tokens_in_day) == (1, 10)


async def test_an_empty_ledger_has_sums_of_nothing(ledger: Ledger) -> None:
    sums = await ledger.sums("ada")
    assert sums["total"] == {**dict.fromkeys(sums["total"], 0), "usd": None}
    assert sums["by_day"] == sums["by_model"] == sums["by_kernel"] == []


def test_what_the_upstream_counts_replaces_an_estimate() -> None:
    row = entry(1)
    row.estimate(7, 8)
    assert row.is_estimated
    row.count(Usage(prompt_tokens=3, completion_tokens=2))
    assert (row.tokens_in, row.tokens_out, row.is_estimated) == (3, 2, False)


def test_a_finished_request_has_its_cost() -> None:
    price = Price((Rates(2.0, 8.0, cached_input=0.5),))
    counted, estimated, refused, unknown = (entry(number) for number in range(4))
    for row in (counted, estimated, refused):
        row.price = price
    counted.count(Usage(prompt_tokens=1000, completion_tokens=100, cached_tokens=400))
    estimated.estimate(1000, 100)
    unknown.estimate(1000, 100)
    for row in (counted, estimated, refused, unknown):
        row.finish()
    costs = [row.usd for row in (counted, estimated, refused, unknown)]
    assert costs == [pytest.approx(0.0022), pytest.approx(0.0028), None, None]


def test_a_client_that_left_has_no_status_but_its_own() -> None:
    before, after = entry(1), entry(2)
    before.cancel()
    after.begin_answer()
    after.cancel()
    assert (before.status, after.status) == (CLIENT_LEFT, 200)
    assert before.outcome == after.outcome == "cancelled"


def test_a_failure_has_its_status_and_code() -> None:
    row = entry(1)
    row.fail(UpstreamError("no"))
    assert (row.outcome, row.status, row.error_code) == ("failed", 502, "upstream_error")


def test_only_the_first_of_an_answer_counts() -> None:
    row = entry(1)
    row.begin_answer()
    first = row.first_token_ms
    row.started -= 10
    row.begin_answer()
    row.finish()
    assert row.first_token_ms == first
    assert row.total_ms >= 10_000


async def test_rows_that_come_together_are_all_written_and_a_bad_one_is_left_out(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(300):
        ledger.record(entry(number, tokens_in=2**70 if number == 150 else 1))
    for _ in range(1000):
        found = (await ledger.sums("ada"))["total"]
        if found["requests"] == 299:
            break
    assert (found["requests"], found["tokens_in"]) == (299, 299)
    assert "write to the database failed" in caplog.text


async def test_any_name_of_a_model_can_be_kept(ledger: Ledger) -> None:
    for number, model in enumerate(("half \ud83d", "nul \0", "whole \U0001f600")):
        ledger.record(entry(number, model=model))
    for _ in range(1000):
        found = (await ledger.sums("ada"))["by_model"]
        if len(found) == 3:
            break
    assert len(found) == 3
    assert "whole \U0001f600" in {row["model"] for row in found}
