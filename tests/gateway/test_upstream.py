"""An upstream is asked with what it must have, and what it cannot answer has a meaning here."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.failures import failure_from_exception
from aqueduct_jupyter.gateway.settings import UpstreamSettings
from aqueduct_jupyter.gateway.upstream import Upstream
from aqueduct_jupyter.protocol import errors

from ..standin import DONE, HANG, StandIn, chunk, completion

BODY = b'{"model": "m", "messages": []}'


def upstream(url: str, **settings: Any) -> Upstream:
    given = {"base_url": url, "api_key": "sk-secret", "retry_pause": 0.01, **settings}
    configured = UpstreamSettings.model_validate(given)
    return Upstream("campus", configured)


async def ask(asked: Upstream) -> bytes:
    try:
        async with asked.chat(BODY, request_id="req_1") as answer:
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
    assert error.headers().get("x-should-retry") == ("false" if tries > 1 else None)


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
    assert (error.status, error.code, error.is_retryable) == (503, "upstream_unavailable", False)


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
    async with asked.chat(BODY, request_id="r") as answer:
        assert await anext(answer.chunks()) == chunk("Hi")
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)
    await asked.close()


async def test_connections_are_used_again(standin: StandIn) -> None:
    asked = upstream(standin.url)
    for _ in range(3):
        standin.stream(chunk("Hi"), DONE)
        async with asked.chat(BODY, request_id="r") as answer:
            await answer.read()
    await asked.close()
    assert standin.connections == 1


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
