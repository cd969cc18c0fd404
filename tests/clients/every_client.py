"""More libraries' clients, and more of their APIs; ``make test-clients`` runs this.

The ordinary run does not collect it: what it needs is not installed there.
"""

from __future__ import annotations

import pytest

from .clients import Bench, Client

BOTH = ("responses", "chat")
ALL = (*BOTH, "messages")
OTHERS = ("chat", "messages")
"""The APIs of libraries whose default is tried in the ordinary run."""
NO_IDS = ("file_id",)

CLIENTS = [
    Client("openai", "chat"),
    *(Client("pydantic-ai", api, folder="pydantic-ai") for api in OTHERS),
    Client("openai-agents", "chat", folder="openai-agents"),
    Client("chatlas", "responses", folder="chatlas", keeps_call_ids=False),
    *(Client("chatlas", api, folder="chatlas") for api in ("chat", "messages")),
    *(Client("langchain", api, folder="langchain") for api in ALL),
    # For a model that it does not know, it asks for a whole answer and plays it as a stream.
    Client("litellm", "responses", ("streamed", "cancel"), folder="litellm", has_threads=True),
    *(Client("litellm", api, folder="litellm", has_threads=True) for api in ("chat", "messages")),
    *(Client("llama-index", api, NO_IDS, folder="llama-index", has_threads=True) for api in BOTH),
    *(Client("llm", api, NO_IDS, folder="llm", has_threads=True) for api in BOTH),
    Client("openai-node", "chat", folder="node"),
    Client("ai-sdk", "chat", folder="node"),
]


@pytest.mark.parametrize("upstream", ["native", "chat only", "demo"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.id)
def test_a_client_does_all_that_it_can(running: Bench, client: Client, upstream: str) -> None:
    running.run(client, upstream)
