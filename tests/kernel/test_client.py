"""The kernel's client against a real stand-in: whole only when whole, closed when left."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from aqueduct_jupyter.kernel.answer import Answer
from aqueduct_jupyter.kernel.client import Client
from aqueduct_jupyter.protocol import errors

from ..forked_servers import throwaway_server
from ..standin import CUT, DONE, HANG, RESET, StandIn, chunk, completion, usage_chunk


@pytest.fixture
def client(standin: StandIn) -> Client:
    return Client(standin.url, "sk-key")


def test_a_whole_answer(client: Client, standin: StandIn) -> None:
    standin.reply(completion("Hi"), headers={"x-request-id": "req_1"})
    answer = client.chat("Hello?", model="m", temperature=None)
    assert (str(answer), answer.finish_reason, answer.request_id) == ("Hi", "stop", "req_1")
    assert (answer.tokens_in, answer.tokens_out) == (3, 2)
    (sent,) = standin.chats
    assert sent.headers["authorization"] == "Bearer sk-key"
    assert sent.json == {"messages": [{"role": "user", "content": "Hello?"}], "model": "m"}


def test_a_streamed_answer(client: Client, standin: StandIn) -> None:
    standin.stream(chunk("Hel"), b": ping\n\n", chunk("lo\u2028"), usage_chunk(), DONE)
    with client.stream([{"role": "user", "content": "x"}]) as stream:
        assert list(stream) == ["Hel", "lo\u2028"]
    assert stream.answer.text == "Hello\u2028"
    assert stream.answer.tokens_out == 2
    assert standin.chats[0].json["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("end", [[], [CUT], [RESET], [b"data: {"], [b"data: nonsense\n\n"]])
def test_an_answer_without_its_end_is_none(
    client: Client, standin: StandIn, end: list[bytes]
) -> None:
    standin.stream(chunk("half"), *end)
    answer = Answer()
    with client.stream("x", answer=answer) as stream, pytest.raises(errors.AqueductError):
        list(stream)
    assert answer.text == "half"


def test_leaving_closes_the_upstream(client: Client, standin: StandIn) -> None:
    standin.stream(chunk("a"), HANG)
    with client.stream("x") as stream:
        assert next(iter(stream)) == "a"
    assert standin.chats[0].client_left.wait(5)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "context_length_exceeded", errors.ContextLengthError),
        (401, "invalid_api_key", errors.AuthenticationError),
        (404, "model_not_found", errors.ModelNotFoundError),
        (429, "rate_limit_exceeded", errors.RateLimitError),
        (502, "upstream_auth", errors.UpstreamAuthError),
        (503, "upstream_unavailable", errors.UpstreamUnavailableError),
        (504, "upstream_timeout", errors.UpstreamTimeoutError),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_an_error_is_the_class_that_the_server_raised(
    client: Client, standin: StandIn, status: int, code: str, error: type, is_stream: bool
) -> None:
    envelope = {"error": {"message": "no", "type": "t", "param": "p", "code": code}}
    headers = {"Retry-After": "7", "x-request-id": "req_1"}
    standin.reply(envelope, status=status, headers=headers)
    with pytest.raises(error) as caught:
        list(client.stream("x")) if is_stream else client.chat("x")
    raised = caught.value
    assert (raised.message, raised.param, raised.status) == ("no", "p", status)
    assert (raised.retry_after, raised.request_id) == (7, "req_1")


def test_another_service_than_ours_is_said() -> None:
    page = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    with pytest.raises(errors.DisconnectedError, match="is this the right address"):
        Client("http://x", transport=page).models()


def test_nobody_there_is_said() -> None:
    with pytest.raises(errors.UpstreamUnavailableError, match="Nothing answers at"):
        Client("http://127.0.0.1:9").models()


def test_files_and_models_of_a_real_server(tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("words")
    with throwaway_server(tmp_path) as server, Client(server.url, server.token) as client:
        assert "demo/echo" in client.models()
        file = client.files.create(tmp_path / "report.txt")
        other = client.files.create(b"more", filename="b.txt", purpose="evals")
        assert client.files.retrieve(file["id"]) == file
        assert client.files.content(other["id"]) == b"more"
        assert client.files.list(purpose="evals") == [other]
        client.files.delete(file["id"])
        with pytest.raises(errors.UnknownFileError):
            client.files.retrieve(file["id"])
        with Client(f"{server.url}/v1", server.token) as versioned:
            assert versioned.models() == client.models()
            assert versioned.get("aqueduct/status")["version"]
