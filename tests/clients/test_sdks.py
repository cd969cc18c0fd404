"""OpenAI's and Anthropic's own SDKs, with every API that the gateway has for them.

Other libraries are in :mod:`.every_client`, which ``make test-clients`` runs.
"""

from __future__ import annotations

import pytest

from .clients import Bench, Client

CLIENTS = [
    Client("openai", "responses", more=("embeddings",)),
    Client("anthropic", "messages", more=("count",), folder="anthropic"),
]


@pytest.mark.parametrize("upstream", ["native", "chat only", "demo"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.id)
def test_a_client_does_all_that_it_can(running: Bench, client: Client, upstream: str) -> None:
    running.run(client, upstream)
