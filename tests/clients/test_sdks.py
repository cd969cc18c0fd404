"""The libraries that most people use, each with the API that it uses by default.

Others, and their other APIs, are in :mod:`.every_client`, which ``make test-clients`` runs.
"""

from __future__ import annotations

import pytest

from .clients import Bench, Client

CLIENTS = [
    Client("openai", "responses", more=("embeddings",)),
    Client("anthropic", "messages", more=("count",), folder="anthropic"),
    Client("pydantic-ai", "responses", folder="pydantic-ai"),
    Client("openai-agents", "responses", folder="openai-agents"),
    Client("openai-node", "responses", folder="node"),
    Client("ai-sdk", "responses", folder="node"),
]


@pytest.mark.parametrize("upstream", ["native", "chat only", "demo"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.id)
def test_a_client_does_all_that_it_can(running: Bench, client: Client, upstream: str) -> None:
    running.run(client, upstream)
