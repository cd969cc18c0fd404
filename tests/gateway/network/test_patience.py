"""One timer for all waits: it ends the one that takes too long, and leaves all else alone."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from aqueduct_jupyter.gateway.network.patience import Patience


async def test_a_wait_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TimeoutError), Patience(0.02):
        await asyncio.sleep(60)


async def test_a_later_wait_has_its_own_time() -> None:
    with pytest.raises(TimeoutError), Patience(60) as patience:  # noqa: PT012  # the last one is it
        patience.rest()
        patience.wait(0.02)
        await asyncio.sleep(60)


async def test_whoever_rests_is_not_ended() -> None:
    with Patience(0.02) as patience:
        patience.rest()
        await asyncio.sleep(0.1)
        patience.wait(60)
        await asyncio.sleep(0)


async def test_what_was_heard_elsewhere_begins_the_wait_anew() -> None:
    end = monotonic() + 0.2
    with pytest.raises(TimeoutError), Patience(0.05, lambda: min(monotonic(), end)):
        await asyncio.sleep(60)
    assert monotonic() >= end + 0.05


async def test_many_short_waits_take_one_timer(jp_asyncio_loop: asyncio.AbstractEventLoop) -> None:
    made: list[float] = []
    call_at = jp_asyncio_loop.call_at

    def counted(when: float, *arguments: object, **more: object) -> asyncio.TimerHandle:
        made.append(when)
        return call_at(when, *arguments, **more)  # type: ignore[arg-type]

    jp_asyncio_loop.call_at = counted  # type: ignore[method-assign, assignment]
    with Patience(60) as patience:
        for _ in range(1000):
            patience.rest()
            patience.wait(60)
    jp_asyncio_loop.call_at = call_at  # type: ignore[method-assign]
    assert len(made) == 1


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def wait() -> None:
        with Patience(60):
            await asyncio.sleep(60)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_within_goes_through_and_the_timer_with_it() -> None:
    with pytest.raises(KeyError), Patience(0.02):
        raise KeyError
    await asyncio.sleep(0.05)
