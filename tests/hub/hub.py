"""A real JupyterHub for a moment: its proxy, its users' servers, all gone at the end.

How they are set up is left to ``jupyterhub_config.py``, what they are asked to the tests.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil

__all__ = ["Hub", "Server", "Service", "free_ports", "inherited", "running_hub"]

ROOT = Path(__file__).parents[2]
NODE = Path(sys.executable).parent / "node"
PROXY = ROOT / "build" / "hub-proxy" / "node_modules" / ".bin" / "configurable-http-proxy"
SETTINGS = Path(__file__).with_name("jupyterhub_config.py")
START_TIMEOUT = 90.0
"""Seconds in which the hub, or a user's server, must answer."""

STOP_TIMEOUT = 60.0
"""Seconds in which the hub must have stopped its servers, its proxy and itself."""

FIRST_PORT, LAST_PORT = 20_000, 32_000
"""Where free ports are looked for: below those that systems give to clients."""

PAUSE = 0.1
"""Seconds between two looks at what is waited for."""


@dataclass(frozen=True, slots=True)
class Server:
    """A user's server: its address in front of the proxy, the user's own token, its process."""

    user: str
    name: str
    url: str
    token: str
    pid: int

    def client(self, token: str | None = None) -> httpx.Client:
        """Make a client of this server, with the user's own token unless told another."""
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token or self.token}"},
            timeout=60,
            trust_env=False,
            verify=False,  # to load certificates, which nobody has, would take longest
        )


@dataclass(frozen=True, slots=True)
class Service:
    """What the hub knows of our service: the port that it is behind, and its token."""

    port: int
    token: str
    monitor_token: str


@dataclass(slots=True)
class Hub:
    """A hub that runs: its address, the client of its administrator, its log."""

    url: str
    admin: httpx.Client
    log: Path
    process: subprocess.Popen[bytes]
    service: Service
    internal_url: str = ""
    # Whatever it has started, so that nothing is left where the hub itself fails.
    _below: dict[int, psutil.Process] = field(default_factory=dict)

    def start(self, *servers: tuple[str, str]) -> list[Server]:
        """Start servers side by side, and wait until all of them answer.

        Args:
            servers: a user and the server's name for each; "" is the user's default server.

        Raises:
            RuntimeError: one did not; the message shows the end of the hub's log.
        """
        for user, name in servers:
            path = f"users/{user}/servers/{name}" if name else f"users/{user}/server"
            self.admin.post(path).raise_for_status()
        self._remember()
        for user, name in servers:
            self._wait(partial(self._is_ready, user, name), f"{user}'s server '{name}'")
        return [self._started(user, name) for user, name in servers]

    def last_activity(self, server: Server) -> datetime:
        """Say when a server last did something, as the hub's idle culler is told."""
        words = self._servers(server.user)[server.name]
        return datetime.fromisoformat(words["last_activity"])

    def wait_until_it_answers(self) -> None:
        """Wait for the hub behind its proxy.

        Raises:
            RuntimeError: it ended, or does not answer in time.
        """
        self._wait(self._answers, "the hub")
        self._remember()

    def stop(self) -> None:
        """Stop the hub, and what it left."""
        self._remember()
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # psutil knows by the time of its start whether a process is still the same.
        left = [process for process in self._below.values() if process.is_running()]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, STOP_TIMEOUT)

    def _started(self, user: str, name: str) -> Server:
        token = self.admin.post(f"users/{user}/tokens", json={"note": "tests"}).json()["token"]
        pid = self._servers(user)[name]["state"]["pid"]
        return Server(user, name, f"{self.url}/user/{user}/{name}".rstrip("/"), token, pid)

    def _servers(self, user: str) -> dict[str, Any]:
        answer = self.admin.get(f"users/{user}")
        answer.raise_for_status()
        return dict(answer.json()["servers"])

    def _is_ready(self, user: str, name: str) -> bool:
        server = self._servers(user).get(name)
        if server is None:
            raise RuntimeError(f"{user}'s server did not start. {self._last_words()}")
        return bool(server["ready"])

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"The hub ended. {self._last_words()}")
        try:
            return self.admin.get("").status_code == 200
        except httpx.TransportError:
            return False

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not is_so():
            if time.monotonic() > deadline:
                raise RuntimeError(f"Waited too long for {what}. {self._last_words()}")
            time.sleep(PAUSE)

    def _last_words(self) -> str:
        return f"The end of the hub's log:\n{self.log.read_text(errors='replace')[-6000:]}"

    def _remember(self) -> None:
        """Note the processes below the hub, as long as it can be asked for them."""
        if self.process.poll() is None:
            below = psutil.Process(self.process.pid).children(recursive=True)
            self._below.update({process.pid: process for process in below})


@contextmanager
def running_hub(
    folder: Path, *, upstream: str, key: str, settings: Path = SETTINGS
) -> Iterator[Hub]:
    """Run a hub with the users alice, bob, carol and dave, whose servers ask one upstream.

    Args:
        folder: where all that it writes goes.
        upstream: the upstream's base_url.
        key: the upstream's key, which only the administrator knows.
        settings: the hub's settings.

    Raises:
        RuntimeError: it did not start; the message shows the end of its log.
    """
    if not PROXY.is_file():
        raise RuntimeError(
            "The hub's proxy is not installed: run 'make build/hub-proxy/.installed'."
        )
    key_file = folder / "campus.key"
    key_file.write_text(f"{key}\n")
    key_file.chmod(0o600)
    token, log, ports = secrets.token_hex(16), folder / "hub.log", free_ports(4)
    service = Service(ports.pop(), secrets.token_hex(16), secrets.token_hex(16))
    for user in ("alice", "bob", "carol", "dave"):
        (folder / "home" / user).mkdir(parents=True)
    variables = {
        **inherited(),
        "HOME": str(folder / "home"),
        "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16),
        "HUB_FOLDER": str(folder),
        "HUB_PORTS": ",".join(map(str, ports)),
        "HUB_PROXY_COMMAND": os.pathsep.join(map(str, (NODE, PROXY))),
        "HUB_TOKEN": token,
        "SERVICE_URL": f"http://127.0.0.1:{service.port}",
        "SERVICE_TOKEN": service.token,
        "MONITOR_TOKEN": service.monitor_token,
        "CAMPUS_URL": upstream,
        "CAMPUS_KEY_FILE": str(key_file),
    }
    command = [sys.executable, "-m", "jupyterhub", "--config", str(settings)]
    url = f"http://127.0.0.1:{ports[0]}"
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        admin = stack.enter_context(
            httpx.Client(
                base_url=f"{url}/hub/api/",
                headers={"Authorization": f"Bearer {token}"},
                timeout=60,
                trust_env=False,
                verify=False,
            )
        )
        process = subprocess.Popen(
            command,
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        hub = Hub(url, admin, log, process, service, f"http://127.0.0.1:{ports[1]}/hub/api")
        stack.callback(hub.stop)
        hub.wait_until_it_answers()
        yield hub


def inherited() -> dict[str, str]:
    """Return this process's variables, without what would change a server's settings."""
    # What a notebook or another hub around these tests says must not reach this one.
    strange = ("JUPYTER", "OPENAI_", "AQUEDUCT_", "JPY_")
    return {name: value for name, value in os.environ.items() if not name.startswith(strange)}


def free_ports(count: int) -> list[int]:
    """Find ports on which nothing listens."""
    found: list[int] = []
    while len(found) < count:
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found
