"""A server that does all it can at the chattiest level: no upstream's key is anywhere after it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from aqueduct_jupyter.command.throwaway import ThrowawayServer, throwaway_server

from ...kernels import running_kernel
from ...standin import CUT, DONE, RESET, StandIn, chunk, completion, event

KEYS = {
    "file": "sk-in-a-file-4711",
    "variable": "sk-in-a-variable-4712",
    "aqueduct": "sk-of-aqueduct-4714",
}
OPERATOR = "the-operators-organisation"
PDF = Path(__file__).parents[3] / "notebooks" / "aqueduct-of-segovia.pdf"

ASK = """
%load_ext aqueduct_jupyter
%config ChatMagics.model = "file/real-name"
%chat record
%chat status
"""


class Everything:
    """What a server, its kernels and its disk have said, in one place."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def add(self, where: str, text: str) -> None:
        self.said[where] = self.said.get(where, "") + text

    def add_response(self, response: httpx.Response) -> None:
        self.add(f"{response.request.method} {response.request.url.path}", response.text)
        self.add("headers", str(response.headers))


def upstreams(standin: StandIn, key_file: Path) -> dict[str, object]:
    return {
        "file": {"base_url": standin.url, "api_key_file": str(key_file), "retry_pause": 0.01},
        "variable": {"base_url": standin.url, "api_key_env": "CAMPUS_KEY"},
        # One that cannot be used is complained about.
        "broken": {"base_url": "ftp://x", "api_key_file": str(key_file)},
    }


@pytest.fixture
def server(tmp_path: Path, standin: StandIn) -> Iterator[ThrowawayServer]:
    key_file = tmp_path.parent / f"{tmp_path.name}.key"
    key_file.write_text(KEYS["file"])
    config = tmp_path / "config"
    config.mkdir()
    settings = f"c.AqueductApp.upstreams = {upstreams(standin, key_file)!r}\n"
    where = config / "jupyter_server_config.py"
    where.write_text(settings)
    variables = {
        "CAMPUS_KEY": KEYS["variable"],
        "AQUEDUCT_BASE_URL": standin.url,
        "AQUEDUCT_TOKEN": KEYS["aqueduct"],
    }
    with throwaway_server(tmp_path, ["--debug"], variables) as server:
        # It has been read; what is searched below is what the server itself wrote.
        where.unlink()
        yield server


def chat_everywhere(http: httpx.Client, standin: StandIn, everything: Everything) -> None:
    """Ask every upstream, well and badly, and have it say the key that it was sent."""
    identity = {"openai-organization": OPERATOR, "Server": OPERATOR, "Set-Cookie": OPERATOR}
    for name, key in KEYS.items():
        ask = {"model": f"{name}/real-name", "messages": [{"role": "user", "content": "Hi"}]}
        told = {"error": {"message": f"The key {key} is bad.", "code": key, "param": key}}
        standin.reply(completion(), headers=identity)
        standin.reply(told, status=400, headers=identity)
        standin.reply(told, status=401)
        standin.reply(f"<html>{key}".encode(), status=502, kind="text/html")
        standin.reply(f"<html>{key}".encode(), kind="text/html")
        for _ in range(5):
            everything.add_response(http.post("v1/chat/completions", json=ask))
        # What was left by tries that were not needed.
        standin._replies.clear()
        for steps in (
            [chunk("a"), CUT],
            [RESET] * 3,
            [chunk("a"), event(told)],
            [chunk("a"), DONE],
        ):
            standin.stream(*steps)
            everything.add_response(http.post("v1/chat/completions", json={**ask, "stream": True}))
            standin._replies.clear()
    nobody = {"model": f"nobody/{OPERATOR[:3]}", "messages": [{"role": "user", "content": "Hi"}]}
    everything.add_response(http.post("v1/chat/completions", json=nobody))


def test_no_key_is_anywhere_after_a_full_run(
    server: ThrowawayServer, standin: StandIn, tmp_path: Path
) -> None:
    everything = Everything()
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60, trust_env=False) as http:
        chat_everywhere(http, standin, everything)
        form = {"files": {"file": ("a.pdf", PDF.read_bytes())}, "data": {"purpose": "user_data"}}
        everything.add_response(http.post("v1/files", **form))  # type: ignore[arg-type]
        everything.add_response(http.post("aqueduct/conversations", json={"name": "x"}))
        own = ("status", "usage", "requests", "metrics", "openapi.json", "conversations")
        for path in (*(f"aqueduct/{name}" for name in own), "v1/models", "v1/files", "api/status"):
            everything.add_response(http.get(path))
        with running_kernel(server.url, server.token) as kernel:
            everything.add("a kernel", kernel.run(ASK, "import os; print(dict(os.environ))"))
            everything.add("a cell", kernel.run("%%chat\nHi", "print(_chat)"))
            for child in psutil.Process(server.process.pid).children(recursive=True):
                everything.add("/proc of a kernel", str(child.environ()) + str(child.cmdline()))
    server.process.terminate()
    server.process.wait(30)
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            everything.add(
                path.relative_to(tmp_path).as_posix(), path.read_bytes().decode("latin1")
            )
    assert any(name.startswith("data/aqueduct/aqueduct.sqlite") for name in everything.said)
    assert "Hello" in everything.said["a cell"], everything.said["a cell"]
    assert "request {" in everything.said["server.log"]
    for where, text in everything.said.items():
        for secret in KEYS.values():
            assert secret not in text, f"{secret} is in {where}"
        assert OPERATOR not in text, where
    used = {sent.headers.get("authorization") for sent in standin.chats}
    assert used == {f"Bearer {secret}" for secret in KEYS.values()}
    assert os.environ.get("AQUEDUCT_TOKEN") is None
    assert json.dumps(everything.said["headers"]).count("x-request-id") > 0
