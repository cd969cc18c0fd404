"""Published prices: looked up once, by a child process, without a pause of the event loop."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Sequence

import pytest

from aqueduct_jupyter.gateway.prices import published as module
from aqueduct_jupyter.gateway.prices.price import Price, Rates
from aqueduct_jupyter.gateway.prices.published import PublishedPrices, is_local

OPENAI = "https://api.openai.com/v1"
GPT_4O = Price((Rates(2.5, 10.0, 1.25),))

# It counts its answers, so that a test sees which of them are new.
COUNTER = """
import sys, json
for number, line in enumerate(sys.stdin, 1):
    print(json.dumps([{"input": number, "output": 1}]), flush=True)
"""


def child(source: str) -> Sequence[str]:
    return (sys.executable, "-c", source)


async def price_of(prices: PublishedPrices, model: str = "gpt-4o") -> list[Price | None]:
    given: list[Price | None] = []
    prices.get(OPENAI, model, given.append)
    await prices.known(OPENAI, model)
    return given


async def test_prices_come_from_a_process_that_ends_with_us() -> None:
    prices = PublishedPrices()
    try:
        assert await price_of(prices) == [GPT_4O]
        assert await price_of(prices, "gpt-of-nobody") == [None]
        started = prices._child
        assert started
        assert started.is_alive
    finally:
        await prices.close()
    assert not started.is_alive


async def test_a_price_is_looked_up_once_even_for_requests_that_come_together() -> None:
    prices = PublishedPrices(child(COUNTER))
    found = await asyncio.gather(*(price_of(prices) for _ in range(5)))
    assert found == [[Price((Rates(1, 1),))]] * 5
    given: list[Price | None] = []
    prices.get(OPENAI, "gpt-4o", given.append)
    assert given == [Price((Rates(1, 1),))]
    assert await price_of(prices, "o3") == [Price((Rates(2, 1),))]
    await prices.close()


async def test_an_old_price_is_used_while_a_new_one_is_looked_up() -> None:
    now = 0.0
    prices = PublishedPrices(child(COUNTER), clock=lambda: now)
    await price_of(prices)
    now = module.LIFETIME + 1
    assert await price_of(prices) == [Price((Rates(1, 1),))]
    await asyncio.wait(prices._asking.values())
    assert await price_of(prices) == [Price((Rates(2, 1),))]
    await prices.close()


async def test_who_stops_waiting_stops_no_one_else() -> None:
    prices = PublishedPrices(child(f"import time; time.sleep(0.3)\n{COUNTER}"))
    leaving = asyncio.create_task(price_of(prices))
    staying = asyncio.create_task(price_of(prices))
    await asyncio.sleep(0.05)
    leaving.cancel()
    assert await staying == [Price((Rates(1, 1),))]
    await prices.close()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (child("raise SystemExit('no prices here')"), "no prices here"),
        (child("print('not JSON'); input()"), "JSONDecodeError"),
        (child("print('[1]', flush=True); input()"), "TypeError"),
        (("/nowhere/python",), "FileNotFoundError"),
    ],
    ids=["dies", "nonsense", "other", "missing"],
)
async def test_a_process_that_fails_means_no_price_and_is_not_asked_again_at_once(
    command: Sequence[str], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    prices = PublishedPrices(command)
    with caplog.at_level(logging.WARNING):
        assert await price_of(prices, "gpt\n-4o") == [None]
        assert await price_of(prices, "gpt\n-4o") == [None]
    (said,) = [one.getMessage() for one in caplog.records if one.name == module.__name__]
    assert "\n" not in said
    assert "-4o' cannot be looked up: " in said
    assert words in said
    await prices.close()


async def test_a_process_that_does_not_answer_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.5)
    prices = PublishedPrices(child("import time; time.sleep(60)"))
    assert await price_of(prices) == [None]
    assert prices._child
    assert not prices._child.is_alive
    await prices.close()


async def test_the_process_ends_when_no_one_asks_and_starts_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.2)
    prices = PublishedPrices(child(COUNTER))
    await price_of(prices)
    started = prices._child
    assert started
    await asyncio.wait_for(asyncio.shield(started.ended), 5)
    assert prices._child is None
    assert await price_of(prices, "o3") == [Price((Rates(1, 1),))]
    await prices.close()


async def test_closing_ends_a_lookup() -> None:
    prices = PublishedPrices(child("import time; time.sleep(60)"))
    given: list[Price | None] = []
    prices.get(OPENAI, "gpt-4o", given.append)
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await prices.close()
    assert time.monotonic() - began < 4
    assert given == []


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("http://localhost:11434/v1", True),
        ("http://vllm:8000/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://local.invalid/v1", True),
        ("http://gpu.local/v1", True),
        ("https://gateway.campus.example/v1", False),
        ("https://8.8.8.8/v1", False),
    ],
)
def test_what_runs_on_this_network_costs_nothing_that_is_published(
    base_url: str, expected: bool
) -> None:
    assert is_local(base_url) == expected
