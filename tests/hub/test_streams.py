"""Streams through the hub's proxy: they arrive as they are written, and end when nobody reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx
import pytest

from ..kernels import Kernel
from ..standin import DONE, HANG, StandIn, chunk
from .hub import Hub, Server

DEADLINE = 60.0
ASK: dict[str, Any] = {
    "model": "real-name",
    "stream": True,
    "messages": [{"role": "user", "content": "Hi"}],
}


@contextmanager
def asking(server: Server) -> Iterator[httpx.Response]:
    """Ask for a stream through the proxy."""
    with server.client() as http, http.stream("POST", "v1/chat/completions", json=ASK) as response:
        yield response


def read_until(pieces: Iterator[bytes], words: bytes) -> None:
    """Read until something has arrived; heartbeats may come before it."""
    seen = b""
    while words not in seen:
        seen += next(pieces)


def test_each_chunk_arrives_before_the_next_is_written(alice: Server, upstream: StandIn) -> None:
    gates = [threading.Event() for _ in range(3)]
    first, second, third = gates
    upstream.stream(
        chunk("one"), first, chunk("two"), second, chunk("three"), third, DONE, is_chunked=True
    )
    try:
        with asking(alice) as response:
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            pieces = response.iter_raw()
            for words, gate in zip((b"one", b"two", b"three"), gates, strict=True):
                # Nothing more is written upstream before this has been read here.
                read_until(pieces, words)
                gate.set()
            read_until(pieces, DONE)
    finally:
        for gate in gates:
            gate.set()


@pytest.mark.parametrize("steps", [(chunk("a"), HANG), (HANG,)], ids=["answering", "waiting"])
def test_who_leaves_through_the_proxy_ends_the_upstreams_work(
    alice: Server, upstream: StandIn, steps: tuple[Any, ...]
) -> None:
    upstream.stream(*steps)
    if len(steps) > 1:
        with asking(alice) as response:
            read_until(response.iter_raw(), b'"a"')
    else:
        with alice.client() as http, pytest.raises(httpx.ReadTimeout):
            http.post("v1/chat/completions", json=ASK, timeout=1)
    assert upstream.chats[0].client_left.wait(DEADLINE)


def test_a_silent_stream_is_kept_alive_through_the_proxy(alice: Server, upstream: StandIn) -> None:
    gate = threading.Event()
    upstream.stream(chunk("a"), gate, DONE)
    try:
        with asking(alice) as response:
            pieces = response.iter_raw()
            read_until(pieces, b'"a"')
            read_until(pieces, b": waiting for the model\n\n")
            gate.set()
            read_until(pieces, DONE)
    finally:
        gate.set()


ASK_IN_A_THREAD = (
    # The cell ends at once: it is not the busy kernel that keeps the server from being idle.
    "import threading\n"
    "from openai import OpenAI\n"
    "def ask(is_stream):\n"
    "    answer = OpenAI(max_retries=0).chat.completions.create(\n"
    "        model='real-name', stream=is_stream, messages=[{'role': 'user', 'content': 'Hi'}])\n"
    "    for _ in answer if is_stream else ():\n"
    "        pass\n"
    "asking = threading.Thread(target=ask, args=[IS_STREAM], daemon=True)\n"
    "asking.start()"
)


def wait_for_activity(hub: Hub, server: Server, after: datetime) -> datetime:
    """Wait until the hub has heard that a server did something after a time, and tell when."""
    deadline = time.monotonic() + DEADLINE
    while (seen := hub.last_activity(server)) <= after:
        assert time.monotonic() < deadline, "the hub believes that the server is idle"
        time.sleep(0.1)
    return seen


@pytest.mark.parametrize("is_stream", [True, False])
def test_a_server_whose_kernel_waits_for_a_model_is_not_idle(
    hub: Hub, bob: Server, bobs_kernel: Kernel, upstream: StandIn, is_stream: bool
) -> None:
    upstream.stream(*([chunk("a")] if is_stream else []), HANG)
    bobs_kernel.run(ASK_IN_A_THREAD.replace("IS_STREAM", str(is_stream)))
    assert upstream.has_chat.wait(DEADLINE)
    # Whatever the hub knows at first comes from the cell; what follows from the request alone,
    # which does not pass the hub's proxy.
    seen = hub.last_activity(bob)
    for _ in range(3):
        seen = wait_for_activity(hub, bob, seen)
    assert not upstream.chats[0].client_left.is_set()
    with bob.client() as http:
        (request,) = http.get("aqueduct/requests").json()["data"]
        assert http.delete(f"aqueduct/requests/{request['id']}").json()["stopped"]
    assert upstream.chats[0].client_left.wait(DEADLINE)
