"""``jupyter aqueduct doctor``: checks everything that can go wrong, and says how to fix it.

It changes nothing. Finding the server is in :mod:`.running`.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from jupyter_core.paths import jupyter_config_path
from jupyter_server.extension.config import ExtensionConfigManager

from ..gateway.embedded.engine import is_engine_installed
from ..gateway.embedded.weights import WEIGHTS_BYTES, weights_path
from ..kernel.client import Client
from ..protocol.errors import AqueductError, AuthenticationError, NotFoundError
from .running import data_folder, find_server

__all__ = ["doctor"]

PROBE_MODEL = "demo/slow"
"""The scripted model that sends a chunk every half second."""

PROBE_CHUNKS = 4
LEAST_PROBE_SECONDS = 0.75
"""Chunks that arrive one by one take twice as long; buffered chunks arrive all at once."""

LEAST_FREE_BYTES = 2**30

READERS = {
    "landlock": ("Landlock", "Linux 5.13 or newer with 'landlock' among its security modules"),
    "seccomp": ("seccomp", "Linux 4.14 or newer on x86_64 or aarch64"),
    "memory_limit": ("a memory limit", "Linux"),
}
"""What can confine the document readers: the key in the status, a name, and what it needs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check; ``fix`` is empty if all is well."""

    subject: str
    found: str
    fix: str = ""


def doctor(url: str | None, token: str | None) -> int:
    """Check everything and print the findings.

    Args:
        url: the server, or None to find it.
        token: its token, or None.

    Returns:
        0, or 1 if something needs fixing.
    """
    faults = 0
    for finding in _findings(url, token):
        faults += bool(finding.fix)
        print(f"{'FAIL' if finding.fix else ' ok '}  {finding.subject}: {finding.found}")
        if finding.fix:
            print(f"      fix: {finding.fix}")
    print(f"{faults} to fix." if faults else "All is well.")
    return int(bool(faults))


def _findings(url: str | None, token: str | None) -> Iterator[Finding]:
    for subject, check in (
        ("extension", _extension),
        ("CA bundle", _authorities),
        ("data folder", _data_folder),
        ("embedded model", _embedded_model),
    ):
        yield from _checked(subject, partial(_one, check))
    clients = list[Client]()

    def find() -> Iterator[Finding]:
        try:
            clients.append(find_server(url, token))
        except AqueductError as error:
            yield Finding("server", "not found", error.message)

    yield from _checked("server", find)
    for client in clients:
        with client:
            yield from _checked("proxy", partial(_one, partial(_proxy, client)))
            yield from _checked("server", partial(_server, client))


def _one(check: Callable[[], Finding]) -> Iterator[Finding]:
    yield check()


def _checked(subject: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a check; one that fails itself is a finding, and the others go on."""
    try:
        yield from check()
    except AqueductError as error:
        yield Finding(subject, "cannot be used", error.message)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        what = f"{error.strerror or error}{where}"
        yield Finding(subject, what, "Give this user the right to read and write it.")
    except Exception as error:
        yield Finding(subject, f"the check failed: {error!r}", "Report this with the whole output.")


def _extension() -> Finding:
    manager = ExtensionConfigManager(read_config_path=jupyter_config_path())
    enabled = manager.get_jpserver_extensions()  # type: ignore[no-untyped-call]  # jupyter_server
    if enabled.get("aqueduct_jupyter"):
        return Finding("extension", "enabled")
    fix = "jupyter server extension enable aqueduct_jupyter"
    return Finding("extension", "not enabled in this environment's Jupyter configuration", fix)


def _proxy(client: Client) -> Finding:
    scheme, host = urlsplit(client.base_url).scheme, urlsplit(client.base_url).hostname or ""
    proxy = getproxies().get(scheme)
    if not proxy or proxy_bypass(host):
        return Finding("proxy", f"none between a kernel and {host}")
    return Finding(
        "proxy",
        f"{scheme.upper()}_PROXY sends requests for this server to a proxy",
        f"Set NO_PROXY={host} (and other local hosts) in the environment that starts Jupyter.",
    )


def _authorities() -> Finding:
    chosen = [
        (name, os.environ[name])
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")
        if os.environ.get(name)
    ]
    missing = [f"{name}={path}" for name, path in chosen if not Path(path).exists()]
    if missing:
        return Finding("CA bundle", f"{', '.join(missing)} does not exist", "Correct or unset it.")
    return Finding("CA bundle", chosen[0][1] if chosen else "the default one")


