"""An upstream is asked with what it must have, and what it cannot answer has a meaning here."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.upstreams.failures import failure_from_exception
from aqueduct_jupyter.gateway.upstreams.settings import UpstreamSettings
from aqueduct_jupyter.gateway.upstreams.upstream import Upstream
from aqueduct_jupyter.protocol import errors

from ...bombs import gzip_bomb
from ...standin import DONE, HANG, StandIn, chunk, completion

BODY = b'{"model": "m", "messages": []}'


DEFAULTS: dict[str, Any] = {"api_key": "sk-secret", "retry_pause": 0.01}


@pytest.fixture(autouse=True, params=["built-in", "httpx"])
def http_client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What carries the requests: whichever it is, an upstream behaves in the same way."""
    monkeypatch.setitem(DEFAULTS, "http_client", request.param)


def upstream(url: str, **settings: Any) -> Upstream:
    given = {"base_url": url, **DEFAULTS, **settings}
    configured = UpstreamSettings.model_validate(given)
    return Upstream("campus", configured)


async def ask(asked: Upstream) -> bytes:
    try:
        async with asked.post("chat/completions", BODY, request_id="req_1") as answer:
            return await answer.read()
    finally:
        await asked.close()


async def failure(asked: Upstream) -> errors.AqueductError:
    with pytest.raises(errors.AqueductError) as caught:
        await ask(asked)
    text = f"{caught.value.message} {caught.value.envelope()}"
    assert "sk-secret" not in text
    assert "127.0.0.1" not in text
    assert "<" not in text
    return caught.value


async def test_a_request_carries_the_key_the_id_and_the_body(standin: StandIn) -> None:
    standin.reply(completion("Hi"))
    assert b'"Hi"' in await ask(upstream(standin.url))
    (sent,) = standin.chats
    assert sent.path == "/v1/chat/completions"
    assert sent.headers["authorization"] == "Bearer sk-secret"
    assert sent.headers["x-request-id"] == "req_1"
    assert sent.headers["content-type"] == "application/json"
    assert sent.body == BODY


async def test_without_a_key_none_is_sent(standin: StandIn) -> None:
    await ask(Upstream("campus", UpstreamSettings(base_url=standin.url)))
    assert "authorization" not in standin.chats[0].headers


@pytest.mark.parametrize("status", [400, 404, 409, 422, 429])
async def test_a_refusal_keeps_status_message_type_param_code_and_retry_after(
    standin: StandIn, status: int
) -> None:
    words = {"message": "Not so.", "type": "odd_error", "param": "top_k", "code": "odd"}
    standin.reply({"error": words}, status=status, headers={"Retry-After": "30"})
    error = await failure(upstream(standin.url))
    assert error.status == status
    assert error.envelope() == {"error": words}
    assert error.retry_after == 30
    assert len(standin.chats) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_the_operators_matter(standin: StandIn, status: int) -> None:
    standin.reply({"error": {"message": "Incorrect API key: sk-secret"}}, status=status)
    error = await failure(upstream(standin.url))
    assert (type(error), error.status, error.code) == (
        errors.UpstreamAuthError,
        502,
        "upstream_auth",
    )
    assert "refused this server's key" in error.message


TERMS = "In order to use the API you have to agree to the terms of service!"
PROJECT = "Project `proj_x` does not have access to model `gpt-5`."


NO_KEYS = ["prompt has an unknown token", "The token count is invalid", "No credit for this token"]


@pytest.mark.parametrize("sentence", [TERMS, PROJECT, *NO_KEYS])
async def test_a_403_that_is_not_about_the_key_keeps_its_status_and_sentence(
    standin: StandIn, sentence: str
) -> None:
    words = {"message": sentence, "type": "odd", "param": None, "code": "model_not_found"}
    standin.reply({"error": words}, status=403)
    error = await failure(upstream(standin.url))
    assert error.status == 403
    assert error.envelope() == {"error": words}


