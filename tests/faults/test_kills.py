"""Processes that are killed in the middle of things: the server, and the embedded model's."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from ..real_server import RealServer, campus, real_server, until
from ..standin import DONE, HANG, StandIn, chunk

PART_HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="half.bin"\r\n\r\n'


def kill(server: RealServer) -> None:
    server.process.process.kill()
    server.process.process.wait()


@contextlib.contextmanager
def half_an_upload(server: RealServer) -> Iterator[None]:
    """Send two of three megabytes of a file, and then nothing."""
    url = urlsplit(server.process.url)
    head = (
        f"POST {url.path}/v1/files HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 3000000\r\n"
        f"Authorization: Bearer {server.process.token}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
        connection.sendall(head.encode() + PART_HEAD + b"x" * 2_000_000)
        until(lambda: any(file.stat().st_size for file in server.incoming), "bytes on the disk")
        yield


@contextlib.contextmanager
def half_an_answer(server: RealServer, standin: StandIn) -> Iterator[Iterator[bytes]]:
    """Ask for a stream that stops after its first event."""
    standin.stream(chunk("half"), HANG)
    body = {
        "model": "campus/real-name",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
    }
    with server.http.stream("POST", "v1/chat/completions", json=body) as response:
        pieces = response.iter_raw()
        assert next(pieces) == chunk("half")
        yield pieces


def test_a_server_that_is_killed_leaves_nothing_half_and_loses_nothing_whole(
    standin: StandIn, tmp_path: Path
) -> None:
    upstreams = {"campus": campus(standin)}
    with real_server(tmp_path, upstreams) as server:
        kept = server.upload(b"whole").json()
        answered = server.ask()
        assert server.row(answered)["outcome"] == "whole"
        with half_an_upload(server), half_an_answer(server, standin) as rest:
            kill(server)
            with pytest.raises(httpx.TransportError):
                list(rest)
        assert standin.chats[-1].client_left.wait(5), "the upstream is told by the system"
    torn = server.incoming
    assert torn
    lost = tmp_path / "data" / "aqueduct" / "blobs" / "ab" / ("ab" * 32)
    lost.parent.mkdir()
    lost.write_bytes(b"before its row")
    long_ago = time.time() - 7_200
    for file in (*torn, lost):
        os.utime(file, (long_ago, long_ago))
    with real_server(tmp_path, upstreams) as server:
        until(lambda: not server.incoming, "the torn upload is swept up")
        assert server.files == [kept]
        assert server.http.get(f"v1/files/{kept['id']}/content").content == b"whole"
        until(lambda: not lost.exists(), "the blob that no row names is swept up")
        assert len(list(server.data.glob("blobs/*/*"))) == 1
        assert server.row(answered)["outcome"] == "whole"
        assert server.http.get("aqueduct/usage").json()["total"]["requests"] == 1
        assert server.running == []
        assert server.http.get("aqueduct/status").json()["notices"] == []
        assert server.ask(stream=True).content.endswith(DONE)
        assert server.upload(b"another").status_code == 200


def test_an_answer_in_a_conversation_says_that_its_server_was_killed(
    standin: StandIn, tmp_path: Path
) -> None:
    upstreams = {"campus": campus(standin)}
    standin.stream(chunk("half"), HANG)
    asked = {"id": "t1", "request": "r1", "prompt": "Hi", "model": "campus/real-name"}
    with real_server(tmp_path, upstreams) as server:
        made = server.http.post("aqueduct/conversations", json={"name": "Talk"}).json()
        address = f"aqueduct/conversations/{made['id']}"
        server.http.post(f"{address}/turns", json=asked).raise_for_status()
        stored = sqlite3.connect(f"file:{server.data}/aqueduct.sqlite?mode=ro", uri=True)
        with contextlib.closing(stored):
            has_part = "SELECT count(*) FROM conversations WHERE turns LIKE '%\"half\"%'"
            until(lambda: stored.execute(has_part).fetchone()[0], "the part is stored")
        kill(server)
    assert standin.chats[-1].client_left.wait(5)
    with real_server(tmp_path, upstreams) as server:
        turn = until(lambda: ended_turn(server, address), "the turn has ended")
        assert (turn["state"], turn["answer"]) == ("stopped", "half")
        assert turn["error"] == "The server stopped while this answer was running."
        again = {**asked, "id": "t2", "request": "r2", "prompt": "Go on", "continues": True}
        server.http.post(f"{address}/turns", json=again).raise_for_status()
        turn = until(lambda: ended_turn(server, address), "the next turn has ended")
        assert (turn["id"], turn["state"]) == ("t2", "whole")
    said = [message["content"] for message in standin.chats[-1].json["messages"]]
    assert said == ["Hi", "half", "Go on"]


def ended_turn(server: RealServer, address: str) -> dict[str, Any] | None:
    """Find the last turn, if its answer is over."""
    turn: dict[str, Any] = server.http.get(address).json()["turns"][-1]
    return None if turn["state"] == "running" else turn


def child_of(server: RealServer) -> int | None:
    """Find the embedded model's process."""
    tasks = Path(f"/proc/{server.process.process.pid}/task").glob("*/children")
    children = " ".join(task.read_text() for task in tasks).split()
    for child in children:
        if b"gateway.embedded.process" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return None


@pytest.mark.slow
def test_an_embedded_model_that_is_killed_in_its_answer_never_looks_whole(
    weights: Path, tmp_path: Path
) -> None:
    with real_server(tmp_path, {}, local_model_path=str(weights)) as server:
        name = server.http.get("v1/models").json()["data"][0]["id"]
        body = {
            "model": name,
            "messages": [{"role": "user", "content": "Tell a long story."}],
            "stream": True,
            "max_tokens": 2000,
        }
        with server.http.stream("POST", "v1/chat/completions", json=body) as response:
            assert response.status_code == 200
            pieces = response.iter_raw()
            got = next(pieces)
            child = child_of(server)
            assert child
            os.kill(child, signal.SIGKILL)
            got += b"".join(pieces)
        assert b"[DONE]" not in got
        assert b'"upstream_disconnected"' in got.rstrip().split(b"\n\n")[-1]
        noted = server.row(response)
        assert (noted["outcome"], noted["error_code"]) == ("failed", "upstream_disconnected")
        assert noted["tokens_out"]
        assert server.running == []
        following = server.ask(name, max_tokens=3)
        assert following.status_code == 200
        assert child_of(server) not in (None, child)
    assert not Path(f"/proc/{child}").exists()
