"""Client libraries as processes: how each is started, and what must have reached the upstream.

``make test-clients`` installs each into a folder of its own below ``build/clients``, with the
versions in ``versions.txt``. Which tests run them is left to the test modules.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aqueduct_jupyter.gateway.children.commands import module_command
from aqueduct_jupyter.gateway.children.programs import serving

from ..forked_servers import ForkedProcess
from ..gateway.documents import samples
from ..real_server import RealServer, campus, real_server
from ..standin import Received
from .scripted import CALL_ID, PATHS, QUESTIONS, WEATHER, ScriptedUpstream

__all__ = ["INSTALLED", "NODE_BINARY", "ROOT", "Bench", "Client", "Upstream", "bench"]

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / "build" / "clients"

NODE = "node"
"""The folder of all libraries for Node."""

NODE_BINARY = Path(sys.prefix, "bin", "node")

PATIENCE = 90
"""Seconds within which a program must be through."""

DEMO = ("plain", "streamed")
"""What a demo model can answer sensibly."""

IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
    "rkJggg=="
)
"""A PNG file of one pixel."""


@dataclass(frozen=True)
class Upstream:
    """One upstream behind the server: ``standin`` plays it, or it is built in."""

    model: str
    standin: ScriptedUpstream | None = None


@dataclass(frozen=True)
class Program:
    """A library's program: its command, the environment for it, and what starts it."""

    command: tuple[str, ...]
    variables: dict[str, str]
    popen: Callable[..., subprocess.Popen[bytes]]

    def run(self, task: dict[str, Any], folder: Path) -> str:
        """Let it do a task in a folder, which is its home, too, and give what it printed."""
        command, log = (*self.command, json.dumps(task)), folder / "program.log"
        variables = {**self.variables, "HOME": str(folder)}
        with serving(command, folder, variables, log, popen=self.popen) as process:
            process.wait(PATIENCE)
        return log.read_text()


@dataclass(frozen=True)
class Client:
    """One library and the API that it is told to use.

    Args:
        name: its program.
        api: the API that it uses.
        lacks: scenarios that it cannot do.
        more: scenarios that only it has; nothing is asserted of them at the upstream.
        folder: where it is installed below ``build/clients``; ``None``: beside this project.
        keeps_call_ids: whether it names a call by the model's id for it, and not by its item's.
        has_threads: whether its import starts threads, which would be missing in a fork.
    """

    name: str
    api: str
    lacks: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    folder: str | None = None
    keeps_call_ids: bool = True
    has_threads: bool = False

    @property
    def id(self) -> str:
        return f"{self.name}, {self.api}"

    def program(self) -> Program:
        """Give what starts its program."""
        folder = INSTALLED / self.folder if self.folder else None
        assert folder is None or (folder / ".installed").exists(), "'make test-clients' installs it"
        if folder and self.folder == NODE:
            # A module finds packages only from where it is.
            for program in (ROOT / "tests" / "clients" / NODE).glob("*.js"):
                shutil.copy(program, folder)
            command = (str(NODE_BINARY), str(folder / f"{self.name}.js"))
            return Program(command, {**os.environ}, subprocess.Popen)
        paths = [str(folder)] if folder else []
        name = f"tests.clients.programs.{self.name.replace('-', '_')}"
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, str(ROOT)])}
        # Most of what a program does is to import its library.
        forked = partial(ForkedProcess, modules=(name,))
        return Program(
            module_command(name), variables, subprocess.Popen if self.has_threads else forked
        )


