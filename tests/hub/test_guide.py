"""The page "Run it for a whole hub", followed word by word: from nothing to two users who ask."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import httpx
import pytest

from ..docs.examples import DOCS, examples
from ..kernels import run_in_kernel
from ..standin import StandIn
from .hub import free_ports, running_hub

TESTS_OWN = """
# What this machine needs besides: ports, people without passwords, and processes of one user.
import os, sys
from pathlib import Path
folder = Path(os.environ["HUB_FOLDER"])
public, internal, api = os.environ["HUB_PORTS"].split(",")
c.JupyterHub.bind_url = f"http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{internal}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = os.environ["HUB_PROXY_COMMAND"].split(os.pathsep)
c.ConfigurableHTTPProxy.pid_file = str(folder / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(folder / "cookie_secret")
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "home" / "{username}")
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.JupyterHub.services += [{"name": "tests", "api_token": os.environ["HUB_TOKEN"]}]
c.JupyterHub.load_roles += [
    {"name": "tests", "services": ["tests"],
     "scopes": ["admin:users", "admin:servers", "admin:server_state", "tokens", "servers"]}
]
c.JupyterHub.services[0]["environment"] = {"JUPYTER_DATA_DIR": str(folder / "data")}
"""


def blocks(caption: str) -> list[str]:
    """Give the examples of the page that have a caption."""
    page = examples(DOCS / "hub.md")
    return [one.code for one in page if one.options.get("caption") == caption]


def test_two_users_ask_as_the_page_says(tmp_path: Path, standin: StandIn) -> None:
    (port,) = free_ports(1)
    monitor_token = secrets.token_hex(16)
    # The second block adds a monitor to the first one's service.
    hub_settings = "\n".join(blocks("jupyterhub_config.py")[:2])
    service_settings = blocks("aqueduct_hub_config.py")[0]
    (cell,) = blocks("A notebook of any user")
    here = {
        "/etc/jupyterhub": str(tmp_path),
        "http://127.0.0.1:10101": f"http://127.0.0.1:{port}",
        "https://llm.example.edu/v1": standin.url,
        'os.environ.get("MONITOR_TOKEN", "")': repr(monitor_token),
    }
    for there, place in here.items():
        assert there in hub_settings + service_settings
        hub_settings = hub_settings.replace(there, place)
        service_settings = service_settings.replace(there, place)
    (tmp_path / "aqueduct_hub_config.py").write_text(service_settings)
    (tmp_path / "jupyterhub_config.py").write_text(hub_settings + TESTS_OWN)
    standin.models = ["llama"]
    with running_hub(
        tmp_path,
        upstream=standin.url,
        key="sk-of-the-campus",
        settings=tmp_path / "jupyterhub_config.py",
    ) as hub:
        hub.admin.post("users/alice").raise_for_status()
        servers = hub.start(("alice", ""), ("carol", ""))
        for server in servers:
            assert run_in_kernel(server.url, server.token, cell) == "Hello\n"
        # Without a model's name, the default one answers.
        unnamed = {"messages": [{"role": "user", "content": "Hi"}]}
        whole = httpx.post(
            f"{servers[0].url}/v1/chat/completions",
            headers={"Authorization": f"Bearer {servers[0].token}"},
            json=unnamed,
            trust_env=False,
        )
        assert whole.status_code == 200, whole.text
        assert standin.chats[-1].json["model"] == "llama"
        keys = [asked.headers["authorization"] for asked in standin.chats]
        assert keys == ["Bearer sk-of-the-campus"] * 3
        # Carol is in the group staff, and sees what both used.
        token = hub.admin.post("users/carol/tokens", json={"note": "t"}).json()["token"]
        usage = httpx.get(
            f"{hub.url}/services/aqueduct/aqueduct/admin/usage",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )
        found = {row["user"]: row["requests"] for row in usage.json()["data"]}
        assert found == {"alice": 2, "carol": 1}
        metrics = httpx.get(
            f"{hub.url}/services/aqueduct/aqueduct/metrics",
            headers={"Authorization": f"Bearer {monitor_token}"},
            trust_env=False,
        )
        assert metrics.status_code == 200, metrics.text
    with pytest.raises(OSError, match="refused"):  # the hub has ended the service
        socket.create_connection(("127.0.0.1", port), 1)