@pytest.mark.parametrize(
    "words",
    [
        {"detail": "Not authenticated"},
        {"error": {"message": "No.", "code": "invalid_api_key"}},
        {"error": {"message": "No.", "type": "authentication_error"}},
        {"error": {"message": "The API key was revoked."}},
        {"error": {"message": "Invalid token"}},
        {"error": {"message": "Your API key was reported as leaked. Use another API key."}},
        {"error": {"message": "This API key has been disabled."}},
    ],
)
async def test_a_403_that_says_that_it_is_about_the_key_is_the_operators_matter(
    standin: StandIn, words: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    standin.reply(words, status=403)
    error = await failure(upstream(standin.url))
    assert (error.status, error.code) == (502, "upstream_auth")
    assert error.headers()["x-should-retry"] == "false", "a key does not get better"
    assert "status 403: " in caplog.text


async def test_what_cannot_be_shown_is_logged_without_secrets(
    standin: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    said = "Incorrect API key provided: sk-se***et. Find yours at http://127.0.0.1/keys.\x1b[31m"
    standin.reply({"error": {"message": said}}, status=401)
    await failure(upstream(standin.url))
    (record,) = (found for found in caplog.records if "401" in found.getMessage())
    assert "Incorrect API key provided: [...]" in record.getMessage()
    for private in ("sk-se", "127.0.0.1", "\x1b"):
        assert private not in record.getMessage()


async def test_an_upstream_that_breaks_down_says_why(standin: StandIn) -> None:
    standin.reply({"error": {"message": "CUDA out of memory."}}, status=500)
    error = await failure(upstream(standin.url))
    assert error.message == "The upstream 'campus' failed (status 500): CUDA out of memory."
    standin.reply({"detail": "Loading."}, status=503, headers={"Retry-After": "60"})
    error = await failure(upstream(standin.url))
    assert error.message.endswith("is not ready (status 503): Loading. Try again later.")
    assert error.retry_after == 60


async def test_our_attempts_take_a_bounded_time(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_jupyter.gateway.upstreams.upstream.ATTEMPTS_SECONDS", 3.0)
    standin.reply(status=503, headers={"Retry-After": "5"})
    error = await failure(upstream(standin.url))
    assert (len(standin.chats), error.retry_after) == (1, 5)


async def test_a_request_that_its_client_repeats_is_sent_once(standin: StandIn) -> None:
    standin.reply(status=503)
    asked = upstream(standin.url)
    with pytest.raises(errors.UpstreamUnavailableError):
        async with asked.post("chat/completions", BODY, request_id="r", is_repeated=True):
            pass
    await asked.close()
    assert len(standin.chats) == 1


BIG = b'{"error": {"message": "' + b"x" * (2 * 2**20) + b'"}}'
BOMB = gzip_bomb(b'{"error": {"message": "')


@pytest.mark.parametrize("body", [BIG, BOMB], ids=["large", "bomb"])
async def test_an_error_has_a_megabyte_at_most_and_its_status_is_told_without(
    standin: StandIn, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Content-Encoding": "gzip"} if body is BOMB else {}
    standin.reply(body, status=400, headers=headers)
    tracemalloc.start()
    error = await failure(upstream(standin.url))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.status == 400
    assert "without a reason" in error.message
    assert "larger than 1 MB" in caplog.text
    assert most < 16 * 2**20


async def test_an_error_that_stalls_is_told_without_its_words(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_jupyter.gateway.upstreams.upstream.ERROR_TIMEOUT", 0.1)
    standin.reply(b'{"error"', HANG, status=409, is_chunked=True)
    assert (await failure(upstream(standin.url))).status == 409


async def test_a_list_of_models_has_four_megabytes_at_most(standin: StandIn) -> None:
    standin.models = ["m" * 500] * 10_000
    asked = upstream(standin.url)
    with pytest.raises(errors.UpstreamError, match=r"list of models .* larger than 4 MB"):
        await asked.models()
    await asked.close()


@pytest.mark.parametrize(
    ("status", "ours", "kind", "tries"),
    [
        (500, 502, errors.UpstreamError, 1),
        (502, 502, errors.UpstreamError, 3),
        (503, 503, errors.UpstreamUnavailableError, 3),
        (504, 504, errors.UpstreamTimeoutError, 3),
        (529, 502, errors.UpstreamError, 1),
    ],
)
async def test_a_failing_upstream_is_asked_again_where_that_helps(
    standin: StandIn, status: int, ours: int, kind: type[errors.AqueductError], tries: int
) -> None:
    for _ in range(tries):
        standin.reply(b"<html><h1>Bad gateway at 10.0.0.7</h1>", status=status, kind="text/html")
    error = await failure(upstream(standin.url))
    assert (error.status, type(error)) == (ours, kind)
    assert len(standin.chats) == tries
    assert "x-should-retry" not in error.headers(), "the client may try again as it likes"


async def test_a_second_try_that_works_is_an_answer(standin: StandIn) -> None:
    standin.reply(status=503)
    standin.reply(status=429, headers={"Retry-After": "0"})
    standin.reply(completion("third time"))
    assert b"third time" in await ask(upstream(standin.url))
    assert len(standin.chats) == 3
    assert {sent.body for sent in standin.chats} == {BODY}


async def test_a_long_wait_is_the_clients_to_make(standin: StandIn) -> None:
    standin.reply(status=503, headers={"Retry-After": "60"})
    error = await failure(upstream(standin.url))
    assert (error.status, error.retry_after, error.is_retryable) == (503, 60, None)
    assert len(standin.chats) == 1


async def test_a_date_in_retry_after_is_seconds(standin: StandIn) -> None:
    standin.reply(status=429, headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"})
    error = await failure(upstream(standin.url))
    assert error.retry_after
    assert error.retry_after > 1_000_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"object": "error", "message": "Not so.", "type": "BadRequestError", "code": 400}',
        b'{"error": "Not so."}',
        b'{"detail": "Not so."}',
        b'{"error": {"message": "Not so.", "code": 400}}',
        b'[{"error": {"message": "Not so.", "code": 400, "status": "INVALID_ARGUMENT"}}]',
        b'{"detail": [{"msg": "Not so.", "type": "missing"}]}',
        b'{"object": "error", "message": {"detail": [{"msg": "Not so."}]}}',
        b'{"type": "error", "error": {"type": "invalid_request_error", "message": "Not so."}}',
        b'{"success": false, "errors": [{"code": 7, "message": "Not so."}]}',
        b'{"title": "Bad Request", "detail": "Not so.", "status": 400}',
        b'{"error": "invalid_request", "error_description": "Not so."}',
        b'{"error": "Bad Request", "message": "Not so."}',
        b'{"Message": "Not so."}',
        b"Not so.",
    ],
)
async def test_every_dialect_of_an_error_is_understood(standin: StandIn, body: bytes) -> None:
    standin.reply(body, status=400)
    error = await failure(upstream(standin.url))
    assert error.message == "Not so."
    assert error.type in ("invalid_request_error", "BadRequestError")


@pytest.mark.parametrize(
    "words",
    [
        {"message": "This model's maximum context length is 4096 tokens.", "code": 400},
        {"message": "the request exceeds the available context size", "type": "x"},
        {"message": "Too long.", "code": "context_length_exceeded"},
    ],
)
async def test_a_prompt_that_is_too_long_has_its_own_code(
    standin: StandIn, words: dict[str, Any]
) -> None:
    standin.reply({"error": words}, status=400)
    error = await failure(upstream(standin.url))
    assert (type(error), error.code) == (errors.ContextLengthError, "context_length_exceeded")


async def test_a_refusal_without_words_has_a_sentence(standin: StandIn) -> None:
    standin.reply(b"<html>No.</html>", status=400, kind="text/html")
    assert "refused the request" in (await failure(upstream(standin.url))).message


async def test_a_redirect_is_not_followed_with_the_key(standin: StandIn) -> None:
    with StandIn() as elsewhere:
        standin.reply(status=307, headers={"Location": f"{elsewhere.url}/chat/completions"})
        error = await failure(upstream(standin.url))
        assert error.status == 502
        assert not elsewhere.received


async def test_nobody_listening_is_unavailable_after_three_tries(standin: StandIn) -> None:
    with StandIn() as gone:
        url = gone.url
    error = await failure(upstream(url))
    assert (error.status, error.code, error.is_retryable) == (503, "upstream_unavailable", None)


async def test_an_unknown_name_is_unavailable() -> None:
    error = await failure(upstream("http://no-such-host.invalid/v1"))
    assert (error.status, error.code) == (503, "upstream_unavailable")


async def test_silence_before_the_headers_ends_after_the_upstreams_own_timeout(
    standin: StandIn,
) -> None:
    standin.reply(HANG, raw_head=b"")
    error = await failure(upstream(standin.url, timeout=0.2))
    assert (error.status, error.code, error.type) == (504, "upstream_timeout", "timeout_error")
    assert len(standin.chats) == 1
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)


async def test_what_is_no_http_is_an_error_of_the_upstream(standin: StandIn) -> None:
    standin.reply(raw_head=b"SSH-2.0-OpenSSH\r\n\r\n")
    assert (await failure(upstream(standin.url))).status == 502


async def test_leaving_closes_the_connection(standin: StandIn) -> None:
    standin.stream(chunk("Hi"), HANG)
    asked = upstream(standin.url)
    async with asked.post("chat/completions", BODY, request_id="r") as answer:
        assert await anext(answer.chunks()) == chunk("Hi")
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)
    await asked.close()


async def test_connections_are_used_again(standin: StandIn) -> None:
    asked = upstream(standin.url)
    for _ in range(3):
        standin.stream(chunk("Hi"), DONE)
        async with asked.post("chat/completions", BODY, request_id="r") as answer:
            await answer.read()
    await asked.close()
    assert standin.connections == 1


async def test_when_all_connections_are_in_use_a_request_waits_for_one(standin: StandIn) -> None:
    asked = upstream(standin.url, max_connections=1, connect_timeout=0.5)
    standin.stream(chunk("a"), HANG)
    standin.reply(completion("Hi"))
    async with asked.post("chat/completions", BODY, request_id="req_1"):
        for repeated in (False, True):
            with pytest.raises(errors.UpstreamUnavailableError, match="max_connections"):
                async with asked.post(
                    "chat/completions", BODY, request_id="req_2", is_repeated=repeated
                ):
                    pass
        waiting = asyncio.create_task(ask(asked))
        await asyncio.sleep(0.1)
        assert len(standin.chats) == 1
    assert b'"Hi"' in await waiting
    assert len(standin.chats) == 2


async def test_models_are_listed_with_the_key(standin: StandIn) -> None:
    standin.models = ["a", "org/b"]
    asked = upstream(standin.url)
    assert [(model.id, model.owned_by) for model in await asked.models()] == [
        ("a", "campus"),
        ("org/b", "campus"),
    ]
    assert standin.received[0].headers["authorization"] == "Bearer sk-secret"
    await asked.close()


async def test_an_allow_list_is_answered_without_asking(standin: StandIn) -> None:
    asked = upstream(standin.url, models=["only"])
    assert [model.id for model in await asked.models()] == ["only"]
    assert not standin.received


async def test_a_proxy_of_the_environment_is_used(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", standin.url.removesuffix("/v1"))
    standin.reply(completion())
    await ask(upstream("http://far.example/v1"))
    assert standin.chats[0].path == "http://far.example/v1/chat/completions"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, *files, *names], check=True, capture_output=True)
    return key, certificate


