"""Other libraries' clients, each with the APIs that it knows; ``make test-clients`` runs this.

The ordinary run does not collect it: what it needs is not installed there.
"""

from __future__ import annotations

import pytest

from .clients import Bench, Client

BOTH = ("responses", "chat")
ALL = (*BOTH, "messages")
NO_IDS = ("file_id",)

CLIENTS = [
    Client("openai", "chat"),
    *(Client("pydantic-ai", api, folder="pydantic-ai") for api in ALL),
    *(Client("openai-agents", api, folder="openai-agents") for api in BOTH),
    Client("chatlas", "responses", folder="chatlas", keeps_call_ids=False),
    *(Client("chatlas", api, folder="chatlas") for api in ("chat", "messages")),
    *(Client("langchain", api, folder="langchain") for api in ALL),
    # For a model that it does not know, it asks for a whole answer and plays it as a stream.
    Client("litellm", "responses", ("streamed", "cancel"), folder="litellm"),
    *(Client("litellm", api, folder="litellm") for api in ("chat", "messages")),
    *(Client("llama-index", api, NO_IDS, folder="llama-index") for api in BOTH),
    *(Client("llm", api, NO_IDS, folder="llm") for api in BOTH),
    *(Client("openai-node", api, folder="node") for api in BOTH),
    *(Client("ai-sdk", api, folder="node") for api in BOTH),
]


@pytest.mark.parametrize("upstream", ["native", "chat only", "demo"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.id)
def test_a_client_does_all_that_it_can(running: Bench, client: Client, upstream: str) -> None:
    running.run(client, upstream)