@dataclass(frozen=True)
class Bench:
    """A running server and what is behind it."""

    server: RealServer
    upstreams: dict[str, Upstream]
    file_id: str
    folder: Path

    def run(self, client: Client, upstream: str) -> None:
        """Let a program do all that it can, and check both of its sides."""
        behind = self.upstreams[upstream]
        if behind.standin:
            behind.standin.received.clear()
        scenarios = [name for name in (*QUESTIONS, *client.more) if name not in client.lacks]
        if behind.standin is None:
            scenarios = [name for name in scenarios if name in DEMO]
        failed = self._ask(client, behind.model, scenarios)
        assert not failed, "\n".join(f"{name}: {error}" for name, error in failed.items())
        if behind.standin:
            for scenario in scenarios:
                if scenario in QUESTIONS:
                    _check(client, scenario, behind.standin)

    def _ask(self, client: Client, model: str, scenarios: list[str]) -> dict[str, str]:
        task = {
            "address": f"{self.server.process.url}/v1",
            "key": self.server.process.token,
            "model": model,
            "api": client.api,
            "scenarios": scenarios,
            "questions": QUESTIONS,
            "weather": WEATHER,
            "image": IMAGE,
            "pdf": base64.b64encode(samples.pdf("inline words")).decode(),
            "file_id": self.file_id,
        }
        printed = client.program().run(task, self.folder)
        lines = [line for line in printed.splitlines() if line.startswith('{"scenario"')]
        told = {line["scenario"]: line["error"] for line in map(json.loads, lines)}
        assert [*told] == scenarios, printed[-6000:]
        return {name: error for name, error in told.items() if error}


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """Start a server before an upstream that has every API, one with chat only, and the demo's."""
    with ScriptedUpstream() as native, ScriptedUpstream() as chat:
        chat.absent |= {PATHS["responses"], PATHS["messages"]}
        chat.absent |= {f"{PATHS['responses']}/input_tokens", f"{PATHS['messages']}/count_tokens"}
        upstreams = {
            "native": {**campus(native), "models": ["real-name"]},
            "chat": {**campus(chat), "models": ["real-name"]},
        }
        with real_server(folder, upstreams) as server:
            file_id = server.upload(samples.pdf("uploaded words"), "uploaded.pdf").json()["id"]
            behind = {
                "native": Upstream("native/real-name", native),
                "chat only": Upstream("chat/real-name", chat),
                "demo": Upstream("demo/echo"),
            }
            yield Bench(server, behind, file_id, folder)


def _check(client: Client, scenario: str, standin: ScriptedUpstream) -> None:
    """Check what reached the upstream in a scenario, and in which API."""
    is_bridged = PATHS[client.api] in standin.absent
    path = PATHS["chat" if is_bridged else client.api]
    found = [
        request
        for request in standin.received
        if request.path not in standin.absent and _belongs_to(scenario, request)
    ]
    where = f"{scenario}: {[(request.path, request.json) for request in found]}"
    assert {request.path for request in found} <= {path}, where
    assert len(found) == _count(client, scenario, is_bridged), where
    if found:
        assert _is_right(client, scenario, found), where


def _belongs_to(scenario: str, request: Received) -> bool:
    # An upstream that keeps what was said gets only a result, without the question.
    is_continued = request.method == "POST" and request.json.get("previous_response_id")
    asks = QUESTIONS[scenario] in request.body.decode()
    return asks or bool(scenario == "tool" and is_continued)


def _count(client: Client, scenario: str, is_bridged: bool) -> int:
    if scenario in ("tool", "streamed_tool"):
        return 2
    return 0 if scenario == "error" else 1


def _is_right(client: Client, scenario: str, found: list[Received]) -> Any:
    body = found[-1].body.decode()
    if scenario in ("tool", "streamed_tool"):
        return WEATHER in body and (CALL_ID in body or not client.keeps_call_ids)
    if scenario in ("file", "file_id"):
        words = "inline words" if scenario == "file" else "uploaded words"
        return words in body and "base64" not in body
    return {
        "plain": lambda: found[0].json["model"] == "real-name",
        "streamed": lambda: found[0].json["stream"],
        "schema": lambda: '"greeting"' in body,
        "image": lambda: IMAGE in body,
        "cancel": lambda: found[0].client_left.wait(5),
    }[scenario]()
