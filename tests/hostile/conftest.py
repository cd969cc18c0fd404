"""What hostile clients are let loose on: a server in this process, or a real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..real_server import RealServer, campus, real_server
from ..server.conftest import (  # noqa: F401  # the fixtures of a server in this process
    connect,
    extension,
    http,
    jp_base_url,
    jp_nbconvert_templates,
    jp_server_config,
    settings,
)
from ..standin import StandIn


@pytest.fixture(scope="package")
def upstream() -> Iterator[StandIn]:
    """The upstream of the real server."""
    with StandIn() as standin:
        yield standin


@pytest.fixture(scope="package")
def server(upstream: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """One real server for all that is thrown at it; at its end its log must hold no surprise."""
    upstreams = {
        "campus": campus(upstream),
        "inline": campus(upstream, documents="inline", models=["inline-model"]),
    }
    with real_server(tmp_path_factory.mktemp("server"), upstreams) as server:
        yield server
