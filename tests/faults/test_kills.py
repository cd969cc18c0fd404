"""Processes that are killed in the middle of things: the server, and the embedded model's."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
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
