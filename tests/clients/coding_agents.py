"""Coding agents, Codex and Claude Code: a session with one command run; for ``make test-clients``.

The ordinary run does not collect it: what it needs is not installed there.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .clients import INSTALLED, NODE_BINARY, Bench
from .scripted import ERRAND, ERRAND_RESULT, PATHS

AGENTS = INSTALLED / "agents" / "node_modules"

PATIENCE = 90
"""Seconds within which a session must be through."""


def codex(url: str, model: str) -> list[str]:
    provider = f'{{name="campus", base_url="{url}/v1", env_key="KEY", wire_api="responses"}}'
    settings = (
        'model_provider="campus"',
        f"model_providers.campus={provider}",
    )
    command = [str(NODE_BINARY), str(AGENTS / ".bin" / "codex"), "exec", "--model", model]
    command += ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    return [*command, *(word for setting in settings for word in ("-c", setting)), ERRAND]


def claude(url: str, model: str) -> list[str]:
    # Its package has a binary for each system beside it; a script would link to it.
    (program,) = AGENTS.glob("@anthropic-ai/claude-code-*/claude")
    return [str(program), "-p", ERRAND, "--model", model, "--allowedTools", "Bash"]


@pytest.mark.parametrize("upstream", ["native", "chat only"])
@pytest.mark.parametrize(("start", "api"), [(codex, "responses"), (claude, "messages")])
def test_an_agent_runs_a_command_and_sends_its_result(
    running: Bench, tmp_path: Path, start: Callable[[str, str], list[str]], api: str, upstream: str
) -> None:
    behind = running.upstreams[upstream]
    assert behind.standin
    behind.standin.received.clear()
    key, url = running.server.process.token, running.server.process.url
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KEY": key,
        "ANTHROPIC_API_KEY": key,
        "ANTHROPIC_BASE_URL": url,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    done = subprocess.run(
        start(url, behind.model),
        env=variables,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "Hello"), done.stdout + done.stderr
    absent = behind.standin.absent
    asked = [request for request in behind.standin.received if request.path not in absent]
    asked = [request for request in asked if ERRAND in request.body.decode()]
    path = PATHS["chat" if PATHS[api] in absent else api]
    assert {request.path for request in asked} == {path}
    assert ERRAND_RESULT in asked[-1].body.decode()
    assert all(request.json["tools"] for request in asked)
