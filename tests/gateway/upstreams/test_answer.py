"""An answer's body is given whole or not at all, and a silence in it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aqueduct_jupyter.protocol import errors

from ...standin import CUT, HANG, RESET, StandIn, chunk
from .test_upstream import BODY, ask, failure, upstream


async def test_silence_before_the_first_byte_ends_too(standin: StandIn) -> None:
    standin.stream(HANG)
    assert (await failure(upstream(standin.url, timeout=0.2, idle_timeout=30))).status == 504


async def test_silence_in_the_middle_ends_after_the_idle_timeout(standin: StandIn) -> None:
    standin.stream(chunk("Hi"), HANG)
    asked = upstream(standin.url, timeout=30, idle_timeout=0.2)
    with pytest.raises(errors.UpstreamTimeoutError):
        await ask(asked)
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)


async def test_what_is_taken_on_the_spot_is_no_silence(standin: StandIn) -> None:
    standin.stream(chunk("<0>"), *(step for n in "12345678" for step in (0.2, chunk(n))), HANG)
    asked = upstream(standin.url, timeout=30, idle_timeout=1)
    taken: list[bytes] = []

    def take(data: bytes) -> bool:
        taken.append(data)
        return True

    async with asked.post("chat/completions", BODY, request_id="r") as answer:
        chunks = answer.chunks()
        assert await anext(chunks) == chunk("<0>")
        answer.set_receiver(take)
        with pytest.raises(errors.UpstreamTimeoutError):
            await anext(chunks)
    assert b"".join(taken) == b"".join(map(chunk, "12345678"))


@pytest.mark.parametrize("end", [CUT, RESET])
@pytest.mark.parametrize("head", [None, b""])
async def test_a_broken_connection_is_never_a_whole_answer(
    standin: StandIn, end: Any, head: bytes | None
) -> None:
    standin.reply(chunk("Hi"), end, is_chunked=True, raw_head=head)
    error = await failure(upstream(standin.url))
    assert error.status == 502
    assert len(standin.chats) == 1
