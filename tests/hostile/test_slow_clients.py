"""Clients that send a byte at a time, and then nothing: they hold nobody up, and are ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.server.http import body

from ..standin import StandIn

FORM = "multipart/form-data; boundary=x"
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf'
CASES = [
    ("POST", "v1/chat/completions", "application/json", b'{"messages": [{"role"'),
    ("POST", "v1/files", FORM, FILE),
    ("POST", "aqueduct/conversations", "application/json", b'{"name": "a'),
    ("PATCH", "aqueduct/conversations/conv-x", "application/json", b'{"name": "a'),
]
LENGTHS = ["Content-Length: 100000", "Transfer-Encoding: chunked"]


def head(http: httpx.AsyncClient, verb: str, path: str, *lines: str) -> bytes:
    url = http.base_url.join(path)
    token = f"Authorization: {http.headers['Authorization']}"
    start = f"{verb} {url.raw_path.decode()} HTTP/1.1"
    return "\r\n".join([start, "Host: 127.0.0.1", token, *lines, "", ""]).encode()


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(("verb", "path", "kind", "sent"), CASES, ids=lambda case: str(case)[:30])
async def test_one_who_falls_silent_is_told_and_ended(
    http: httpx.AsyncClient,
    standin: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    path: str,
    kind: str,
    sent: bytes,
    length: str,
) -> None:
    monkeypatch.setattr(body, "SILENT_SECONDS", 0.5)
    is_chunked = "chunked" in length
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(head(http, verb, path, f"Content-Type: {kind}", length))
    for byte in sent:
        writer.write(b"1\r\n%c\r\n" % byte if is_chunked else bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.005)
    # Meanwhile everybody else is served.
    assert (await http.get("v1/models")).status_code == 200
    async with asyncio.timeout(20):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "body_timeout"' in answer
    writer.close()
    incoming = tmp_path / "aqueduct" / "incoming"
    for _ in range(500):
        left: list[Any] = list(incoming.glob("*"))
        if not left:
            break
        await asyncio.sleep(0.01)
    assert not left
    assert not standin.chats
    assert (await http.get("v1/files")).json()["data"] == []


async def test_one_who_is_only_slow_is_served(
    http: httpx.AsyncClient, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "SILENT_SECONDS", 0.5)

    async def pieces() -> Any:
        for byte in b'{"messages": [{"role": "user", "content": "Hi"}]}':
            yield bytes([byte])
            await asyncio.sleep(0.02)

    headers = {"Content-Type": "application/json"}
    standin.reply(1.0, b'{"choices": []}')
    answer = await http.post("v1/chat/completions", content=pieces(), headers=headers)
    assert answer.status_code == 200, "an answer may take longer than a silence in the body"
    kept = await http.post("aqueduct/conversations", content=pieces(), headers=headers)
    assert kept.status_code == 200


async def test_many_silent_clients_hold_nobody_up(http: httpx.AsyncClient) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", http.base_url.port) for _ in range(100)]
    for _, writer in opened:
        kind = "Content-Type: application/json"
        writer.write(head(http, "POST", "v1/chat/completions", kind, LENGTHS[0]) + b"{")
        await writer.drain()
    for _ in range(3):
        answer = await http.post(
            "v1/chat/completions", json={"messages": [{"role": "user", "content": "Hi"}]}
        )
        assert answer.status_code == 200
    for _, writer in opened:
        writer.close()
