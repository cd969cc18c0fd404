"""One hub for all tests of the folder, with a server for each of its two users."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..kernels import Kernel, running_kernel
from ..standin import StandIn
from .hub import Hub, Server, running_hub

OPERATORS_KEY = "sk-campus-operators-own"


@pytest.fixture(scope="session")
def campus() -> Iterator[StandIn]:
    """The upstream of all servers, for as long as the hub runs."""
    with StandIn() as campus:
        yield campus


@pytest.fixture
def upstream(campus: StandIn) -> StandIn:
    """The same, with nothing received yet."""
    campus.received.clear()
    campus.has_chat.clear()
    return campus


@pytest.fixture(scope="session")
def hub(campus: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    with running_hub(folder, upstream=campus.url, key=OPERATORS_KEY) as hub:
        yield hub


@pytest.fixture(scope="session")
def servers(hub: Hub) -> dict[tuple[str, str], Server]:
    """The servers by user and name; those with the name "shared" have one data folder."""
    names = [(user, name) for name in ("", "shared") for user in ("alice", "bob")]
    return dict(zip(names, hub.start(*names), strict=True))


@pytest.fixture(scope="session")
def alice(servers: dict[tuple[str, str], Server]) -> Server:
    return servers["alice", ""]


@pytest.fixture(scope="session")
def bob(servers: dict[tuple[str, str], Server]) -> Server:
    return servers["bob", ""]


@pytest.fixture(scope="session")
def alices_kernel(alice: Server) -> Iterator[Kernel]:
    with running_kernel(alice.url, alice.token) as kernel:
        yield kernel


@pytest.fixture(scope="session")
def bobs_kernel(bob: Server) -> Iterator[Kernel]:
    with running_kernel(bob.url, bob.token) as kernel:
        yield kernel
