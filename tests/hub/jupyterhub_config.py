"""The settings of the JupyterHub of the tests, as its administrator would write them.

What changes from run to run comes in through variables, from :mod:`.hub`; what the users' servers
are set to is left to ``single_user/jupyter_server_config.py``.
"""

import os
import sys
from pathlib import Path

from tests.hub.forked_singleuser import ForkingSpawner

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # traitlets puts it here

folder = Path(os.environ["HUB_FOLDER"])
public, internal, api = os.environ["HUB_PORTS"].split(",")

c.JupyterHub.bind_url = f"http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{internal}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = os.environ["HUB_PROXY_COMMAND"].split(os.pathsep)
c.ConfigurableHTTPProxy.pid_file = str(folder / "proxy.pid")
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.cookie_secret_file = str(folder / "cookie_secret")

c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {"alice", "bob", "carol", "dave"}
c.JupyterHub.allow_named_servers = True
# Whoever starts servers does not wait for one before asking for the next.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.load_groups = {
    "students": {"users": ["alice", "bob"]},
    "staff": {"users": ["carol"]},
    "guests": {"users": ["dave"]},
}
c.JupyterHub.services = [
    {"name": "tests", "api_token": os.environ["HUB_TOKEN"]},
    {
        "name": "aqueduct",
        "url": os.environ["SERVICE_URL"],
        "api_token": os.environ["SERVICE_TOKEN"],
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": ["custom:aqueduct:admin"],
    },
    {"name": "monitor", "api_token": os.environ["MONITOR_TOKEN"]},
]
c.JupyterHub.custom_scopes = {
    "custom:aqueduct:admin": {"description": "Administer the gateway to language models"},
}
c.JupyterHub.load_roles = [
    {
        "name": "models",
        "groups": ["students", "staff", "guests"],
        "services": ["monitor"],
        "scopes": ["access:services!service=aqueduct"],
    },
    {
        "name": "model-administrators",
        "users": ["carol"],
        "services": ["monitor"],
        "scopes": ["custom:aqueduct:admin"],
    },
    {
        "name": "tests",
        "services": ["tests"],
        "scopes": ["admin:users", "admin:servers", "admin:server_state", "tokens", "servers"],
    },
]

c.JupyterHub.spawner_class = ForkingSpawner
c.ForkingSpawner.home_dir_template = str(folder / "home" / "{username}")
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
# The loudest log there is: no key may be in it.
c.Spawner.debug = True
tests = Path(__file__).parents[1]
c.Spawner.environment = {
    "JUPYTER_CONFIG_PATH": str(tests / "hub" / "single_user"),
    # The hub hears from these servers once a second and not once in five minutes.
    "JUPYTERHUB_ACTIVITY_INTERVAL": "1",
    "CAMPUS_URL": os.environ["CAMPUS_URL"],
    "CAMPUS_KEY_FILE": os.environ["CAMPUS_KEY_FILE"],
}


def set_up(spawner):
    """Give some servers one data folder, and each its own key, and let others use the service."""
    if spawner.name:
        # The pages and the activity of the users' first servers are enough: both take time.
        spawner.environment["JUPYTER_CONFIG_PATH"] += os.pathsep + str(tests / "config")
        del spawner.environment["JUPYTERHUB_ACTIVITY_INTERVAL"]
    if spawner.name.startswith("campus"):
        del spawner.environment["CAMPUS_URL"], spawner.environment["CAMPUS_KEY_FILE"]
        # Carol's server asks through the hub's proxy, the others ask the balancer itself.
        is_carols = spawner.user.name == "carol"
        address = f"http://127.0.0.1:{public}" if is_carols else os.environ["SERVICE_URL"]
        spawner.environment["AQUEDUCT_HUB_URL"] = f"{address}/services/aqueduct"
    if spawner.name == "shared":
        spawner.environment["DATA_FOLDER"] = str(folder / "shared")
        spawner.environment["AQUEDUCT_BASE_URL"] = os.environ["CAMPUS_URL"]
        spawner.environment["AQUEDUCT_TOKEN"] = f"sk-of-{spawner.user.name}s-server"


c.Spawner.pre_spawn_hook = set_up


def scopes_of_server(spawner):
    """Return what a server's own token opens: the service only where it is used."""
    own = ["users:activity!user", "access:servers!server"]
    return [*own, "access:services!service=aqueduct"] if spawner.name.startswith("campus") else own


c.Spawner.server_token_scopes = scopes_of_server
