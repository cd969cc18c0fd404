"""A Jupyter server with us in it, under an odd base_url, before a stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_core.application import JupyterApp
from jupyter_events import schema, yaml
from jupyter_server import serverapp

from aqueduct_jupyter.server.jupyter.handlers import for_jupyter

from ..standin import StandIn

Settings = dict[str, Any]
Ask = Callable[..., httpx.AsyncClient]


@pytest.fixture
def jp_base_url() -> str:
    return "/user/a%40b/"


@pytest.fixture
def jp_nbconvert_templates() -> None:
    """None: they are fifty files for each server, and nobody looks at them."""


@pytest.fixture(autouse=True, scope="package")
def _servers_start_fast() -> Iterator[None]:
    """What is the same at each start, or serves nobody here, takes most of the time of a start."""
    with pytest.MonkeyPatch.context() as patch:
        # It starts git.
        patch.setattr(serverapp, "get_sys_info", cache(serverapp.get_sys_info))
        patch.setattr(yaml, "load", cache(yaml.load))
        patch.setattr("aqueduct_jupyter.server.jupyter.app.for_jupyter", cache(for_jupyter))
        # The servers in other processes check our schema and Jupyter's.
        patch.setattr(schema, "validate_schema", lambda _: None)
        # There are no arguments.
        patch.setattr(JupyterApp, "parse_command_line", lambda _, argv: None)
        patch.setattr(serverapp.ServerApp, "write_browser_open_files", lambda _: None)
        yield


@pytest.fixture
def settings(standin: StandIn) -> Settings:
    """What the operator configured; a module may override this fixture."""
    return {"upstreams": {"campus": campus(standin)}}


def campus(standin: StandIn, **more: Any) -> dict[str, Any]:
    return {"base_url": standin.url, "api_key": "sk-secret", "retry_pause": 0.01, **more}


@pytest.fixture
def jp_server_config(settings: Settings, tmp_path: Path) -> dict[str, Any]:
    return {
        "ServerApp": {
            "jpserver_extensions": {"aqueduct_jupyter": True, "jupyter_server_terminals": False}
        },
        # No test downloads a model because somebody asked for it.
        "AqueductApp": {
            "data_folder": str(tmp_path / "aqueduct"),
            "set_up_in_chat": False,
            **settings,
        },
    }


@pytest.fixture
def extension(jp_serverapp: Any) -> Any:
    """Our extension's app in the running server."""
    return jp_serverapp.extension_manager.extension_apps["aqueduct_jupyter"].copy().pop()


@pytest.fixture
def connect(jp_serverapp: Any, http_server: Any, jp_http_port: int, jp_base_url: str) -> Ask:
    """Make a client; by default with the server's own token."""

    def make(token: str | None = jp_serverapp.identity_provider.token) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{jp_http_port}{jp_base_url}",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=30,
            trust_env=False,
            verify=False,  # to load certificates, which nobody has, would take longest
        )

    return make


@pytest.fixture
def http(connect: Ask) -> httpx.AsyncClient:
    return connect()
