"""The table of what can go wrong upstream, each row asked for whole and as a stream.

For each row: what the client gets, the row in the ledger, that nothing is left running or open,
and that the next request works.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from ..bombs import gzip_bomb
from ..real_server import KEY, RealServer, until
from ..standin import CUT, DONE, HANG, RESET, StandIn, chunk, completion, event, usage_chunk

EVENTS = "text/event-stream"
PAGE = b"<html><h1>Bad gateway at 10.0.0.7</h1></html>"
SENTENCE_WITH_KEY = {"message": f"No memory at 127.0.0.1 for {KEY}", "type": "x", "code": "oom"}


def reply(*steps: Any, **more: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the stand-in plays for one request."""
    return steps, more


def stream(*steps: Any, **more: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the stand-in plays for one request, as events."""
    return reply(*steps, **{"kind": EVENTS, "is_chunked": True, **more})


@dataclass(frozen=True)
class Row:
    """A fault: who is asked, what is played, and what the client must get.

    ``codes`` has several words where it depends on the HTTP library what is noticed first.
    ``passes`` is what a stream has brought before the fault; without it the error has a status.
    """

    name: str
    plays: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...]
    status: int
    codes: tuple[str, ...]
    upstream: str = "campus"
    ways: tuple[str, ...] = ("whole", "streamed")
    says: str = ""
    passes: bytes = b""
    headers: dict[str, str | None] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


UNAVAILABLE, DISCONNECTED = ("upstream_unavailable",), ("upstream_disconnected",)
TIMEOUT, FAILED = ("upstream_timeout",), ("upstream_error",)
BROKEN = DISCONNECTED + FAILED
ONCE: dict[str, str | None] = {"x-should-retry": None}
TRIED = ONCE
WHOLE, STREAMED = ("whole",), ("streamed",)
HI = chunk("Hi")
FINISH = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
CHUNKED = {"is_chunked": True}
WAIT_0, WAIT_60 = {"Retry-After": "0"}, {"Retry-After": "60"}
GZIP = {"Content-Encoding": "gzip"}
LONG_HEADER = {"X-Long": "x" * 200_000}
ENDLESS = b"data: " + b"x" * (21 * 2**20)
BOMB = gzip_bomb(b"data: ")


def page(status: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return reply(PAGE, status=status, kind="text/html")


ROWS = [
    # name, what is played, status, code, ...
    Row("connection refused", (), 503, UNAVAILABLE, "refused", says="refused", headers=TRIED),
    Row("unknown name", (), 503, UNAVAILABLE, "unknown", says="name", headers=TRIED),
    Row("untrusted certificate", (), 503, UNAVAILABLE, "untrusted", says="certif", headers=TRIED),
    Row("closed before headers", (reply(CUT, raw_head=b""),), 502, BROKEN, headers=ONCE),
    Row("reset before headers", (reply(RESET, raw_head=b""),), 502, BROKEN, headers=ONCE),
    Row("half a header", (reply(CUT, raw_head=b"HTTP/1.1 200 OK\r\nX-"),), 502, BROKEN),
    Row("no HTTP", (reply(raw_head=b"SSH-2.0-OpenSSH_9\r\n\r\n"),), 502, BROKEN),
    Row("gigantic header", (stream(HI, DONE, headers=LONG_HEADER),), 502, BROKEN),
    Row("closed after headers", (stream(CUT),), 502, BROKEN),
    Row("reset after headers", (stream(RESET),), 502, BROKEN),
    Row("no headers", (reply(HANG, raw_head=b""),), 504, TIMEOUT, "impatient"),
    Row("slow headers", (reply(30.0, raw_head=b"HTTP/1.1 200"),), 504, TIMEOUT, "impatient"),
    Row("nothing after headers", (stream(HANG),), 504, TIMEOUT, "impatient"),
    Row("page with 200", (reply(PAGE, kind="text/html"),), 502, FAILED),
    Row("page as events", (reply(PAGE, kind=EVENTS),), 502, FAILED, ways=WHOLE),
    Row("no events", (reply(completion()),), 502, FAILED, ways=STREAMED),
    Row("events of another type", (stream(HI, DONE, kind="text/plain"),), 502, FAILED),
    Row("events for all", (stream(HI, DONE),), 502, FAILED, ways=WHOLE),
    Row("half of the JSON", (reply(b'{"choices": ['),), 502, FAILED, ways=WHOLE),
    Row("JSON of another kind", (reply(b"[1, 2]"),), 502, FAILED, ways=WHOLE),
    Row("deep JSON", (reply(b'{"a":' + b"[" * 10**5),), 502, FAILED, ways=WHOLE),
    Row("body cut", (reply(b'{"a"', CUT, **CHUNKED),), 502, BROKEN, ways=WHOLE),
    Row("body reset", (reply(b'{"a"', RESET, **CHUNKED),), 502, BROKEN, ways=WHOLE),
    Row("body stalls", (reply(b'{"a"', HANG, **CHUNKED),), 504, TIMEOUT, "restless", WHOLE),
    Row("gzip that is none", (reply(PAGE, headers=GZIP),), 502, FAILED),
    Row("gzip events that are none", (stream(HI, DONE, headers=GZIP),), 502, FAILED),
    Row("unknown coding", (reply(headers={"Content-Encoding": "br"}),), 502, FAILED),
    Row("events of unknown coding", (stream(HI, headers={"Content-Encoding": "x"}),), 502, FAILED),
    Row("gzip bomb", (reply(BOMB, headers=GZIP),), 502, FAILED, ways=WHOLE, says="larger than"),
    Row("gzip bomb of events", (stream(BOMB, headers=GZIP),), 502, DISCONNECTED, ways=STREAMED),
    Row("error as an answer", (reply({"error": SENTENCE_WITH_KEY}),), 502, ("oom",), ways=WHOLE),
    Row(
        "error as the first event",
        (stream(event({"error": SENTENCE_WITH_KEY})),),
        502,
        ("oom",),
        ways=STREAMED,
    ),
    Row("key refused", (page(401),), 502, ("upstream_auth",), headers={"x-should-retry": "false"}),
    Row("429", (page(429),), 429, ("rate_limit_exceeded",), headers=ONCE),
    Row(
        "429, wait a little",
        (reply(PAGE, status=429, headers=WAIT_0),) * 3,
        429,
        ("rate_limit_exceeded",),
        headers={**TRIED, "retry-after": "0"},
    ),
    Row(
        "429, wait long",
        (reply(PAGE, status=429, headers=WAIT_60),),
        429,
        ("rate_limit_exceeded",),
        headers={**ONCE, "retry-after": "60"},
    ),
    Row("500 with a page", (page(500),), 502, FAILED, headers=ONCE),
    Row("502 with a page", (page(502),) * 3, 502, FAILED, headers=TRIED),
    Row("503 with a page", (page(503),) * 3, 503, UNAVAILABLE, headers=TRIED),
    Row("504 with a page", (page(504),) * 3, 504, TIMEOUT, headers=TRIED),
    Row(
        "503, wait long",
        (reply(PAGE, status=503, headers=WAIT_60),),
        503,
        UNAVAILABLE,
        headers={**ONCE, "retry-after": "60"},
    ),
    Row("status of the future", (page(299),), 502, FAILED),
    # In the middle of a stream: what has come stays, then one error event.
    Row("stall", (stream(HI, HANG),), 504, TIMEOUT, "restless", STREAMED, passes=HI),
    Row("cut", (stream(HI, CUT),), 502, DISCONNECTED, ways=STREAMED, passes=HI),
    Row("cut without chunks", (reply(HI, CUT, kind=EVENTS),), 502, DISCONNECTED, passes=HI),
    Row("reset", (stream(HI, RESET),), 502, DISCONNECTED, ways=STREAMED, passes=HI),
    Row("half an event", (stream(HI, b'data: {"half'),), 502, DISCONNECTED, passes=HI),
    Row("no finish_reason", (stream(HI, usage_chunk()),), 502, DISCONNECTED, passes=HI),
    Row("cut after the end", (stream(HI, FINISH, CUT),), 502, DISCONNECTED, passes=HI + FINISH),
    Row("reset after the end", (stream(HI, FINISH, RESET),), 502, DISCONNECTED, passes=HI + FINISH),
    Row(
        "error event",
        (stream(HI, event({"error": SENTENCE_WITH_KEY}), DONE),),
        502,
        ("oom",),
        passes=HI,
        says="aborted its answer: No memory at [...] for [...]",
    ),
    Row(
        "gzip that breaks",
        (stream(gzip.compress(HI)[:-8] + b"\xff" * 64, headers=GZIP),),
        502,
        FAILED + DISCONNECTED,
    ),
    Row("event without an end", (stream(HI, ENDLESS, HANG),), 502, DISCONNECTED, passes=HI),
]

# A stream's rows are no answer to a question for a whole one, and are not asked so.
CASES = [
    pytest.param(row, way, id=f"{row} ({way})")
    for row in ROWS
    for way in (STREAMED if row.passes else row.ways)
]


def queue(upstream: StandIn, *plays: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    for steps, more in plays:
        upstream.reply(*steps, **more)


def error_of(response: httpx.Response, row: Row) -> dict[str, str | None]:
    """Give the error that the client got, where it had to be."""
    if not row.passes:
        assert response.status_code == row.status, response.text
        assert response.headers["content-type"] == "application/json"
        said = response.json()
    else:
        assert response.status_code == 200, response.text
        assert response.content.startswith(row.passes)
        last, nothing = response.content.removeprefix(row.passes).split(b"\n\n")
        assert nothing == b""
        said = json.loads(last.removeprefix(b"data: "))
    assert b"[DONE]" not in response.content
    assert set(said) == {"error"}
    assert set(said["error"]) == {"message", "type", "param", "code"}
    error: dict[str, str | None] = said["error"]
    return error


def check_words(error: dict[str, str | None], row: Row) -> None:
    kinds = {429: ("rate_limit_error",), 504: ("timeout_error",)}
    assert error["code"] in row.codes, error
    assert error["type"] in (*kinds.get(row.status, ("server_error",)), "x")
    message = error["message"] or ""
    assert row.says in message
    assert message[0].isupper()
    for private in (KEY, "127.0.0.1", "10.0.0.7", ".invalid", "<", "Traceback"):
        assert private not in message


def check_that_nothing_is_left(server: RealServer, upstream: StandIn) -> None:
    until(lambda: not server.running, "no request left")
    until(lambda: upstream.answering == 0, "no answer that nobody reads")
    # Requests come one by one here: more than one connection kept for the next is a leak.
    until(lambda: upstream.open_connections <= 1, "no connection left")


def check_that_the_next_works(server: RealServer) -> None:
    following = server.ask()
    assert following.status_code == 200, following.text
    assert following.json()["choices"][0]["message"]["content"] == "Hello"
    assert server.row(following)["outcome"] == "whole"


@pytest.mark.parametrize(("row", "way"), CASES)
def test_a_fault_is_told_noted_cleaned_up_and_over(
    server: RealServer, upstream: StandIn, row: Row, way: str
) -> None:
    before = len(upstream.chats)
    queue(upstream, *row.plays)
    response = server.ask(f"{row.upstream}/real-name", stream=way == "streamed")
    error = error_of(response, row)
    check_words(error, row)
    for name, value in row.headers.items():
        assert response.headers.get(name) == value
    assert len(upstream.chats) - before == len(row.plays)
    noted = server.row(response)
    assert (noted["outcome"], noted["status"]) == ("failed", row.status)
    assert (noted["error_code"], noted["upstream"]) == (error["code"], row.upstream)
    if row.passes:
        assert noted["tokens_out"], "what was used is noted"
    check_that_nothing_is_left(server, upstream)
    check_that_the_next_works(server)


def compressed(*pieces: bytes) -> list[bytes]:
    """Compress a stream as a proxy does: what has come goes out at once."""
    packer = zlib.compressobj(wbits=31)
    packed = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
    return [*packed, packer.flush()]


GIGANTIC = chunk("x" * (19 * 2**20))
ANSWER = json.dumps(completion("H\u00e9llo")).encode()


@pytest.mark.parametrize(
    ("plays", "is_stream", "gets"),
    [
        ([stream(GIGANTIC, DONE)], True, GIGANTIC + DONE),
        ([reply(gzip.compress(ANSWER), headers=GZIP)], False, ANSWER),
        ([stream(*compressed(HI, DONE), headers=GZIP)], True, HI + DONE),
        ([stream(HI, FINISH)], True, HI + FINISH + DONE),
        ([stream(HI, FINISH[:-1])], True, HI + FINISH + DONE),
        ([stream(HI, DONE[:-1])], True, HI + DONE),
        ([stream(HI, DONE, HANG)], True, HI + DONE),
        ([stream(HI, DONE, RESET)], True, HI + DONE),
        ([reply(ANSWER, kind="text/plain")], False, ANSWER),
        ([page(503), page(502), reply(ANSWER)], False, ANSWER),
        ([reply(PAGE, status=429, headers=WAIT_0), stream(HI, DONE)], True, HI + DONE),
    ],
    ids=[
        "gigantic",
        "gzip",
        "gzip events",
        "finished",
        "finished without an empty line",
        "half an end",
        "never ends",
        "reset at the end",
        "odd type",
        "third time",
        "second time",
    ],
)
def test_what_looks_like_a_fault_and_is_none(
    server: RealServer, upstream: StandIn, plays: list[Any], is_stream: bool, gets: bytes
) -> None:
    queue(upstream, *plays)
    response = server.ask(stream=is_stream)
    assert response.status_code == 200, response.text[:500]
    # Compared by hand: pytest would draw the difference of 20 MB.
    is_same = response.content == gets
    assert is_same, response.text[:500]
    assert "content-encoding" not in response.headers
    noted = server.row(response)
    assert (noted["outcome"], noted["status"], noted["error_code"]) == ("whole", 200, None)
    check_that_nothing_is_left(server, upstream)
    check_that_the_next_works(server)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_key_stays_here(
    server: RealServer, upstream: StandIn, status: int
) -> None:
    with StandIn() as elsewhere:
        place = {"Location": f"{elsewhere.url}/chat/completions"}
        for is_stream in (False, True):
            upstream.reply(PAGE, status=status, headers=place)
            response = server.ask(stream=is_stream)
            row = Row("redirect", (), 502, FAILED, says="redirect", headers=ONCE)
            check_words(error_of(response, row), row)
            assert str(elsewhere.port) not in response.text
            assert server.row(response)["outcome"] == "failed"
        assert elsewhere.connections == 0
    check_that_nothing_is_left(server, upstream)
    check_that_the_next_works(server)


def test_an_upstream_that_was_restarted_between_requests_just_works(
    server: RealServer, upstream: StandIn
) -> None:
    for _ in range(5):
        # A stream in chunks leaves its connection open for the next request.
        assert server.ask(stream=True).content.endswith(DONE)
        assert upstream.open_connections
        upstream.stop()
        upstream.start()
        for is_stream in (False, True):
            response = server.ask(stream=is_stream)
            assert response.status_code == 200, response.text
            assert server.row(response)["outcome"] == "whole"


def test_an_upstream_that_is_down_for_a_while_comes_back(
    server: RealServer, upstream: StandIn
) -> None:
    upstream.stop()
    response = server.ask()
    assert response.status_code == 503
    assert server.row(response)["error_code"] == "upstream_unavailable"
    upstream.start()
    check_that_the_next_works(server)