async def test_a_private_authority_is_trusted_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with StandIn(tls=context) as secure:
        error = await failure(upstream(secure.url))
        assert error.status == 503
        assert "certificate" in error.message
        assert await ask(upstream(secure.url, ca_bundle=certificate))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await ask(upstream(secure.url))


def exceptions_of(root: type[Exception]) -> list[type[Exception]]:
    return [root, *(found for child in root.__subclasses__() for found in exceptions_of(child))]


@pytest.mark.parametrize(
    "kind", exceptions_of(httpx.TransportError), ids=lambda kind: kind.__name__
)
def test_every_failure_that_httpx_knows_has_a_meaning_here(kind: type[Exception]) -> None:
    known = {
        "TransportError": 502,
        "TimeoutException": 502,
        "ConnectTimeout": 503,
        "ReadTimeout": 504,
        "WriteTimeout": 504,
        "PoolTimeout": 503,
        "NetworkError": 502,
        "ConnectError": 503,
        "ReadError": 502,
        "WriteError": 502,
        "CloseError": 502,
        "ProxyError": 503,
        "UnsupportedProtocol": 502,
        "ProtocolError": 502,
        "LocalProtocolError": 502,
        "RemoteProtocolError": 502,
    }
    assert failure_from_exception("campus", kind("x")).status == known[kind.__name__]
