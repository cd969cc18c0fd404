"""Our service behind a hub: replicas of it, each a process, and a small balancer before them."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import httpx

from aqueduct_jupyter.gateway.children.commands import module_command

from ..forked_servers import ForkedProcess
from .hub import Hub, Service, free_ports, inherited

__all__ = [
    "PREFIX",
    "QUESTION",
    "Balancer",
    "KnowsService",
    "Popen",
    "Replica",
    "RunningService",
    "error_of",
    "eventually",
    "forked_replica",
    "running_service",
    "token_of",
]

START_TIMEOUT = 60.0
"""Seconds in which a replica must answer."""

STOP_TIMEOUT = 30.0
"""Seconds in which a replica must have ended after SIGTERM."""

PREFIX = "/services/aqueduct/"

Popen = Callable[..., subprocess.Popen[bytes]]

DEADLINE = 60.0
QUESTION: dict[str, Any] = {
    "model": "real-name",
    "messages": [{"role": "user", "content": "Hi"}],
}


forked_replica = partial(
    ForkedProcess,
    modules=(
        "aqueduct_jupyter.server.hub.app",
        "aqueduct_jupyter.gateway.network.transport",
        "aqueduct_jupyter.gateway.stores.blobs",
        "aqueduct_jupyter.gateway.stores.sql.upgrade",
        "obstore.store",
        "psycopg",
    ),
)
"""A process of the service that need not import what each of them does."""


@dataclass
class Replica:
    """One process of the service."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Its own address, past the balancer and the hub's proxy."""
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    def wait_until_ready(self) -> None:
        """Wait until it takes requests."""
        deadline = time.monotonic() + START_TIMEOUT
        with httpx.Client(verify=False, trust_env=False) as http:
            while True:
                with suppress(httpx.TransportError):
                    if http.get(f"http://127.0.0.1:{self.port}/health/ready").status_code == 200:
                        return
                words = self.log.read_text(errors="replace")[-3000:]
                assert self.process.poll() is None, f"The service ended:\n{words}"
                assert time.monotonic() < deadline, f"The service does not answer:\n{words}"
                time.sleep(0.05)

    def kill(self) -> None:
        """End it as a machine's failure would."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        """Ask it to end."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it, and wait for it."""
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()


class Balancer:
    """Gives each connection to the next replica that accepts it; it knows nothing of HTTP.

    Args:
        port: where it listens.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.ports: list[int] = []
        self._connections: dict[asyncio.StreamWriter, int] = {}
        self._turns = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(10)

    def use(self, *ports: int) -> None:
        """Give connections to these replicas only, and end those to others, which clients keep."""
        self.ports = [*ports]

        def end() -> None:
            for writer, port in self._connections.items():
                if port not in ports:
                    writer.close()

        self._loop.call_soon_threadsafe(end)

    def close(self) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        async def serve() -> None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self._started.set()

        self._loop.run_until_complete(serve())
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        turn, ports = next(self._turns), [*self.ports]
        for offset in range(len(ports)):
            port = ports[(turn + offset) % len(ports)]
            try:
                inner = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            self._connections[writer] = port
            await asyncio.gather(_copy(reader, inner[1]), _copy(inner[0], writer))
            del self._connections[writer]
            return
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    writer.close()


class KnowsService(Protocol):
    """What the service needs to know of its hub."""

    url: str
    internal_url: str
    service: Service


@dataclass
class RunningService:
    """The service of a hub: its replicas, and what they share."""

    hub: KnowsService
    folder: Path
    settings: Path
    environment: Mapping[str, str]
    balancer: Balancer
    popen: Popen
    replicas: list[Replica] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The service's address behind the hub's proxy."""
        return f"{self.hub.url}{PREFIX}"

    def start(self) -> Replica:
        """Start one more replica."""
        (port,) = free_ports(1)
        log = self.folder / f"replica-{len(self.replicas)}-{port}.log"
        command = [
            *module_command("aqueduct_jupyter.command", "hub"),
            *("--config", str(self.settings)),
            f"--AqueductHub.bind_url=http://127.0.0.1:{port}",
            f"--AqueductHub.data_folder={self.folder / str(port)}",
        ]
        with log.open("wb") as output:
            process = self.popen(
                command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        replica = Replica(port, log, process)
        self.replicas.append(replica)
        return replica

    def use(self, *replicas: Replica) -> None:
        """Let the balancer give connections to these replicas, and wait until they are ready."""
        for replica in replicas:
            replica.wait_until_ready()
        self.balancer.use(*(replica.port for replica in replicas))

    def client(self, token: str, url: str | None = None) -> httpx.Client:
        """Make a client of the service behind the hub's proxy, or of another address."""
        return httpx.Client(
            base_url=url or self.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
            verify=False,
        )


@contextmanager
def running_service(
    hub: KnowsService,
    folder: Path,
    settings: str,
    environment: Mapping[str, str],
    *,
    replicas: int,
    popen: Popen = subprocess.Popen,
) -> Iterator[RunningService]:
    """Run replicas of the service behind a hub.

    Args:
        hub: the hub.
        folder: where all that they write goes.
        settings: the text of their settings' file.
        environment: variables besides those by which they find the hub.
        replicas: how many.
        popen: what starts a process.
    """
    file = folder / "aqueduct_hub_config.py"
    file.write_text(settings)
    variables = {
        **inherited(),
        "JUPYTERHUB_API_URL": hub.internal_url,
        "JUPYTERHUB_API_TOKEN": hub.service.token,
        "JUPYTERHUB_SERVICE_NAME": "aqueduct",
        "JUPYTERHUB_CLIENT_ID": "service-aqueduct",
        **environment,
    }
    with ExitStack() as stack:
        balancer = Balancer(hub.service.port)
        stack.callback(balancer.close)
        service = RunningService(hub, folder, file, variables, balancer, popen)
        stack.callback(lambda: [replica.stop() for replica in service.replicas])
        service.use(*[service.start() for _ in range(replicas)])
        yield service


def token_of(hub: Hub, user: str) -> str:
    """Make a token of a user."""
    return str(hub.admin.post(f"users/{user}/tokens", json={"note": "tests"}).json()["token"])


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Give the status and the code of an error."""
    return answer.status_code, answer.json()["error"]["code"]


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