def _data_folder() -> Finding:
    folder = data_folder()
    if not folder.exists():
        return Finding("data folder", f"{folder} will be created at the first start")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding("data folder", f"{folder} is not writable", f"chown or chmod {folder}")
    if os.name == "posix" and mode & 0o077:
        return Finding("data folder", f"{folder} is accessible to others", f"chmod 700 {folder}")
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        return Finding("data folder", f"only {free // 2**20} MB are free", "Free some disk space.")
    return Finding("data folder", str(folder))


def _embedded_model() -> Finding:
    path = weights_path(data_folder())
    if not path.is_file():
        return Finding("embedded model", "not installed; 'jupyter aqueduct pull' downloads it")
    if path.stat().st_size != WEIGHTS_BYTES:
        return Finding("embedded model", "its weights are damaged", "jupyter aqueduct pull")
    if not is_engine_installed():
        fix = "pip install 'aqueduct-jupyter[local]'"
        return Finding("embedded model", "its engine is not installed", fix)
    return Finding("embedded model", "installed")


def _server(client: Client) -> Iterator[Finding]:
    try:
        status = client.get("aqueduct/status")
    except AuthenticationError as error:
        yield Finding("token", error.message, "Pass the right one with --token.")
        return
    except AqueductError as error:
        fix = f"Start a Jupyter server with this extension there. ({error.message})"
        yield Finding("server", f"this extension does not answer at {client.base_url}", fix)
        return
    yield Finding("server", f"version {status['version']} at {client.base_url}")
    yield _routes(client)
    yield _stranger(client)
    for upstream in status["upstreams"]:
        fix = upstream["error"] or ""
        yield Finding(f"upstream {upstream['name']}", "does not answer" if fix else "answers", fix)
    for name, deployments in status.get("deployments", {}).items():
        for one in deployments:
            yield _deployment(name, one)
    if "documents" in status:
        yield _documents(status["documents"])
    for notice in status["notices"]:
        yield Finding("settings", "not all of them can be used", notice)
    yield Finding("models", ", ".join(status["models"]) or "none")
    yield _chunks(client)


def _deployment(name: str, one: dict[str, Any]) -> Finding:
    subject = f"deployment {one['model']} of {name}"
    if one["state"] == "closed":
        return Finding(subject, "in use")
    fix = f"Its last error was {one['last_error']}; the server's log and metrics have more."
    return Finding(subject, "passed over, because it failed", fix)


def _documents(confinement: dict[str, bool]) -> Finding:
    missing = [(name, need) for key, (name, need) in READERS.items() if not confinement[key]]
    if not missing:
        names = _listed([name for name, _ in READERS.values()])
        return Finding("documents", f"their readers are confined by {names}")
    # Readers work without them, and not every system has them, so this does not count as a fault.
    needs = "; ".join(f"{name} needs {need}" for name, need in missing)
    return Finding(
        "documents",
        f"their readers run without {_listed([name for name, _ in missing])}. Upload only "
        f"documents that you trust, or run the server on a system that has it: {needs}. A "
        "container must allow it.",
    )


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _routes(client: Client) -> Finding:
    try:
        client.get("v1/models" if not client.base_url.endswith("/v1") else "models")
        client.get("v1/no/such/address")
    except NotFoundError:
        return Finding("routes", "unknown addresses below base_url get a JSON error")
    except AqueductError as error:
        return Finding("routes", error.message, "Look for a proxy that rewrites paths.")
    return Finding("routes", "an unknown address answered", "Look for a proxy that rewrites paths.")


def _stranger(client: Client) -> Finding:
    try:
        with Client(client.base_url, "") as stranger:
            stranger.get("aqueduct/status")
    except AuthenticationError:
        return Finding("authentication", "a request without a token is refused")
    except AqueductError as error:
        return Finding("authentication", error.message, "Check what is in front of the server.")
    fix = "Start Jupyter with a token or a password."
    return Finding("authentication", "the server accepts anybody", fix)


def _chunks(client: Client) -> Finding:
    try:
        with client.stream("Tell me a story.", model=PROBE_MODEL) as stream:
            times = [time.monotonic() for _ in islice(stream, PROBE_CHUNKS)]
    except AqueductError as error:
        if error.code in ("model_not_allowed", "model_not_found"):
            return Finding("streaming", f"not tried, because {PROBE_MODEL} may not be used here")
        return Finding("streaming", "the probe failed", error.message)
    took = times[-1] - times[0]
    if took >= LEAST_PROBE_SECONDS:
        return Finding("streaming", "chunks arrive one by one")
    return Finding(
        "streaming",
        f"{PROBE_CHUNKS} chunks arrived within {took:.1f} seconds: something buffers them",
        "Turn off buffering in the proxy in front of the server (nginx: proxy_buffering off).",
    )
