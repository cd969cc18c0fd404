"""What stands between a client and the bench's upstream: ours, and what people use.

* *direct*: nothing.
* *nginx*: the limit, one worker in C, from Debian.
* *jupyter-server-proxy*: a Jupyter server that passes on what it is sent.
* *LiteLLM*: the proxy that many run for the same purpose.

The last two get environments of their own in ``build/``, made at their first use. Each is measured
as its processes' time in the operating system's own accounting.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from aqueduct_jupyter.command.throwaway import throwaway_server

from .load import Target

__all__ = ["GATEWAYS", "Cost", "Gateway", "ours"]

BUILD = Path(__file__).parents[2] / "build" / "bench"
START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What processes have used: seconds of CPU, and bytes of memory that are resident now."""

    cpu: float
    memory: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where it is asked, and its processes; none where there is nothing in between."""

    target: Target
    pid: int | None = None

    def cost(self) -> Cost:
        """Say what its processes have used since they began."""
        if self.pid is None:
            return Cost(0.0, 0)
        process = psutil.Process(self.pid)
        all_of_them = [process, *process.children(recursive=True)]
        times = [one.cpu_times() for one in all_of_them]
        # What has ended in between is in its parent's account of children.
        cpu = sum(sum(time[:4]) for time in times)
        return Cost(cpu, sum(one.memory_info().rss for one in all_of_them))


Start = Callable[[int], AbstractContextManager[Gateway]]


@contextmanager
def direct(port: int) -> Iterator[Gateway]:
    """Give the upstream itself."""
    yield Gateway(Target(f"http://127.0.0.1:{port}/v1/chat/completions"))


@contextmanager
def ours(port: int, *arguments: str, **more: int) -> Iterator[Gateway]:
    """Start a Jupyter server with the extension.

    Args:
        port: the upstream's.
        *arguments: more of the server's.
        **more: ports of more upstreams, by their names.
    """
    ports = {"bench": port, **more}
    # The bench's upstream answers every address as if it were chat's.
    apis = {"responses": "bridge", "messages": "bridge"}
    upstreams = {
        name: {"base_url": f"http://127.0.0.1:{own}/v1", "apis": apis}
        for name, own in ports.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        tuned = "--AqueductApp.tune_memory=True"  # as under load
        settings = [f"--AqueductApp.upstreams={upstreams}", tuned, *arguments]
        with throwaway_server(Path(folder), settings) as server:
            target = Target(f"{server.url}/v1/chat/completions", server.token, "bench/")
            yield Gateway(target, server.process.pid)


NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream bench {{ server 127.0.0.1:{upstream}; keepalive 1000; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location / {{
      proxy_pass http://bench; proxy_buffering off; proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""


@contextmanager
def nginx(port: int) -> Iterator[Gateway]:
    """Start Debian's nginx, which is installed where it is not there."""
    if shutil.which("nginx") is None:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "nginx-light"]
        subprocess.run(install, check=True)
    own = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "nginx.conf")
        settings.write_text(NGINX.format(folder=folder, port=own, upstream=port))
        command = ["nginx", "-c", str(settings), "-e", f"{folder}/error.log"]
        with _running(command, f"http://127.0.0.1:{own}/v1/models") as pid:
            yield Gateway(Target(f"http://127.0.0.1:{own}/v1/chat/completions"), pid)


@contextmanager
def jupyter_server_proxy(port: int) -> Iterator[Gateway]:
    """Start a Jupyter server with jupyter-server-proxy."""
    python = _environment("jupyter-server-proxy", "jupyter-server", "jupyter-server-proxy")
    own, token = _free_port(), "bench"
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(str(python), "-m", "jupyter_server", "--no-browser", "--allow-root"),
            *(f"--port={own}", f"--ServerApp.root_dir={folder}"),
        ]
        places = {f"JUPYTER_{word}_DIR": folder for word in ("DATA", "CONFIG", "RUNTIME")}
        variables = {**os.environ, **places, "JUPYTER_TOKEN": token}
        base = f"http://127.0.0.1:{own}"
        with _running(command, f"{base}/api", variables) as pid:
            # A JSON body and a token are all that it is sent by any of our clients.
            url = f"{base}/proxy/{port}/v1/chat/completions"
            yield Gateway(Target(url, token), pid)


LITELLM = """
model_list:
  - model_name: "*"
    litellm_params: {{model: "openai/*", api_base: "http://127.0.0.1:{port}/v1", api_key: "none"}}
litellm_settings: {{num_retries: 0, request_timeout: 600, telemetry: false}}
"""


@contextmanager
def litellm(port: int) -> Iterator[Gateway]:
    """Start LiteLLM's proxy with one worker and without a database."""
    python = _environment("litellm", "litellm[proxy]")
    own, token = _free_port(), f"sk-{secrets.token_hex(16)}"
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "config.yaml")
        settings.write_text(LITELLM.format(port=port))
        program = str(python.with_name("litellm"))
        command = [program, "--config", str(settings), "--port", str(own), "--host", "127.0.0.1"]
        quiet = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        variables = {**os.environ, **quiet, "LITELLM_MASTER_KEY": token}
        url = f"http://127.0.0.1:{own}"
        with _running(command, f"{url}/health/liveliness", variables) as pid:
            yield Gateway(Target(f"{url}/v1/chat/completions", token), pid)


GATEWAYS: dict[str, Start] = {
    "direct": direct,
    "nginx": nginx,
    "aqueduct-jupyter": ours,
    "jupyter-server-proxy": jupyter_server_proxy,
    "LiteLLM": litellm,
}


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _environment(name: str, *packages: str) -> Path:
    """Give the interpreter of an environment of its own that has some packages."""
    folder = BUILD / name
    python = folder / "bin" / "python"
    mark = folder / ".ready"
    if not mark.exists():
        print(f"installing {name} into build/bench/ ...", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", *packages], check=True, stderr=subprocess.DEVNULL)
        mark.touch()
    return python


@contextmanager
def _running(
    command: list[str], url: str, environment: dict[str, str] | None = None
) -> Iterator[int]:
    """Start a program, wait until an address of it answers, and end it."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(log.read().decode(errors="replace")[-2000:])
                time.sleep(0.2)
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code < 500
    except httpx.HTTPError:
        return False
