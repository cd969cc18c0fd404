"""Where examples run: a server before an upstream, and the places that pages name.

Running them is left to ``test_examples.py``, ``commands.py`` and ``configuration.py``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..real_server import RealServer
from ..standin import DONE, Received, Reply, StandIn, chunk, completion, usage_chunk

__all__ = ["Place", "Upstream"]

ADDRESS = "http://localhost:8888"
"""The server's address on pages."""

WORDS = "An answer.\n\n```python\nanswer = 6 * 7\n```\n"
"""What the upstream says to whatever is not asked for in JSON."""

FOLDERS = (
    *("/etc/aqueduct", "/etc/jupyterhub", "/etc/prometheus"),
    *("/srv/models", "/srv", "/var/log", "/backup"),
)
"""Folders on pages that a machine need not have."""


class Upstream(StandIn):
    """A stand-in that gives what was asked for: JSON that fits a schema, or words with code."""

    def _next(self, request: Received) -> Reply:
        wanted = request.json.get("response_format", {}).get("json_schema")
        text = json.dumps(instance(wanted["schema"], wanted["schema"])) if wanted else WORDS
        if request.json.get("stream"):
            self.stream(chunk(text), usage_chunk(), DONE)
        else:
            self.reply(completion(text))
        return self._replies.popleft()


def instance(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """Make the simplest value that fits a schema."""
    if "$ref" in schema:
        return instance(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "array":
        return [instance(schema["items"], root)]
    if schema["type"] == "object":
        return {name: instance(within, root) for name, within in schema["properties"].items()}
    return {"string": "text", "integer": 1, "number": 1.5, "boolean": True}[schema["type"]]


@dataclass
class Place:
    """Where examples run: the server, a kernel's key, and what has run before."""

    server: RealServer
    key: str
    folder: Path
    done: set[str] = field(default_factory=set)

    @property
    def token(self) -> str:
        return self.server.process.token

    def here(self, text: str) -> str:
        """Put this machine's places in the place of a page's."""
        text = text.replace(ADDRESS, self.server.process.url)
        for name in FOLDERS:
            (self.folder / "root" / name[1:]).mkdir(parents=True, exist_ok=True)
        pattern = "|".join(map(re.escape, FOLDERS))
        return re.sub(rf"(?<![\w/])({pattern})(?=/)", rf"{self.folder}/root\1", text)
