"""One hub for all tests of the folder, with servers of its users, and our service behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..kernels import Kernel, running_kernel
from ..postgresql import postgresql_server
from ..standin import StandIn
from .hub import Hub, Server, running_hub
from .objects import ObjectStore, object_store
from .service import RunningService, forked_replica, running_service

OPERATORS_KEY = "sk-campus-operators-own"
SERVICES_KEY = "sk-only-the-service-has-this"


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


@pytest.fixture(scope="session")
def objects() -> Iterator[ObjectStore]:
    """The object store of the service."""
    with object_store() as store:
        yield store


@pytest.fixture(scope="session")
def service(
    hub: Hub, campus: StandIn, objects: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """Two replicas of our service, which share a database and an object store."""
    folder = tmp_path_factory.mktemp("service")
    key_file = folder / "upstream.key"
    key_file.write_text(SERVICES_KEY)
    key_file.chmod(0o600)
    upstream = {"base_url": campus.url, "api_key_file": str(key_file)}
    settings = f"""
c.AqueductHub.upstreams = {{"campus": {upstream!r}}}
c.AqueductHub.objects_url = "s3://files"
c.AqueductHub.identity_seconds = 2
c.AqueductHub.replica_seconds = 5
c.AqueductHub.limits = {{
    "groups": {{
        "guests": {{"member": {{"requests_per_month": 4}}}},
        "staff": {{"models": ["real-name", "only-for-staff"]}},
    }},
    "models": ["real-name"],
}}
"""
    with postgresql_server() as postgresql:
        environment = {
            "AQUEDUCT_DATABASE_URL": postgresql.new_database(),
            **objects.environment(),
        }
        with running_service(
            hub, folder, settings, environment, replicas=2, popen=forked_replica
        ) as service:
            yield service


@pytest.fixture(scope="session")
def people(hub: Hub, service: RunningService) -> dict[str, Server]:
    """The servers that use the service, by user."""
    users = ("alice", "bob", "carol")
    return dict(zip(users, hub.start(*((user, "campus") for user in users)), strict=True))
