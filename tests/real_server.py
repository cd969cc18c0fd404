"""A real Jupyter server before a stand-in upstream, and what is asked of it.

It runs in a process of its own, so it can be killed, starved of its disk and restarted; what it
must have done is left to the tests.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from aqueduct_jupyter.command import throwaway
from aqueduct_jupyter.command.throwaway import ThrowawayServer

from .forked_servers import throwaway_server
from .standin import StandIn

__all__ = ["KEY", "RealServer", "campus", "real_server", "until"]

KEY = "sk-secret"
"""The upstream's key, which only the upstream may ever see."""

OTHERS = ("jupyterlab", "jupyter_lsp", "notebook", "notebook_shim", "jupyter_server_terminals")
"""Extensions that the tests' environment has and that would only make a start slower."""

PATIENCE = 20.0
"""Seconds after which something that had to happen is taken for one that never will."""


def campus(standin: StandIn, **more: Any) -> dict[str, Any]:
    """Settings of an upstream that is the stand-in."""
    return {"base_url": standin.url, "api_key": KEY, "retry_pause": 0.01, **more}


def until(is_so: Callable[[], Any], what: str) -> Any:
    """Wait until something is so, and give what was found."""
    deadline = time.monotonic() + PATIENCE
    while not (found := is_so()):
        assert time.monotonic() < deadline, f"it never was: {what}"
        time.sleep(0.01)
    return found


@dataclass
class RealServer:
    """A server that runs; ``data`` is its data folder."""

    process: ThrowawayServer
    data: Path
    http: httpx.Client

    def ask(self, model: str = "campus/real-name", **more: Any) -> httpx.Response:
        """Ask for a completion and read it to its end."""
        messages = [{"role": "user", "content": "Hi"}]
        body = {"model": model, "messages": messages, **more}
        return self.http.post("v1/chat/completions", json=body)

    def upload(self, data: bytes, filename: str = "a.bin") -> httpx.Response:
        """Upload a file."""
        files = {"file": (filename, data)}
        return self.http.post("v1/files", files=files, data={"purpose": "user_data"})

    @property
    def files(self) -> list[dict[str, Any]]:
        """The files that it lists."""
        return self._list("v1/files")

    @property
    def running(self) -> list[dict[str, Any]]:
        """The requests that run in it now."""
        return self._list("aqueduct/requests")

    @property
    def incoming(self) -> list[Path]:
        """Temporary files of uploads."""
        return list((self.data / "incoming").glob("*"))

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self.process.log.read_text(errors="replace")

    def row(self, response: httpx.Response) -> dict[str, Any]:
        """Wait for a request's row in the ledger, which is written after its answer."""
        request_id = response.headers["x-request-id"]
        found: dict[str, Any] = until(lambda: self._row(request_id), f"a row of {request_id}")
        return found

    def _ledger(self) -> Path:
        return self.data / "aqueduct.sqlite"

    def _row(self, request_id: str) -> dict[str, Any] | None:
        path = self._ledger()
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
            ledger.row_factory, row = sqlite3.Row, None
            select = "SELECT * FROM requests WHERE request_id = ?"
            with contextlib.suppress(sqlite3.OperationalError):  # its tables are being made
                row = ledger.execute(select, (request_id,)).fetchone()
        return dict(row) if row else None

    def _list(self, path: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.http.get(path).raise_for_status().json()["data"]
        return listed


@contextlib.contextmanager
def real_server(
    folder: Path,
    upstreams: dict[str, Any],
    *,
    data: Path | None = None,
    python: str = sys.executable,
    **settings: Any,
) -> Iterator[RealServer]:
    """Start a server; at its end nothing in its log may be a surprise or a key.

    Args:
        folder: where all that it writes goes; made where it is missing.
        upstreams: the settings of its upstreams.
        data: its data folder; by default inside the folder.
        python: what runs it; what is not this interpreter may be a script, and is started anew.
        **settings: more of ``c.AqueductApp``.
    """
    data = data or folder / "data" / "aqueduct"
    configuration = folder / "config" / "jupyter_server_config.json"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    app = {"upstreams": upstreams, "data_folder": str(data), **settings}
    host = {"jpserver_extensions": dict.fromkeys(OTHERS, False)}
    configuration.write_text(json.dumps({"AqueductApp": app, "ServerApp": host}))
    start = throwaway_server if python == sys.executable else throwaway.throwaway_server
    with start(folder, python=python) as process:
        headers = {"Authorization": f"Bearer {process.token}"}
        with httpx.Client(
            base_url=process.url, headers=headers, timeout=60, trust_env=False
        ) as http:
            yield RealServer(process, data, http)
    log = process.log.read_text(errors="replace")
    assert "Traceback" not in log, log
    assert "Cannot send error response" not in log, log
    assert KEY not in log
