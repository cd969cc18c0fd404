"""Every row of the behaviour table for chats: what the client got, what the upstream was sent."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sqlite3
import threading
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from tenacity import AsyncRetrying

from aqueduct_jupyter.gateway.network.response import Body
from aqueduct_jupyter.server.http.body import PIECE, SMALL
from aqueduct_jupyter.server.http.operations import OperationHandler

from ...standin import CUT, DONE, HANG, StandIn, chunk, completion, event, usage_chunk
from ..conftest import Ask, Settings, campus

MESSAGES = [{"role": "user", "content": "Hi"}]
PATHS = ("chat/completions", "v1/chat/completions")
OF_ONE_REQUEST = (OperationHandler, Body, AsyncRetrying)


def body(**more: Any) -> dict[str, Any]:
    return {"model": "real-name", "messages": MESSAGES, **more}


async def post(http: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await http.post("v1/chat/completions", json=body(**more))


def error_of(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error"}
    error: dict[str, Any] = response.json()["error"]
    assert "sk-secret" not in response.text
    assert "127.0.0.1" not in response.text
    return error


async def ledger(extension: Any, tmp_path: Path) -> list[dict[str, Any]]:
    await extension.gateway._stores.database.run(lambda connection: None)
    connection = sqlite3.connect(tmp_path / "aqueduct" / "aqueduct.sqlite")
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute("SELECT * FROM requests ORDER BY time")]
    connection.close()
    return rows


async def ledger_row(extension: Any, tmp_path: Path) -> dict[str, Any]:
    """Wait for the one row: a client that left cannot wait for it."""
    for _ in range(200):
        if rows := await ledger(extension, tmp_path):
            return rows[0]
        await asyncio.sleep(0.02)
    raise AssertionError("no row came")


@pytest.mark.parametrize("path", PATHS)
async def test_a_whole_answer_is_the_upstreams_own_bytes(
    http: httpx.AsyncClient, standin: StandIn, path: str
) -> None:
    answer = json.dumps(completion("H\u00e9llo"), indent=3).encode()
    standin.reply(answer)
    response = await http.post(path, json=body())
    assert response.status_code == 200
    assert response.content == answer
    assert response.headers["content-type"] == "application/json"
    (sent,) = standin.chats
    assert sent.json == body()
    assert sent.headers["authorization"] == "Bearer sk-secret"
    assert sent.headers["x-request-id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("sizes", [[7001], [999], [SMALL, SMALL + 1, 1]])
async def test_a_body_of_many_pieces_arrives_whole(
    http: httpx.AsyncClient, standin: StandIn, sizes: list[int]
) -> None:
    words = body(messages=[{"role": "user", "content": "0123456789" * (PIECE // 4)}])
    text = json.dumps(words).encode()

    async def pieces() -> AsyncIterator[bytes]:
        rest = memoryview(text)
        for size in itertools.cycle(sizes):
            if not rest:
                return
            yield bytes(rest[:size])
            rest = rest[size:]

    response = await http.post("chat/completions", content=pieces())
    assert response.status_code == 200
    assert standin.chats[0].json == words


async def test_every_parameter_goes_upstream_as_it_is(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    more = {
        "temperature": 0.30000000000000004,
        "top_p": 1,
        "max_tokens": 5,
        "n": 2,
        "stop": ["a", "b", "c", "d"],
        "user": "u1",
        "metadata": {"a": "b"},
        "store": True,
        "seed": 12345678901234567890,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}},
        "never_heard_of": [1, None, {"\u2028": "\U0001f600"}],
    }
    await post(http, **more)
    assert standin.chats[0].json == body(**more)


async def test_images_go_upstream_as_they_are(http: httpx.AsyncClient, standin: StandIn) -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/x.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    messages = [{"role": "user", "content": parts}]
    await http.post("v1/chat/completions", json={"model": "real-name", "messages": messages})
    assert standin.chats[0].json["messages"] == messages


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b"{", None),
        (b'{"messages": "Hi"}', "messages"),
        (b'{"messages": ["Hi"]}', "messages[0]"),
        (b'{"messages": [{"role": "user"}]}', "messages[0].content"),
        (b'{"messages": [{"role": "user", "content": "x"}], "temperature": 99}', "temperature"),
        (b'{"messages": [{"role": "user", "content": "x"}], "n": 0}', "n"),
        (
            b'{"messages": [{"role": "user", "content": "x"}], "stop": ["1","2","3","4","5"]}',
            "stop",
        ),
    ],
)
async def test_a_bad_body_is_named_and_never_sent(
    http: httpx.AsyncClient, standin: StandIn, content: bytes, param: str | None
) -> None:
    headers = {"Content-Type": "application/json"}
    response = await http.post("v1/chat/completions", content=content, headers=headers)
    assert response.status_code == 400
    error = error_of(response)
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert not standin.received


async def test_an_unknown_model_is_404_with_close_names(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    response = await post(http, model="reel-name")
    assert response.status_code == 404
    error = error_of(response)
    assert (error["type"], error["code"]) == ("invalid_request_error", "model_not_found")
    assert "real-name" in error["message"]
    assert not standin.chats


async def test_a_full_name_reaches_a_model_that_is_not_listed(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    assert (await post(http, model="campus/brand/new")).status_code == 200
    assert standin.chats[0].json["model"] == "brand/new"


async def test_without_a_model_the_only_one_answers(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    response = await http.post("chat/completions", json={"messages": MESSAGES})
    assert response.status_code == 200
    assert standin.chats[0].json["model"] == "real-name"


class TestAliases:
    @pytest.fixture
    def settings(self, standin: StandIn) -> Settings:
        upstreams = {"campus": campus(standin)}
        return {"upstreams": upstreams, "aliases": {"main": "campus/real-name"}}

    async def test_an_alias_is_resolved_and_listed(
        self, http: httpx.AsyncClient, standin: StandIn
    ) -> None:
        assert (await post(http, model="main")).status_code == 200
        assert standin.chats[0].json["model"] == "real-name"
        listed = (await http.get("models")).json()["data"]
        assert [model["id"] for model in listed] == ["real-name", "main"]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 429])
async def test_a_refusal_of_the_upstream_reaches_the_client_as_it_is(
    http: httpx.AsyncClient, standin: StandIn, status: int
) -> None:
    words = {"message": "Not so.", "type": "odd_error", "param": "top_k", "code": "odd"}
    standin.reply({"error": words}, status=status, headers={"Retry-After": "33"})
    response = await post(http)
    assert response.status_code == status
    assert error_of(response) == words
    assert response.headers["retry-after"] == "33"
    assert len(standin.chats) == 1


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("status", "ours", "code", "tries"),
    [
        (401, 502, "upstream_auth", 1),
        (403, 403, "permission_denied", 1),
        (500, 502, "upstream_error", 1),
        (502, 502, "upstream_error", 3),
        (503, 503, "upstream_unavailable", 3),
        (504, 504, "upstream_timeout", 3),
    ],
)
async def test_a_failing_upstream_is_one_clean_sentence(
    http: httpx.AsyncClient,
    standin: StandIn,
    status: int,
    ours: int,
    code: str,
    tries: int,
    is_stream: bool,
) -> None:
    for _ in range(tries):
        standin.reply(b"<html>Traceback: sk-secret</html>", status=status, kind="text/html")
    response = await post(http, stream=is_stream)
    assert response.status_code == ours
    error = error_of(response)
    assert error["code"] == code
    assert "<" not in error["message"]
    kinds = {403: "permission_denied_error", 504: "timeout_error"}
    assert error["type"] == kinds.get(ours, "server_error")
    assert len(standin.chats) == tries
    assert response.headers.get("x-should-retry") == ("false" if status == 401 else None)


async def test_an_unreachable_upstream_is_503(http: httpx.AsyncClient, standin: StandIn) -> None:
    standin.stop()
    response = await post(http, model="campus/any")
    assert response.status_code == 503
    assert error_of(response)["code"] == "upstream_unavailable"
    assert "x-should-retry" not in response.headers


async def test_a_client_that_repeats_a_request_has_its_own_retries(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    for _ in range(4):
        standin.reply(status=503, headers={"Retry-After": "0"})
    for count in range(3):
        response = await http.post(
            "v1/chat/completions", json=body(), headers={"X-Stainless-Retry-Count": str(count)}
        )
    assert response.status_code == 200
    assert len(standin.chats) == 5


@pytest.mark.parametrize("reply", [b"", b"not json", b"[]", b"<html></html>", b'"text"'], ids=repr)
async def test_200_without_json_is_502(
    http: httpx.AsyncClient, standin: StandIn, reply: bytes
) -> None:
    standin.reply(reply, kind="text/html")
    response = await post(http)
    assert response.status_code == 502
    assert error_of(response)["type"] == "server_error"


async def test_a_stream_that_is_none_is_502(http: httpx.AsyncClient, standin: StandIn) -> None:
    standin.reply(completion())
    assert (await post(http, stream=True)).status_code == 502


class TestTimeouts:
    @pytest.fixture
    def settings(self, standin: StandIn) -> Settings:
        # Long enough for a worker that waits for its turn to say the first word.
        return {"upstreams": {"campus": campus(standin, timeout=1)}}

    @pytest.mark.parametrize("is_stream", [False, True])
    async def test_the_upstreams_own_timeout_is_504(
        self, http: httpx.AsyncClient, standin: StandIn, is_stream: bool
    ) -> None:
        standin.reply(HANG, raw_head=b"")
        response = await post(http, stream=is_stream)
        assert response.status_code == 504
        assert error_of(response)["code"] == "upstream_timeout"

    async def test_silence_in_the_middle_is_an_error_event(
        self, http: httpx.AsyncClient, standin: StandIn
    ) -> None:
        standin.stream(chunk("Hi"), HANG)
        response = await post(http, stream=True)
        assert response.status_code == 200
        assert response.content.startswith(chunk("Hi"))
        assert b'"upstream_timeout"' in response.content
        assert b"[DONE]" not in response.content

    async def test_only_silence_is_late_however_long_the_stream(
        self, http: httpx.AsyncClient, standin: StandIn
    ) -> None:
        standin.stream(*[chunk("Hi"), 0.2] * 8, HANG)
        response = await post(http, stream=True)
        assert response.content.startswith(chunk("Hi") * 8)
        assert b'"upstream_timeout"' in response.content


async def test_while_a_model_thinks_a_large_body_is_held_once(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    size = 2**22
    gate = threading.Event()
    standin.stream(gate, chunk("Hi"), DONE)
    tracemalloc.start()
    messages = [{"role": "user", "content": "x" * size}]
    asked = asyncio.ensure_future(post(http, stream=True, messages=messages))
    assert await asyncio.to_thread(standin.has_chat.wait, 10)
    ours = tracemalloc.Filter(True, "*/aqueduct_jupyter/*")  # not ours to name
    traces = tracemalloc.take_snapshot().filter_traces([ours]).traces
    tracemalloc.stop()
    gate.set()
    assert (await asked).content.startswith(chunk("Hi"))
    assert sum(trace.size >= size for trace in traces) == 1


@pytest.mark.parametrize(
    ("steps", "more"),
    [
        ([chunk("Hi"), 0.05, chunk("."), DONE], {"stream": True}),
        ([chunk("Hi"), CUT], {"stream": True}),
        ([chunk("Hi"), HANG], {"stream": True}),
        ([json.dumps(completion()).encode()], {}),
        ([CUT], {"n": 0}),
    ],
    ids=["whole", "cut", "left", "no stream", "refused"],
)
async def test_a_request_leaves_nothing_to_the_collector(
    http: httpx.AsyncClient, standin: StandIn, steps: list[Any], more: dict[str, Any]
) -> None:
    # It would look through all that there is, while every stream waits.
    gc.collect()
    before = [one for one in gc.get_objects() if isinstance(one, OF_ONE_REQUEST)]
    known = set(map(id, before))
    gc.disable()
    try:
        for _ in range(5):
            standin.reply(*steps, kind="text/event-stream" if more else "application/json")
            with suppress(httpx.TimeoutException):
                await http.post("v1/chat/completions", json=body(**more), timeout=0.5)
        await asyncio.sleep(0.2)
        found = [one for one in gc.get_objects() if isinstance(one, OF_ONE_REQUEST)]
        left = [one for one in found if id(one) not in known]
        assert len(left) <= 2, "a connection and Jupyter's context keep one each"
        assert all(isinstance(one, OperationHandler) for one in left)
    finally:
        gc.enable()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_stream_is_the_upstreams_own_bytes(
    http: httpx.AsyncClient, standin: StandIn, path: str, is_chunked: bool
) -> None:
    events = [chunk("H\u00e9"), b": ping\r\n\r\n", chunk("llo \u2028"), usage_chunk(), DONE]
    standin.stream(*events, is_chunked=is_chunked)
    wanted = body(stream=True, stream_options={"include_usage": True})
    response = await http.post(path, json=wanted)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["x-request-id"]
    assert response.headers["openai-processing-ms"]
    assert response.content == b"".join(events)
    assert standin.chats[0].json == wanted


async def test_tokens_are_always_asked_for_and_shown_only_to_who_asked(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path
) -> None:
    standin.stream(chunk("Hi"), usage_chunk(7, 9), DONE)
    response = await post(http, stream=True, stream_options={"other": 1})
    assert response.content == chunk("Hi") + DONE
    assert standin.chats[0].json["stream_options"] == {"other": 1, "include_usage": True}
    row = await ledger_row(extension, tmp_path)
    assert (row["tokens_in"], row["tokens_out"], row["is_estimated"]) == (7, 9, 0)


REFUSED = {"error": {"message": "Unrecognized request argument supplied: stream_options"}}


async def test_an_upstream_that_does_not_know_stream_options_is_asked_without_and_remembered(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    standin.reply(REFUSED, status=400)
    for _ in range(2):
        standin.stream(chunk("Hi"), DONE)
    for _ in range(2):
        assert (await post(http, stream=True, user="me")).content == chunk("Hi") + DONE
    asked = [sent.json for sent in standin.chats]
    assert asked[0]["stream_options"] == {"include_usage": True}
    assert asked[1] == asked[2] == body(stream=True, user="me")


async def test_a_clients_own_stream_options_stay_where_ours_are_refused(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    standin.reply(
        {"error": {"message": "No.", "param": "stream_options.include_usage"}}, status=422
    )
    standin.stream(chunk("Hi"), DONE)
    wanted = body(stream_options={"other": 1}, stream=True)
    response = await http.post("v1/chat/completions", json=wanted)
    assert response.content == chunk("Hi") + DONE
    assert standin.chats[1].json == wanted


@pytest.mark.parametrize(
    ("message", "more"),
    [
        (REFUSED, {"stream_options": {"include_usage": True}}),
        ({"error": {"message": "Unknown argument: n"}}, {}),
    ],
)
async def test_what_the_client_asked_for_itself_is_refused_to_it(
    http: httpx.AsyncClient, standin: StandIn, message: Any, more: dict[str, Any]
) -> None:
    standin.reply(message, status=400)
    response = await post(http, stream=True, **more)
    assert response.status_code == 400
    assert len(standin.chats) == 1


async def test_an_error_in_the_place_of_a_stream_says_why(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    standin.reply({"error": {"message": "No such voice.", "code": 422}})
    response = await post(http, stream=True)
    assert response.status_code == 422
    assert error_of(response)["message"] == "No such voice."


@pytest.mark.parametrize("text", [5, None, ["x"], {"a": 1}])
async def test_a_part_of_an_unknown_kind_may_hold_anything(
    http: httpx.AsyncClient, standin: StandIn, text: Any
) -> None:
    messages = [{"role": "user", "content": [{"type": "input_text", "text": text}]}]
    response = await post(http, messages=messages)
    assert response.status_code == 200
    assert standin.chats[0].json["messages"] == messages


async def test_chunks_arrive_one_by_one(http: httpx.AsyncClient, standin: StandIn) -> None:
    standin.stream(chunk("first"), HANG)
    async with http.stream("POST", "v1/chat/completions", json=body(stream=True)) as response:
        async for data in response.aiter_raw():
            assert data == chunk("first")
            break


async def test_an_error_before_the_first_event_has_its_status(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    words = {"message": "Too many.", "code": 429, "type": "rate_limit_error"}
    standin.stream(b": thinking\n\n", event({"error": words}))
    response = await post(http, stream=True)
    assert response.status_code == 429
    assert error_of(response)["message"] == "Too many."


async def test_an_error_in_the_middle_is_one_event_and_the_end(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    standin.stream(chunk("Hi"), event({"error": {"message": "Out of memory."}}), DONE)
    response = await post(http, stream=True)
    first, last, nothing = response.content.split(b"\n\n")
    assert first + b"\n\n" == chunk("Hi")
    error = json.loads(last.removeprefix(b"data: "))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "Out of memory." in error["message"]
    assert nothing == b""


@pytest.mark.parametrize(
    ("steps", "is_chunked"),
    [
        ([chunk("Hi"), CUT], True),
        ([chunk("Hi"), CUT], False),
        ([chunk("Hi"), b"data: {half", CUT], True),
        ([chunk("Hi")], True),
        ([chunk("Hi"), usage_chunk()], False),
    ],
)
async def test_a_truncated_stream_never_looks_whole(
    http: httpx.AsyncClient,
    standin: StandIn,
    extension: Any,
    tmp_path: Path,
    steps: list[Any],
    is_chunked: bool,
) -> None:
    standin.stream(*steps, is_chunked=is_chunked)
    response = await post(http, stream=True)
    assert response.status_code == 200
    assert b"[DONE]" not in response.content
    assert b"half" not in response.content
    last = response.content.rstrip().split(b"\n\n")[-1]
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "upstream_disconnected"
    row = await ledger_row(extension, tmp_path)
    assert (row["outcome"], row["error_code"]) == ("failed", "upstream_disconnected")
    assert row["tokens_out"]


async def leave(
    http: httpx.AsyncClient, standin: StandIn, *, after_first: bool, stream: bool
) -> None:
    """Ask, wait until the upstream has it (or until the first event), and go away."""

    async def ask() -> None:
        async with http.stream("POST", "v1/chat/completions", json=body(stream=stream)) as response:
            async for _ in response.aiter_raw():
                arrived.set()

    arrived = asyncio.Event()
    asking = asyncio.create_task(ask())
    if after_first:
        await asyncio.wait_for(arrived.wait(), 10)
    else:
        assert await asyncio.to_thread(standin.has_chat.wait, 10)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize(
    ("steps", "after_first", "is_stream", "status"),
    [
        ([HANG], False, True, 499),
        ([chunk("a"), *[chunk("b"), 0.02] * 2000], True, True, 200),
        ([HANG], False, False, 499),
        ([chunk("a"), HANG], True, True, 200),
    ],
    ids=["before-the-first-token", "mid-stream", "non-streaming", "upstream-silent"],
)
async def test_a_client_that_leaves_frees_the_upstream(
    http: httpx.AsyncClient,
    standin: StandIn,
    extension: Any,
    tmp_path: Path,
    steps: list[Any],
    after_first: bool,
    is_stream: bool,
    status: int,
) -> None:
    if is_stream:
        standin.stream(*steps)
    else:
        standin.reply(*steps)
    await leave(http, standin, after_first=after_first, stream=is_stream)
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)
    row = await ledger_row(extension, tmp_path)
    assert (row["outcome"], row["status"], row["is_estimated"]) == ("cancelled", status, 1)
    assert (row["tokens_out"] > 0) is after_first


async def test_a_long_silence_is_bridged_by_comments(
    http: httpx.AsyncClient, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aqueduct_jupyter.server.http.operations import OperationHandler
    from aqueduct_jupyter.server.http.streaming import HEARTBEAT

    monkeypatch.setattr(OperationHandler, "heartbeat_seconds", 0.05)
    standin.stream(chunk("a"), 0.3, chunk("b"), DONE)
    response = await post(http, stream=True)
    silence = response.content.removeprefix(chunk("a")).removesuffix(chunk("b") + DONE)
    assert silence.count(HEARTBEAT) >= 2
    assert silence.replace(HEARTBEAT, b"") == b""


async def test_a_stream_without_silence_has_no_heartbeat(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    standin.stream(0.1, chunk("a"), DONE)
    assert (await post(http, stream=True)).content == chunk("a") + DONE


async def wait_for_activity(server: Any, after: Any = None) -> Any:
    """Wait until the server did something, or did something more, and tell when."""
    async with asyncio.timeout(30):
        # Nobody is told of it, so it is looked at.
        while (seen := server.web_app.settings.get("api_last_activity")) == after:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return seen


@pytest.mark.parametrize("steps", [(chunk("a"), HANG), (HANG,)], ids=["answering", "waiting"])
@pytest.mark.parametrize("is_stream", [True, False])
async def test_a_long_request_keeps_the_idle_culler_away(
    http: httpx.AsyncClient,
    standin: StandIn,
    jp_serverapp: Any,
    monkeypatch: pytest.MonkeyPatch,
    steps: tuple[Any, ...],
    is_stream: bool,
) -> None:
    from aqueduct_jupyter.server.http.operations import OperationHandler

    monkeypatch.setattr(OperationHandler, "heartbeat_seconds", 0.05)
    standin.stream(*steps)
    asking = asyncio.ensure_future(post(http, stream=is_stream))
    first = await wait_for_activity(jp_serverapp)
    second = await wait_for_activity(jp_serverapp, first)
    await wait_for_activity(jp_serverapp, second)
    assert not asking.done()
    asking.cancel()


async def test_a_body_over_the_limit_is_a_json_413(
    http: httpx.AsyncClient, standin: StandIn, extension: Any
) -> None:
    size = extension.max_body_bytes
    response = await http.post(
        "v1/chat/completions",
        content=b" " * (size + 1),
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 413
    assert error_of(response)["code"] == "body_too_large"

    async def pieces() -> Any:
        for _ in range(size // 2**20 + 1):
            yield b" " * 2**20

    chunked = await http.post(
        "v1/chat/completions", content=pieces(), headers={"Content-Type": "application/json"}
    )
    assert chunked.status_code == 413
    assert not standin.received


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_of_another_kind_is_415(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    content = json.dumps(body()).encode()
    response = await http.post("v1/chat/completions", content=content, headers=headers)
    assert response.status_code == 415
    assert error_of(response)["code"] == "unsupported_media_type"


async def test_an_unexpected_error_is_a_json_500_without_a_traceback(
    http: httpx.AsyncClient, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(extension.gateway.catalog, "models", broken)
    response = await http.get("v1/models")
    assert response.status_code == 500
    error = error_of(response)
    assert error["type"] == "server_error"
    assert "secret detail" not in response.text
    assert response.headers["x-request-id"] in error["message"]


async def test_every_request_has_its_row_and_no_word_of_it(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, tmp_path: Path
) -> None:
    standin.reply(completion("a secret answer"))
    good = await post(http, messages=[{"role": "user", "content": "a secret question"}])
    bad = await post(http, n=0)
    unknown = await post(http, model="nothing")
    rows = await ledger(extension, tmp_path)
    assert [row["request_id"] for row in rows] == [
        response.headers["x-request-id"] for response in (good, bad, unknown)
    ]
    assert [row["status"] for row in rows] == [200, 400, 404]
    assert [row["outcome"] for row in rows] == ["whole", "failed", "failed"]
    first = rows[0]
    assert (first["model"], first["upstream"]) == ("real-name", "campus")
    assert (first["tokens_in"], first["tokens_out"]) == (3, 2)
    assert first["total_ms"] >= first["first_token_ms"] > 0
    stored = b"".join(file.read_bytes() for file in (tmp_path / "aqueduct").glob("aqueduct*"))
    assert b"a secret" not in stored


async def test_the_ledger_knows_the_kernel(
    connect: Ask, extension: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = type(extension.serverapp.kernel_manager)
    monkeypatch.setattr(manager, "__contains__", lambda _, name: name == "k1")
    async with connect(extension.gateway.keys.key_for("k1")) as http:
        assert (await post(http)).status_code == 200
        usage = (await http.get("aqueduct/usage")).json()
    assert (await ledger_row(extension, tmp_path))["kernel"] == "k1"
    assert usage["total"]["requests"] == 1
    assert usage["by_kernel"][0]["kernel"] == "k1"
    assert usage["by_model"][0] == {
        "model": "real-name",
        "requests": 1,
        "failed": 0,
        "cancelled": 0,
        "tokens_in": 3,
        "tokens_out": 2,
        "usd": None,
    }
