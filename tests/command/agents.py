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

hi = [{{"role": "user", "content": "Hi"}}]
root, model = os.environ["AQUEDUCT_BASE_URL"], "campus/real-name"
bodies = {{
    "codex": ("/v1/responses", {{"model": model, "input": "Hi", "store": False}}),
    "claude": ("/v1/messages?beta=true", {{"model": model, "messages": hi, "max_tokens": 9}}),
    "opencode": ("/v1/chat/completions", {{"model": model, "messages": hi}}),
}}
path, body = bodies[os.path.basename(sys.argv[0])]
key = os.environ["AQUEDUCT_API_KEY"]
headers = {{"Authorization": "Bearer " + key, "Content-Type": "application/json"}}
request = urllib.request.Request(root + path, json.dumps(body).encode(), headers)
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
