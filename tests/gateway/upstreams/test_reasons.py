"""What an upstream says of its failure is found, bounded, and holds no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aqueduct_jupyter.gateway.upstreams.reasons import Reason, find_reason
from aqueduct_jupyter.gateway.upstreams.secrets import Secrets
from aqueduct_jupyter.gateway.upstreams.settings import UpstreamSettings

NONE = Secrets()


def test_fastapis_faults_say_where() -> None:
    faults = [
        {"loc": ["body", "messages", 0, "role"], "msg": "Field required", "type": "missing"},
        {"loc": ["body", "n"], "msg": "Too many"},
    ]
    assert Reason({"detail": faults}, NONE).message == (
        "body.messages.0.role: Field required; body.n: Too many"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"<html><h1>Bad gateway at 10.0.0.7</h1>",
        b"<!DOCTYPE html>No.",
        b"Traceback (most recent call last):\n  File ...",
        b"\xff\xfe\x00",
        b"",
        b"null",
        b'{"ok": false}',
    ],
)
def test_what_is_no_sentence_is_not_shown(body: bytes) -> None:
    assert find_reason(body, "text/plain", NONE).message == ""


def test_a_page_that_calls_itself_one_is_not_shown() -> None:
    assert find_reason(b"Bad gateway", "text/html", NONE).message == ""
    assert find_reason(b"Bad gateway", "text/plain", NONE).message == "Bad gateway"


@pytest.mark.parametrize("value", [5, None, True, ["x"], {"a": 1}, [[[[[["deep"]]]]]]])
def test_words_that_are_no_text_are_none(value: Any) -> None:
    reason = Reason({"error": {"message": "No.", "type": value, "param": value}}, NONE)
    assert (reason.message, reason.type, reason.param) == ("No.", None, None)


def test_a_sentence_is_one_printable_line_of_bounded_length() -> None:
    said = "a\r\nb\x1b[31m\u202e\ud800 " + "x" * 10**6
    message = Reason({"error": {"message": said}}, NONE).message
    assert message.startswith("a b[31m x")
    assert message.isprintable()
    assert len(message) == 2000


def configured(base_url: str, key: str) -> Secrets:
    return Secrets.of(UpstreamSettings.model_validate({"base_url": base_url, "api_key": key}))


def test_a_key_and_an_address_are_blotted_out_also_in_part() -> None:
    secrets = configured("http://10.0.0.7:8000/v1", "sk-abcdef123456")
    said = "sk-abcdef123456, sk-ab***456 and sk-abc... at http://10.0.0.7:8000/v1, 10.0.0.7:8000"
    assert secrets.blotted(said) == "[...], [...] and [...] at [...], [...]"
    assert secrets.blotted("a task-abc") == "a task-abc"
    words = "maximum context length is 4096 tokens. Invalid token"
    assert configured("http://x/v1", "token-abc123").blotted(words) == words


@pytest.mark.parametrize(
    ("base_url", "key"),
    [("http://model/v1", "EMPTY"), ("http://my-model/v1", "none"), ("http://x/v1", "x")],
)
def test_a_word_of_a_sentence_is_not_a_secret(base_url: str, key: str) -> None:
    said = "The model `x` of my-model is EMPTY, and none other."
    assert configured(base_url, key).blotted(said) == said


@pytest.mark.parametrize("depth", [3, 30, 10**5])
def test_depth_is_bounded(depth: int) -> None:
    body = b'{"error":' + b"[" * depth + b'"deep"' + b"]" * depth + b"}"
    assert find_reason(body, "application/json", NONE).message == ("deep" if depth == 3 else "")


def test_the_number_of_faults_is_bounded() -> None:
    body = json.dumps({"errors": [{"message": str(n)} for n in range(1000)]}).encode()
    assert find_reason(body, "", NONE).message == "0; 1; 2; 3; 4"
