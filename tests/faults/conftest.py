"""The server and the upstreams that the table of faults is played to."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from ..gateway.upstreams.test_upstream import make_certificate
from ..real_server import RealServer, campus, real_server
from ..standin import StandIn


@pytest.fixture(scope="package")
def upstream() -> Iterator[StandIn]:
    """The upstream "campus", which plays whatever a row says."""
    with StandIn() as standin:
        yield standin


@pytest.fixture(scope="package")
def server(upstream: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """One server for all rows, so that each also runs after all faults before it."""
    folder = tmp_path_factory.mktemp("server")
    with StandIn() as gone:
        refused = campus(gone)
    key, certificate = make_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with StandIn(tls=context) as untrusted:
        upstreams = {
            "campus": campus(upstream),
            "impatient": campus(upstream, timeout=0.3),
            "restless": campus(upstream, timeout=60, idle_timeout=0.3),
            "refused": refused,
            "unknown": {**refused, "base_url": "http://no-such-host.invalid/v1"},
            "untrusted": campus(untrusted),
        }
        with real_server(folder, upstreams) as server:
            yield server
