"""Other libraries' clients, each with the APIs that it knows; ``make test-clients`` runs this.

The ordinary run does not collect it: what it needs is not installed there.
"""

from __future__ import annotations

import pytest

from .clients import Bench, Client

CLIENTS = [
    Client("openai", "chat"),
]


@pytest.mark.parametrize("upstream", ["native", "chat only", "demo"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.id)
def test_a_client_does_all_that_it_can(running: Bench, client: Client, upstream: str) -> None:
    running.run(client, upstream)
