"""Fake agents: programs that write down what they were given, ask the server once, and end.

What they must have been given is left to the tests.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ..real_server import until

__all__ = ["put_agents", "recorded"]

SCRIPT = """#!{python}
import json, os, signal, sys, time, urllib.error, urllib.request

messages = [{{"role": "user", "content": "Hi"}}]
request = urllib.request.Request(
    os.environ["OPENAI_BASE_URL"] + "/chat/completions",
    json.dumps({{"model": "campus/real-name", "messages": messages}}).encode(),
    {{
        "Authorization": "Bearer " + os.environ["AQUEDUCT_API_KEY"],
        "Content-Type": "application/json",
    }},
)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
try:
    status = opener.open(request).status
except urllib.error.HTTPError as error:
    status = error.code
if os.environ.get("FAKE_ENDS_AT") == "SIGINT":
    signal.signal(signal.SIGINT, lambda *_: sys.exit(3))
record = {{"words": sys.argv, "environment": dict(os.environ), "status": status}}
with open({record!r} + ".new", "w") as file:
    json.dump(record, file)
os.replace({record!r} + ".new", {record!r})
if "FAKE_ENDS_AT" in os.environ:
    time.sleep(60)
sys.exit(7)
"""


def put_agents(folder: Path) -> Path:
    """Put the fakes into a folder for PATH, and give the path of what they write down."""
    record = folder / "record.json"
    for name in ("codex", "claude", "opencode"):
        program = folder / name
        program.write_text(SCRIPT.format(python=sys.executable, record=str(record)))
        program.chmod(0o755)
    return record


def recorded(record: Path) -> dict[str, Any]:
    """Wait for what a fake wrote down, and give it."""
    until(record.exists, f"{record} exists")
    found: dict[str, Any] = json.loads(record.read_text())
    return found
