"""``jupyter aqueduct agent`` with fakes of agents: what they are given, and what stays behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from aqueduct_jupyter.command.running import _is_same
from aqueduct_jupyter.command.throwaway import ThrowawayServer

from ..forked_servers import throwaway_server
from ..real_server import until
from ..standin import StandIn
from .agents import put_agents, recorded
from .test_commands import Terminal

JUPYTER = str(Path(sys.executable).with_name("jupyter"))
SECRETS = {"CAMPUS_KEY": "sk-campus-secret", "AQUEDUCT_TOKEN": "sk-aqueduct-secret"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThrowawayServer]:
    folder = tmp_path_factory.mktemp("server")
    with StandIn() as standin:
        upstreams = {"campus": {"base_url": standin.url, "api_key_env": "CAMPUS_KEY"}}
        arguments = [
            *(f"--AqueductApp.upstreams={upstreams}", "--ServerApp.base_url=/user/a%40b/"),
            "--AqueductApp.default_model=campus/real-name",
        ]
        variables = {**SECRETS, "AQUEDUCT_BASE_URL": standin.url, "SHELL": "/bin/sh"}
        with throwaway_server(folder, arguments, variables) as server:
            yield server


class AgentTerminal(Terminal):
    """A terminal with fake agents on PATH, which knows the server."""

    def __init__(self, folder: Path, server: ThrowawayServer) -> None:
        super().__init__(folder)
        self.server = server
        self.fakes = folder / "fakes"
        self.fakes.mkdir()
        self.record = put_agents(self.fakes)
        self.own["PATH"] = f"{self.fakes}{os.pathsep}{os.environ['PATH']}"
        headers = {"Authorization": f"Bearer {server.token}"}
        self.http = httpx.Client(base_url=server.url, headers=headers, trust_env=False)

    def agent(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        found = ("--url", self.server.url, "--token", self.server.token)
        return self.type("agent", words[0], *found, *words[1:], **environment)

    def begin(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Begin an agent, in a process group of its own as a terminal's foreground has one."""
        found = ("--url", self.server.url, "--token", self.server.token)
        return subprocess.Popen(
            [JUPYTER, "aqueduct", "agent", words[0], *found, *words[1:]],
            env={**os.environ, **self.own, **environment},
            cwd=self.folder,
            start_new_session=True,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def keys(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.http.get("/aqueduct/keys").json()["data"]
        return listed

    def status_with(self, key: str) -> int:
        headers = {"Authorization": f"Bearer {key}"}
        return self.http.get("/v1/models", headers=headers).status_code


@pytest.fixture
def terminal(tmp_path: Path, server: ThrowawayServer) -> Iterator[AgentTerminal]:
    terminal = AgentTerminal(tmp_path, server)
    yield terminal
    terminal.http.close()


def root(server: ThrowawayServer) -> str:
    return server.url.rstrip("/")


class TestStart:
    @pytest.mark.parametrize("program", ["codex", "claude", "opencode"])
    def test_an_agent_asks_with_a_key_that_ends_with_it(
        self, terminal: AgentTerminal, program: str
    ) -> None:
        done = terminal.agent(program, "--", "exec", "--model", "own", "say hi")
        assert done.returncode == 7, done.stderr
        found = recorded(terminal.record)
        assert found["status"] == 200
        assert found["words"][-4:] == ["exec", "--model", "own", "say hi"]
        key = found["environment"]["AQUEDUCT_API_KEY"]
        assert key.startswith(f"aqa.{program}-")
        assert key not in str(found["words"]) + done.stdout + done.stderr
        assert terminal.status_with(key) == 401
        assert terminal.keys == []
        usage = terminal.http.get("/aqueduct/usage").json()["by_kernel"]
        assert f"agent:{key.split('.')[1]}" in [row["kernel"] for row in usage]

    def test_codex_gets_a_provider_by_arguments(self, terminal: AgentTerminal) -> None:
        terminal.agent("codex", "--model", "campus/real-name")
        words = recorded(terminal.record)["words"][1:]
        assert set(words[::2]) == {"-c"}
        # This is how Codex reads them.
        settings = tomllib.loads("\n".join(words[1::2]))
        assert settings == {
            "model_provider": "aqueduct",
            "model": "campus/real-name",
            "model_providers": {
                "aqueduct": {
                    "name": "Aqueduct",
                    "base_url": f"{root(terminal.server)}/v1",
                    "env_key": "AQUEDUCT_API_KEY",
                    "wire_api": "responses",
                }
            },
        }

    def test_claude_gets_variables_and_no_other_services_key(self, terminal: AgentTerminal) -> None:
        others = {"ANTHROPIC_API_KEY": "sk-ant-own", "CLAUDE_CODE_USE_BEDROCK": "1"}
        terminal.agent("claude", **others)
        environment = recorded(terminal.record)["environment"]
        assert environment["ANTHROPIC_BASE_URL"] == root(terminal.server)
        assert environment["ANTHROPIC_AUTH_TOKEN"] == environment["AQUEDUCT_API_KEY"]
        assert environment["ANTHROPIC_MODEL"] == "campus/real-name"
        assert environment["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == "campus/real-name"
        assert not others.keys() & environment.keys()

    def test_opencode_gets_a_whole_configuration(self, terminal: AgentTerminal) -> None:
        terminal.agent("opencode")
        environment = recorded(terminal.record)["environment"]
        config = json.loads(environment["OPENCODE_CONFIG_CONTENT"])
        assert config["model"] == "aqueduct/campus/real-name"
        provider = config["provider"]["aqueduct"]
        assert provider["options"] == {
            "baseURL": f"{root(terminal.server)}/v1",
            "apiKey": environment["AQUEDUCT_API_KEY"],
        }
        assert list(provider["models"]) == ["campus/real-name", "aqueduct/real-name"]

    def test_no_token_of_the_server_reaches_an_agent(self, terminal: AgentTerminal) -> None:
        token = terminal.server.token
        terminal.agent("codex", JUPYTER_TOKEN=token, JUPYTERHUB_API_TOKEN=token)
        assert token not in str(recorded(terminal.record))

    def test_a_cap_holds(self, terminal: AgentTerminal) -> None:
        running = terminal.begin("codex", "--max-tokens", "5", FAKE_ENDS_AT="SIGINT")
        key = recorded(terminal.record)["environment"]["AQUEDUCT_API_KEY"]
        (listed,) = terminal.keys
        assert (listed["max_tokens"], listed["tokens"]) == (5, 5)
        messages = [{"role": "user", "content": "Hi"}]
        body = {"model": "campus/real-name", "messages": messages}
        headers = {"Authorization": f"Bearer {key}"}
        refused = terminal.http.post("/v1/chat/completions", json=body, headers=headers)
        assert refused.status_code == 429
        os.killpg(running.pid, signal.SIGINT)
        running.communicate(timeout=60)


class TestEnd:
    def test_at_ctrl_c_the_agent_decides_and_the_key_is_revoked(
        self, terminal: AgentTerminal
    ) -> None:
        running = terminal.begin("codex", FAKE_ENDS_AT="SIGINT")
        key = recorded(terminal.record)["environment"]["AQUEDUCT_API_KEY"]
        assert terminal.status_with(key) == 200
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=60)
        assert (running.returncode, said) == (3, "")
        assert terminal.status_with(key) == 401

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_is_passed_on(self, terminal: AgentTerminal, number: signal.Signals) -> None:
        running = terminal.begin("claude", FAKE_ENDS_AT=number.name)
        key = recorded(terminal.record)["environment"]["AQUEDUCT_API_KEY"]
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
        assert (running.returncode, said) == (128 + number, "")
        assert terminal.status_with(key) == 401

    def test_a_key_that_is_gone_already_is_no_fault(self, terminal: AgentTerminal) -> None:
        running = terminal.begin("codex", FAKE_ENDS_AT="SIGINT")
        recorded(terminal.record)
        (key,) = terminal.keys
        terminal.http.delete(f"/aqueduct/keys/{key['id']}")
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=60)
        assert (running.returncode, said) == (3, "")

    def test_a_program_that_cannot_run_leaves_no_key(self, terminal: AgentTerminal) -> None:
        (terminal.fakes / "codex").write_text("#!/no/such/interpreter\n")
        done = terminal.agent("codex")
        assert done.returncode == 1
        assert "could not be started" in done.stderr
        assert terminal.keys == []


class TestPrint:
    def test_the_printed_lines_work_in_a_shell(self, terminal: AgentTerminal) -> None:
        done = terminal.agent("env")
        assert done.returncode == 0, done.stderr
        assert "valid until 20" in done.stderr
        assert "curl -X DELETE" in done.stderr
        names = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN")
        show = f"{done.stdout}\nprintf '%s\\n' {' '.join(f'${name}' for name in names)}"
        shown = subprocess.run(["sh", "-c", show], capture_output=True, text=True, check=True)
        base_url, key, anthropic, token = shown.stdout.split()
        assert (base_url, anthropic) == (f"{root(terminal.server)}/v1", root(terminal.server))
        assert key == token
        assert terminal.status_with(key) == 200
        (listed,) = terminal.keys
        terminal.http.delete(f"/aqueduct/keys/{listed['id']}")

    def test_a_printed_command_has_no_key_in_it(self, terminal: AgentTerminal) -> None:
        (terminal.fakes / "codex").unlink()
        done = terminal.agent("codex", "--print", "--", "exec", "say hi")
        *exports, command = done.stdout.splitlines()
        assert command.startswith("codex -c 'model_provider=")
        assert command.endswith(" exec 'say hi'")
        assert "aqa." not in command
        assert any(line.startswith("export AQUEDUCT_API_KEY=aqa.codex-") for line in exports)
        (listed,) = terminal.keys
        terminal.http.delete(f"/aqueduct/keys/{listed['id']}")


class TestRefusals:
    def test_a_program_that_is_not_installed_is_said_before_a_key_is_made(
        self, terminal: AgentTerminal
    ) -> None:
        (terminal.fakes / "codex").unlink()
        done = terminal.agent("codex", PATH=str(terminal.fakes))
        assert done.returncode == 1
        assert "There is no program 'codex' on PATH. Install it" in done.stderr
        assert terminal.keys == []

    def test_a_terminal_whose_server_is_unknown_is_told_to_pass_the_token(
        self, terminal: AgentTerminal
    ) -> None:
        found = {"AQUEDUCT_BASE_URL": terminal.server.url, "AQUEDUCT_API_KEY": "aqk.server.x"}
        done = terminal.type("agent", "codex", **found)
        assert done.returncode == 1
        assert "was not found. Pass it with --token." in done.stderr

    @pytest.mark.parametrize(
        ("words", "says"),
        [(("--max-tokens", "0"), "max_tokens"), (("--token", "wrong"), "not valid")],
    )
    def test_what_the_server_refuses_is_said(
        self, terminal: AgentTerminal, words: tuple[str, str], says: str
    ) -> None:
        done = terminal.agent("codex", *words)
        assert done.returncode == 1
        assert says in done.stderr
        assert not terminal.record.exists()

    def test_without_a_default_model_one_must_be_chosen(self, tmp_path: Path) -> None:
        with StandIn(["one", "two"]) as standin:
            upstreams = {"campus": {"base_url": standin.url}}
            arguments = [f"--AqueductApp.upstreams={upstreams}"]
            with throwaway_server(tmp_path, arguments) as server:
                terminal = AgentTerminal(tmp_path, server)
                done = terminal.agent("codex")
                keys = terminal.keys
        assert done.returncode == 1
        assert "Choose one with --model. Its models: one, two." in done.stderr
        assert keys == []


def test_a_jupyter_terminal_needs_no_address_and_has_no_key_of_an_upstream(
    terminal: AgentTerminal, tmp_path: Path
) -> None:
    server, variables = terminal.server, tmp_path / "variables"
    command = f"{sys.executable} -P -m aqueduct_jupyter.command agent codex"
    typed = f"env > {variables}; cd {tmp_path}; PATH={terminal.fakes}:$PATH {command}; exit\r"
    name = terminal.http.post("/api/terminals").raise_for_status().json()["name"]
    asyncio.run(type_into(server, name, typed))
    assert recorded(terminal.record)["status"] == 200
    until(lambda: terminal.keys == [], "the key is revoked")
    seen = variables.read_text()
    assert "AQUEDUCT_API_KEY=aqk.server." in seen
    for secret in (*SECRETS, *SECRETS.values()):
        assert secret not in seen
        assert secret not in str(recorded(terminal.record))


async def type_into(server: ThrowawayServer, name: str, line: str) -> None:
    """Type a line into a Jupyter terminal, and wait until its shell has ended."""
    url = f"{server.url.replace('http', 'ws', 1)}/terminals/websocket/{name}"
    request = HTTPRequest(url, headers={"Authorization": f"Bearer {server.token}"})
    async with asyncio.timeout(60):
        connection = await websocket_connect(request)
        await connection.write_message(json.dumps(["stdin", line]))
        while (said := await connection.read_message()) is not None:
            if json.loads(said)[0] == "disconnect":
                break
        connection.close()


@pytest.mark.parametrize(
    ("url", "is_same"),
    [
        ("http://127.0.0.1:8888/user/a", True),
        ("http://127.0.0.1:8888/user/a/v1", True),
        ("http://[::1]:8888/user/a/", True),
        ("http://localhost:8889/user/a/", False),
        ("http://localhost:8888/user/b/", False),
        ("http://elsewhere.example:8888/user/a/", False),
    ],
)
def test_a_token_goes_only_to_the_server_that_it_is_of(url: str, is_same: bool) -> None:
    assert _is_same("http://localhost:8888/user/a/", url) is is_same
