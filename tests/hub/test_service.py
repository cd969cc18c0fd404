"""Our service behind a real hub: whose requests it answers, and with whose key."""

from __future__ import annotations

import json
import socket
import threading
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from ..gateway.documents import samples
from ..kernels import running_kernel
from ..standin import DONE, HANG, StandIn, chunk
from .conftest import OPERATORS_KEY, SERVICES_KEY
from .hub import Hub, Server
from .objects import ObjectStore
from .service import PREFIX, QUESTION, RunningService, error_of, eventually, token_of

ASK = (
    "from openai import OpenAI\n"
    "answer = OpenAI().chat.completions.create(\n"
    "    model='real-name', messages=[{'role': 'user', 'content': 'Hi'}])\n"
    "print(answer.choices[0].message.content)"
)


def memory_of(pid: int) -> bytes:
    """Read what a process has in its memory, as its user may."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            start, end = (int(number, 16) for number in place.split("-"))
            if "w" in rights:
                with suppress(OSError, OverflowError):
                    memory.seek(start)
                    found.append(memory.read(end - start))
    return b"".join(found)


@pytest.fixture(autouse=True)
def nothing_received(upstream: StandIn) -> None:
    """Let each test see only its own requests."""


def test_a_token_of_the_hub_opens_the_service(
    hub: Hub, service: RunningService, upstream: StandIn
) -> None:
    with service.client(token_of(hub, "alice")) as http:
        answer = http.post("v1/chat/completions", json=QUESTION)
        assert answer.json()["choices"][0]["message"]["content"] == "Hello"
    assert upstream.chats[0].headers["authorization"] == f"Bearer {SERVICES_KEY}"


def test_who_the_hub_does_not_know_is_refused(service: RunningService, upstream: StandIn) -> None:
    for token in ("no-token-of-the-hub", SERVICES_KEY, OPERATORS_KEY):
        with service.client(token) as http:
            assert error_of(http.get("v1/models")) == (401, "invalid_api_key")
            assert error_of(http.post("v1/chat/completions", json=QUESTION)) == (
                401,
                "invalid_api_key",
            )
    assert error_of(httpx.get(f"{service.url}v1/models", trust_env=False)) == (
        401,
        "invalid_api_key",
    )
    assert not upstream.received


def test_a_body_that_nobody_asked_for_is_not_read(service: RunningService) -> None:
    replica = service.replicas[0]
    for path in ("page.js", "health/ready", "aqueduct/status"):
        with socket.create_connection(("127.0.0.1", replica.port), timeout=10) as client:
            head = f"POST {PREFIX}{path} HTTP/1.1\r\nHost: here\r\nContent-Length: {2**21}\r\n\r\n"
            client.sendall(head.encode())
            # The answer comes, and the connection ends, without any of it.
            assert client.recv(2**16).startswith(b"HTTP/1.1 4")


def test_a_token_without_the_services_scope_is_refused(
    hub: Hub, service: RunningService, alice: Server
) -> None:
    # The token that the hub gives to a server that was not set up for the service.
    words = Path(f"/proc/{alice.pid}/environ").read_bytes().split(b"\0")
    (token,) = (word[21:] for word in words if word.startswith(b"JUPYTERHUB_API_TOKEN="))
    with service.client(token.decode()) as http:
        refused = http.get("v1/models")
        assert error_of(refused) == (403, "missing_scope")
        assert "access:services!service=aqueduct" in refused.json()["error"]["message"]


def test_only_administrators_see_the_metrics(hub: Hub, service: RunningService) -> None:
    with service.client(token_of(hub, "alice")) as http:
        assert error_of(http.get("aqueduct/metrics")) == (403, "not_for_users")
    for token in (token_of(hub, "carol"), hub.service.monitor_token):
        with service.client(token) as http:
            assert "aqueduct_requests" in http.get("aqueduct/metrics").text


def test_every_cell_reaches_the_model_with_no_key_of_an_upstream(
    hub: Hub, people: dict[str, Server], upstream: StandIn
) -> None:
    server = people["alice"]
    with running_kernel(server.url, server.token) as kernel:
        assert kernel.run(ASK) == "Hello\n"
        assert "Error" not in kernel.run("%load_ext aqueduct_jupyter", "%%chat\nHi")
        keys = [asked.headers["authorization"] for asked in upstream.chats]
        assert keys == [f"Bearer {SERVICES_KEY}"] * 2
        words = kernel.run("import os, json; print(json.dumps([os.getpid(), dict(os.environ)]))")
        pid, environment = json.loads(words)
        # Whatever the user can read: variables, memory and files.
        for process in (pid, server.pid):
            assert SERVICES_KEY.encode() not in Path(f"/proc/{process}/environ").read_bytes()
            assert environment["AQUEDUCT_API_KEY"].encode() in memory_of(process)
            assert SERVICES_KEY.encode() not in memory_of(process)
        home = Path(environment["HOME"])
        files = [path for path in home.rglob("*") if path.is_file()]
        assert files
        assert not [path for path in files if SERVICES_KEY.encode() in path.read_bytes()]
        with server.client(environment["AQUEDUCT_API_KEY"]) as http:
            usage = http.get("aqueduct/usage").json()
    assert kernel.id in [row["kernel"] for row in usage["by_kernel"]]


@pytest.mark.parametrize("user", ["bob", "carol"])
def test_a_stream_comes_chunk_by_chunk(
    people: dict[str, Server], upstream: StandIn, user: str
) -> None:
    # Carol's server asks through the hub's proxy and the balancer.
    first, second = threading.Event(), threading.Event()
    upstream.stream(chunk("one"), first, chunk("two"), second, DONE, is_chunked=True)
    try:
        with (
            people[user].client() as http,
            http.stream("POST", "v1/chat/completions", json={**QUESTION, "stream": True}) as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            pieces = answer.iter_raw()
            # Nothing more is written upstream before this has been read here.
            for words, gate in ((b"one", first), (b"two", second)):
                seen = b""
                while words not in seen:
                    seen += next(pieces)
                gate.set()
            assert b"".join(pieces).endswith(DONE)
    finally:
        first.set()
        second.set()


def test_what_one_user_keeps_the_other_cannot_see(
    hub: Hub, service: RunningService, people: dict[str, Server], objects: ObjectStore
) -> None:
    alice, bob = people["alice"], people["bob"]
    with alice.client() as hers, bob.client() as his, service.client(alice.token) as direct:
        plan = {"file": ("plan.txt", b"Her plan: the water runs downhill.")}
        made = hers.post("v1/files", files=plan, data={"purpose": "user_data"}).json()
        talk = hers.post("aqueduct/conversations", json={"name": "Plans"}).json()
        kept = hers.post(
            "v1/responses", json={"model": "real-name", "input": "Hi", "store": True}
        ).json()
        paths = (
            f"v1/files/{made['id']}",
            f"v1/files/{made['id']}/content",
            f"aqueduct/conversations/{talk['id']}",
            f"v1/responses/{kept['id']}",
        )
        for path in paths:
            assert hers.get(path).status_code == 200
            # What lies in the service is there wherever its owner asks from.
            assert direct.get(path).content == hers.get(path).content
            assert his.get(path).status_code == 404
            assert his.delete(path.removesuffix("/content")).status_code == 404
        assert made["id"] not in his.get("v1/files").text
        assert talk["id"] not in his.get("aqueduct/conversations").text
        assert hers.get("aqueduct/usage").json()["total"]["requests"] >= 1
        assert his.get("aqueduct/usage").json() != hers.get("aqueduct/usage").json()
    assert any(data.startswith(b"Her plan") for data, _ in objects.objects.values())
    with service.client(hub.service.monitor_token) as http:
        # Not even an administrator reads what users keep.
        assert all(http.get(path).status_code == 404 for path in paths)


def test_documents_are_read_in_the_users_server(
    people: dict[str, Server], service: RunningService, upstream: StandIn
) -> None:
    pdf = samples.pdf("The water runs downhill.")
    server = people["alice"]
    with server.client() as hers:
        form = {"files": {"file": ("plan.pdf", pdf)}, "data": {"purpose": "user_data"}}
        file_id = hers.post("v1/files", **form).json()["id"]
        uri = f"data:application/pdf;base64,{b64encode(pdf).decode()}"
        parts = ({"file_id": file_id}, {"filename": "plan.pdf", "file_data": uri})
        for part in parts:
            said = [{"role": "user", "content": [{"type": "file", "file": part}]}]
            hers.post("v1/chat/completions", json={**QUESTION, "messages": said}).raise_for_status()
    for asked in upstream.chats:
        (written,) = asked.json["messages"][0]["content"]
        assert "The file 'plan.pdf' begins here" in written["text"]
        assert "The water runs downhill." in written["text"]
    # The process that reads is a child of this server; the service has none.
    assert "documents.worker" in children_of(server.pid)
    for replica in service.replicas[:2]:  # other tests kill theirs
        assert "documents.worker" not in children_of(replica.process.pid)


def children_of(pid: int) -> str:
    below = psutil.Process(pid).children(recursive=True)
    return "\n".join(" ".join(child.cmdline()) for child in below)


def test_a_kernel_deletes_only_its_own_uploads(people: dict[str, Server]) -> None:
    server = people["bob"]
    with running_kernel(server.url, server.token) as kernel, server.client() as his:
        key = kernel.run("import os; print(os.environ['AQUEDUCT_API_KEY'], end='')")
        with server.client(key) as kernels:
            files = {"file": ("a.txt", b"a")}
            his_own = his.post("v1/files", files=files, data={"purpose": "user_data"}).json()["id"]
            own = kernels.post("v1/files", files=files, data={"purpose": "user_data"}).json()["id"]
            assert kernels.get(f"v1/files/{his_own}/content").content == b"a"
            assert kernels.delete(f"v1/files/{his_own}").status_code == 403
            assert kernels.delete(f"v1/files/{own}").json()["deleted"]
            assert error_of(kernels.get("aqueduct/metrics")) == (403, "not_for_kernels")
        his.delete(f"v1/files/{his_own}")


def test_a_large_upload_passes_in_pieces_and_one_too_large_is_refused(
    people: dict[str, Server],
) -> None:
    data = b"0123456789abcdef" * 2**18
    with people["bob"].client() as his:
        files = {"file": ("large.bin", data)}
        made = his.post("v1/files", files=files, data={"purpose": "user_data"}).json()
        assert his.get(f"v1/files/{made['id']}/content").content == data
        ranged = his.get(f"v1/files/{made['id']}/content", headers={"Range": "bytes=16-31"})
        assert (ranged.status_code, ranged.content) == (206, data[16:32])
        his.delete(f"v1/files/{made['id']}")
        files = {"file": ("huge.bin", bytes(65 * 2**20))}
        refused = his.post("v1/files", files=files, data={"purpose": "user_data"})
        assert error_of(refused) == (413, "file_too_large")


def test_errors_of_an_upstream_and_of_the_service_arrive_as_they_are(
    people: dict[str, Server], upstream: StandIn
) -> None:
    with people["bob"].client() as his:
        missing = his.post("v1/chat/completions", json={**QUESTION, "model": "no-such-model"})
        assert error_of(missing) == (404, "model_not_found")
        assert error_of(his.post("v1/chat/completions", content=b"{")) == (400, "invalid_json")
        theirs = his.post("v1/messages", json={"model": "real-name"})
        assert theirs.json()["type"] == "error"
        assert his.patch("v1/models").status_code == 405
        assert "v1" in his.get("v1/nothing/like/this").json()["error"]["message"]


def test_leaving_ends_the_upstreams_work(people: dict[str, Server], upstream: StandIn) -> None:
    upstream.stream(chunk("a"), HANG)
    with (
        people["alice"].client() as http,
        http.stream("POST", "v1/chat/completions", json={**QUESTION, "stream": True}) as answer,
    ):
        assert b'"a"' in next(answer.iter_raw())
    assert upstream.chats[0].client_left.wait(60)


def test_an_agent_asks_with_a_key_of_the_service(
    service: RunningService, people: dict[str, Server], upstream: StandIn
) -> None:
    server = people["alice"]
    with server.client() as hers:
        made = hers.post("aqueduct/keys", json={"name": "codex", "max_tokens": 7}).json()
        assert [key["id"] for key in hers.get("aqueduct/keys").json()["data"]] == [made["id"]]
        # Through her server, and past it, whichever replica answers.
        for url in (server.url, *(replica.url for replica in service.replicas[:2])):
            with service.client(made["key"], url) as agent:
                assert agent.get("v1/models").status_code == 200
                assert error_of(agent.get("aqueduct/keys")) == (403, "not_for_kernels")
        with server.client(made["key"]) as agent:
            assert agent.post("v1/chat/completions", json=QUESTION).status_code == 200
            assert agent.post("v1/chat/completions", json=QUESTION).status_code == 200
            eventually(lambda: hers.get("aqueduct/keys").json()["data"][0]["tokens"] == 10)
            over = agent.post("v1/chat/completions", json=QUESTION)
            assert error_of(over) == (429, "insufficient_quota")
        usage = hers.get("aqueduct/usage").json()["by_kernel"]
        assert f"agent:{made['id']}" in [row["kernel"] for row in usage]
        assert hers.delete(f"aqueduct/keys/{made['id']}").json()["deleted"]
    with server.client(made["key"]) as agent:
        assert error_of(agent.get("v1/models")) == (401, "invalid_api_key")


def test_models_are_those_of_the_users_groups(
    hub: Hub, service: RunningService, upstream: StandIn
) -> None:
    asked = {**QUESTION, "model": "campus/only-for-staff"}
    with service.client(token_of(hub, "alice")) as http:
        assert [model["id"] for model in http.get("v1/models").json()["data"]] == ["real-name"]
        refused = http.post("v1/chat/completions", json=asked)
        assert error_of(refused) == (403, "model_not_allowed")
        assert http.get("aqueduct/status").json()["models"] == ["real-name"]
    with service.client(token_of(hub, "carol")) as http:
        assert http.post("v1/chat/completions", json=asked).status_code == 200
    assert [chat.json["model"] for chat in upstream.chats] == ["only-for-staff"]
