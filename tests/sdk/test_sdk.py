"""The OpenAI SDK, today's line and the old one, against a real server: what it gets and sends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.command.throwaway import ThrowawayServer

from ..forked_servers import throwaway_server
from ..standin import StandIn, completion

ROOT = Path(__file__).parents[2]
OLD = Path(sys.prefix, ".openai-1")
"""Where ``make test`` puts the SDK of the 1.x line."""

POEM = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Write me a short poem!"},
]


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, standin: StandIn) -> Iterator[ThrowawayServer]:
    upstreams = {"campus": {"base_url": standin.url, "models": ["real-name"]}}
    with throwaway_server(
        tmp_path_factory.mktemp("server"),
        [f"--AqueductApp.upstreams={upstreams}", "--ServerApp.base_url=/user/a%40b/"],
    ) as server:
        yield server


def tool_call() -> dict[str, Any]:
    answer = completion()
    function = {"name": "weather", "arguments": '{"city": "Segovia"}'}
    call = {"id": "call_1", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    answer["choices"] = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    return answer


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize(("version", "folder"), [("3.", None), ("1.", OLD)])
def test_everything_that_the_page_shows(
    server: ThrowawayServer, standin: StandIn, version: str, folder: Path | None, prefix: str
) -> None:
    assert folder is None or folder.is_dir(), "'make test' installs the old SDK"
    standin.received.clear()
    standin.answer_to["call the tool"] = tool_call()
    paths = [str(ROOT), *([str(folder)] if folder else [])]
    done = subprocess.run(
        [sys.executable, "-m", "tests.sdk.everything", f"{server.url}{prefix}", version],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(reversed(paths)),
            "OPENAI_API_KEY": server.token,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert_sent([request.json for request in standin.chats])


def assert_sent(bodies: list[dict[str, Any]]) -> None:
    """Check what reached the upstream, request by request."""
    whole, plain, counted, tool, result, image, inline, by_id = bodies
    assert whole == {"model": "real-name", "messages": POEM}
    for streamed in (plain, counted):
        options = {"stream": True, "stream_options": {"include_usage": True}}
        assert streamed == {"model": "real-name", "messages": POEM, **options}
    assert tool["tools"][0]["function"]["name"] == "weather"
    assert [message["role"] for message in result["messages"]] == ["user", "assistant", "tool"]
    assert result["messages"][1]["tool_calls"][0]["id"] == "call_1"
    assert image["messages"][0]["content"][1]["image_url"] == {
        "url": "https://example.invalid/boardwalk.jpg"
    }
    for body, words in ((inline, "inline words"), (by_id, "uploaded words")):
        document, question = body["messages"][0]["content"]
        assert words in document["text"]
        assert "'sample.pdf'" in document["text"]
        assert question["text"] == "What is the main topic of this document?"
