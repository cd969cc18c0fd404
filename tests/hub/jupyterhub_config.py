"""The settings of the JupyterHub of the tests, as its administrator would write them.

What changes from run to run comes in through variables, from :mod:`.hub`; what the users' servers
are set to is left to ``single_user/jupyter_server_config.py``.
"""

import os
import sys
from pathlib import Path

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # traitlets puts it here

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
c.Authenticator.allowed_users = {"alice", "bob"}
c.JupyterHub.allow_named_servers = True
# Whoever starts servers does not wait for one before asking for the next.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.services = [{"name": "tests", "api_token": os.environ["HUB_TOKEN"]}]
c.JupyterHub.load_roles = [
    {
        "name": "tests",
        "services": ["tests"],
        "scopes": ["admin:users", "admin:servers", "admin:server_state", "tokens", "servers"],
    }
]

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "home" / "{username}")
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
# The loudest log there is: no key may be in it.
c.Spawner.debug = True
c.Spawner.environment = {
    "JUPYTER_CONFIG_PATH": str(Path(__file__).parent / "single_user"),
    # The hub hears from its servers once a second and not once in five minutes.
    "JUPYTERHUB_ACTIVITY_INTERVAL": "1",
    "CAMPUS_URL": os.environ["CAMPUS_URL"],
    "CAMPUS_KEY_FILE": os.environ["CAMPUS_KEY_FILE"],
}


def share_folder_and_give_key(spawner):
    """Give servers of this name one data folder, whosever they are, and each its own key."""
    if spawner.name == "shared":
        spawner.environment["DATA_FOLDER"] = str(folder / "shared")
        spawner.environment["AQUEDUCT_BASE_URL"] = os.environ["CAMPUS_URL"]
        spawner.environment["AQUEDUCT_TOKEN"] = f"sk-of-{spawner.user.name}s-server"


c.Spawner.pre_spawn_hook = share_folder_and_give_key
