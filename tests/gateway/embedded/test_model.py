"""The embedded model's process, with the real engine and weights: started, stopped, killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.configured_upstreams import local_upstream
from aqueduct_jupyter.gateway.embedded import engine
from aqueduct_jupyter.gateway.embedded import model as local_model
from aqueduct_jupyter.gateway.embedded.model import LocalModel
from aqueduct_jupyter.gateway.upstreams.upstream import Upstream
from aqueduct_jupyter.protocol.errors import AqueductError, UpstreamUnavailableError

NAME = "smollm2-135m-instruct"
READ = "import sys; sys.stdin.readline()"


@contextlib.asynccontextmanager
async def running(path: Path, **more: Any) -> AsyncIterator[tuple[LocalModel, Upstream]]:
    model = LocalModel(path, NAME, **more)
    upstream = local_upstream(model)
    try:
        yield model, upstream
    finally:
        await upstream.close()


def body(**more: Any) -> bytes:
    words = {"model": NAME, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8}
    return json.dumps({**words, **more}).encode()


async def ask(upstream: Upstream, **more: Any) -> dict[str, Any]:
    async with upstream.post("chat/completions", body(**more), request_id="req_1") as answer:
        return json.loads(await answer.read())  # type: ignore[no-any-return]


async def failure(upstream: Upstream) -> AqueductError:
    with pytest.raises(AqueductError) as caught:
        await ask(upstream)
    assert caught.value.status == 503
    return caught.value


async def end_of(process_id: int) -> None:
    for _ in range(1000):
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it lives on")


async def test_it_answers_whole_and_streamed_and_starts_at_the_first_question(
    weights: Path,
) -> None:
    async with running(weights) as (model, upstream):
        assert [known.id for known in await upstream.models()] == [NAME]
        assert (model.state, model.process_id) == ("stopped", None)
        answer = await ask(upstream)
        assert model.state == "running"
        assert answer["model"] == NAME
        assert answer["choices"][0]["message"]["content"].strip()
        assert answer["usage"]["completion_tokens"] <= 8
        async with upstream.post(
            "chat/completions", body(stream=True), request_id="req_1"
        ) as streamed:
            data = b"".join([data async for data in streamed.chunks()])
        assert data.count(b"data: ") > 3
        assert data.rstrip().endswith(b"data: [DONE]")


async def test_a_schema_is_obeyed(weights: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Segovia", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    response_format = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    async with running(weights) as (_, upstream):
        answer = await ask(upstream, response_format=response_format, max_tokens=40)
    assert json.loads(answer["choices"][0]["message"]["content"])["city"] in ("Segovia", "Rome")


async def test_two_first_questions_start_one_process(weights: Path) -> None:
    async with running(weights) as (model, upstream):
        first = asyncio.create_task(ask(upstream))
        await ask(upstream)
        process_id = model.process_id
        await first
        assert model.process_id == process_id


async def test_only_its_own_key_opens_it_and_its_environment_has_no_secret(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    async with running(weights) as (model, upstream):
        await ask(upstream)
        address = f"{model._address}/v1/chat/completions"
        async with httpx.AsyncClient(trust_env=False) as stranger:
            refused = await stranger.post(address, content=body())
        assert refused.status_code == 401
        environment = Path(f"/proc/{model.process_id}/environ").read_bytes()  # noqa: ASYNC240
        command = Path(f"/proc/{model.process_id}/cmdline").read_bytes()  # noqa: ASYNC240
    assert b"sk-secret" not in environment
    assert model._key.get_secret_value().encode() not in environment + command


async def test_it_stops_when_idle_and_starts_again(weights: Path) -> None:
    async with running(weights, idle_seconds=0.1) as (model, upstream):
        await ask(upstream)
        process_id = model.process_id
        assert process_id
        await end_of(process_id)
        assert model.state == "stopped"
        await ask(upstream)
        assert model.process_id != process_id


async def test_it_is_not_idle_while_it_answers(weights: Path) -> None:
    async with running(weights, idle_seconds=0.01) as (model, upstream):
        async with upstream.post(
            "chat/completions", body(stream=True, max_tokens=60), request_id="req_1"
        ) as answer:
            data = b""
            async for piece in answer.chunks():
                assert model.state == "running"
                data += piece
        assert data.rstrip().endswith(b"data: [DONE]")


async def test_a_killed_process_is_replaced(weights: Path) -> None:
    async with running(weights) as (model, upstream):
        for _ in range(4):
            await ask(upstream)
            assert model.process_id
            os.kill(model.process_id, signal.SIGKILL)
            await end_of(model.process_id)


async def test_one_that_dies_while_it_answers_never_looks_whole(weights: Path) -> None:
    async with running(weights) as (model, upstream):
        with pytest.raises(AqueductError) as caught:  # noqa: PT012  # the failure is in the middle
            async with upstream.post(
                "chat/completions", body(stream=True, max_tokens=500), request_id="r"
            ) as answer:
                async for _ in answer.chunks():
                    if model.process_id:
                        os.kill(model.process_id, signal.SIGKILL)
        assert caught.value.code == "upstream_disconnected"
        assert await ask(upstream)


async def test_one_that_dies_under_a_request_is_replaced_for_it(tmp_path: Path) -> None:
    # The first child breaks the connection and is not dead yet, as after a SIGKILL.
    script = (
        "import json, os, pathlib, socket, struct, sys, time\n"
        "sys.stdin.readline()\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "address = f'http://127.0.0.1:{listener.getsockname()[1]}'\n"
        "print(json.dumps({'address': address}), flush=True)\n"
        "connection, _ = listener.accept()\n"
        "first = pathlib.Path(sys.argv[1])\n"
        "if not first.exists():\n"
        "    first.touch()\n"
        "    linger = struct.pack('ii', 1, 0)\n"
        "    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)\n"
        "    connection.close()\n"
        "    time.sleep(0.2)\n"
        "    os._exit(1)\n"
        "connection.recv(65536)\n"
        "head = b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n'\n"
        "connection.sendall(head + b'{}')\n"
        "sys.stdin.read()\n"
    )
    command = (sys.executable, "-c", script, str(tmp_path / "first"))
    async with running(tmp_path / "m.gguf", command=command) as (model, upstream):
        assert await ask(upstream) == {}
        assert model.state == "running"


async def test_a_cancelled_answer_frees_it(weights: Path) -> None:
    async with running(weights) as (_, upstream):
        for _ in range(6):
            async with upstream.post(
                "chat/completions", body(stream=True, max_tokens=4000), request_id="r"
            ) as answer:
                await anext(answer.chunks())
        async with asyncio.timeout(60):
            assert await ask(upstream)


async def test_one_that_keeps_dying_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A child that greets and ends: what the engine does on a machine that lacks memory.
    script = (
        "import json, sys\n"
        "sys.stdin.readline()\n"
        "print(json.dumps({'address': 'http://127.0.0.1:9'}), flush=True)\n"
    )
    command = (sys.executable, "-c", script)
    async with running(tmp_path / "m.gguf", command=command) as (model, upstream):
        for _ in range(3):
            error = await failure(upstream)
        assert model.state == "failing"
        assert "keeps crashing" in error.message
        assert error.retry_after == local_model.CRASH_PAUSE
        monkeypatch.setattr(local_model, "CRASH_PAUSE", 0.0)
        assert model.state == "stopped"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("raise SystemExit", "ended during startup"),
        (f"{READ}; print('not json')", "ended during startup"),
        ("import sys; sys.stdin.read()", "not ready after"),
        (f'{READ}; print(\'{{"error": "OSError: libgomp.so.1: cannot open"}}\')', "install it"),
        (f'{READ}; print(\'{{"error": "No module named xllamacpp"}}\')', "pip install"),
    ],
)
async def test_one_that_does_not_start_says_what_to_do(
    script: str, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if says == "not ready after":  # the others are given the time that a busy machine takes
        monkeypatch.setattr(engine, "START_TIMEOUT", 1.0)
    command = (sys.executable, "-c", script)
    async with running(tmp_path / "m.gguf", command=command) as (model, upstream):
        assert says in (await failure(upstream)).message
        assert model.process_id is None


async def test_what_it_said_last_is_in_the_log_and_the_error_as_one_harmless_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = (
        "import sys\n"
        "print('noise\\x1b[31m' * 100_000, file=sys.stderr)\n"
        "raise MemoryError('no room\u2028for\\x07 it')\n"
    )
    command = (sys.executable, "-c", script)
    async with running(tmp_path / "m.gguf", command=command) as (_, upstream):
        message = (await failure(upstream)).message
    assert "ended during startup: MemoryError: no room for it" in message
    (record,) = caplog.records
    said = record.getMessage()
    assert said.isprintable()
    assert said.endswith("MemoryError: no room for it")
    assert len(said) < 3000


async def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    async with running(tmp_path / "m.gguf", command=("/no/such/program",)) as (model, upstream):
        assert "did not start" in (await failure(upstream)).message
        assert model.state == "stopped"


async def test_weights_may_be_named_from_the_working_folder(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(weights.parent)
    async with running(Path(weights.name)) as (_, upstream):
        assert await ask(upstream)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_it_leaves_no_folder(weights: Path, temporary_folder: Path) -> None:
    async with running(weights) as (_, upstream):
        await ask(upstream)
        assert len(names_in(temporary_folder)) == 1
    assert names_in(temporary_folder) == []


async def test_weights_that_are_none_are_said(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"no weights")
    async with running(tmp_path / "m.gguf") as (_, upstream):
        error = await failure(upstream)
    assert isinstance(error, UpstreamUnavailableError | AqueductError)
    assert "local_model_path" in error.message


async def test_it_dies_with_its_parent_and_leaves_no_folder(
    weights: Path, temporary_folder: Path
) -> None:
    script = (
        "import asyncio, os, pathlib, sys\n"
        "from aqueduct_jupyter.gateway.configured_upstreams import local_upstream\n"
        "from aqueduct_jupyter.gateway.embedded.model import LocalModel\n"
        "async def main():\n"
        "    model = LocalModel(pathlib.Path(sys.argv[1]), 'm')\n"
        '    body = b\'{"messages": [{"role": "user", "content": "Hi"}], "stream": true}\'\n'
        "    upstream = local_upstream(model)\n"
        "    async with upstream.post('chat/completions', body, request_id='r') as answer:\n"
        "        print(model.process_id, flush=True)\n"
        "        os._exit(1)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(weights),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    await end_of(int(said))
    assert names_in(temporary_folder) == []
