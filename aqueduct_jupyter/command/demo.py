"""``jupyter aqueduct demo``: a first answer, and one about a PDF, in a minute.

It starts a temporary Jupyter server, asks it like any client, and leaves nothing behind.
"""

from __future__ import annotations

import json
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

from ..gateway.embedded.weights import weights_path
from ..kernel.client import Client
from ..protocol.errors import AqueductError, UnavailableError
from .running import data_folder
from .throwaway import throwaway_server

__all__ = ["demo"]

FIRST_QUESTION = "What is an aqueduct? Answer in one sentence."
PDF_QUESTION = "What is this document about? Answer in one sentence."
LONGEST_ANSWER = 60
"""Most tokens in an answer: enough for a sentence, few enough to watch."""

SHOWN_EVENTS = 3
"""How many of a stream's events are shown as sent."""


def demo(pdf: str | None) -> int:
    """Show the events of a streamed answer and, if there is a PDF, an answer about it.

    Args:
        pdf: the PDF's path, or None.

    Raises:
        AqueductError: a step failed.
    """
    weights = weights_path(data_folder())
    if not weights.is_file():
        raise UnavailableError("The embedded model is missing: run 'jupyter aqueduct pull'.")
    with tempfile.TemporaryDirectory(prefix="aqueduct-demo-") as scratch:
        folder = Path(scratch)
        target = weights_path(folder / "data" / "aqueduct")
        target.parent.mkdir(parents=True)
        target.symlink_to(weights)
        with throwaway_server(folder) as server, Client(f"{server.url}/v1", server.token) as client:
            print(f"A Jupyter server is running at {server.url}; its token is {server.token}.\n")
            _show_wire(client, server.token)
            if pdf:
                _show_document(client, Path(pdf))
    print("\nThe server has stopped and left nothing behind.")
    return 0


def _show_wire(client: Client, token: str) -> None:
    body = _body(client, FIRST_QUESTION)
    sent = json.dumps({**body, "stream": True})
    print(f"$ curl -N {client.base_url}/chat/completions \\")
    print(f"    -H 'Authorization: Bearer {token}' \\")
    print(f"    -H 'Content-Type: application/json' \\\n    -d '{sent}'")
    text = ""
    for number, chunk in enumerate(client.chunks(**body)):
        text += _text(chunk)
        if number < SHOWN_EVENTS:
            print(f"data: {json.dumps(chunk)}\n")
    print(f"... and so on until 'data: [DONE]'. The whole answer of {body['model']}:\n\n{text}\n")


def _show_document(client: Client, pdf: Path) -> None:
    data = f"data:application/pdf;base64,{b64encode(pdf.read_bytes()).decode()}"
    part = {"type": "file", "file": {"filename": pdf.name, "file_data": data}}
    print(f"$ the same with {pdf.name} in the message: {PDF_QUESTION}\n")
    with client.stream(**_body(client, [part, {"type": "text", "text": PDF_QUESTION}])) as stream:
        for text in stream:
            print(text, end="", flush=True)
    print()


def _body(client: Client, content: str | list[dict[str, Any]]) -> dict[str, Any]:
    model = client.get("aqueduct/status")["default_model"]
    if model is None:
        raise AqueductError("This server has no models.")
    messages = [{"role": "user", "content": content}]
    return {"model": model, "messages": messages, "max_tokens": LONGEST_ANSWER, "temperature": 0}


def _text(chunk: dict[str, Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
