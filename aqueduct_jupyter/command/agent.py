"""``jupyter aqueduct agent``: starts an agent with a key of its own, and revokes it at the end.

What each agent must be told is in :mod:`.agent_settings`; its process is in :mod:`.agent_process`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..kernel.client import LONGEST_MODEL_NAME, Client
from ..protocol.errors import AqueductError, NotFoundError, UnavailableError
from ..protocol.plain_text import plain_text
from .agent_process import passed_signals
from .agent_settings import AGENTS, SERVER_TOKENS, Access, AgentSettings
from .running import find_owned_server

__all__ = ["AgentCommand", "agent"]

REVOKING_TIMEOUT = 10.0
"""How long the revocation of a key may take before the command gives up, in seconds."""


@dataclass(frozen=True, slots=True)
class AgentCommand:
    """What to start, and for how many tokens.

    Args:
        program: the agent's name, or ``env`` for any other program.
        arguments: its own arguments.
        url: the server, or None to find it.
        token: its token, or None to find it.
        model: the model that the agent asks, or None for the server's default.
        max_tokens: the most tokens that it may use, or None for no limit.
        prints: whether to print how to start it instead of starting it.
    """

    program: str
    arguments: Sequence[str] = ()
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    model: str | None = None
    max_tokens: int | None = None
    prints: bool = False


def agent(command: AgentCommand) -> int:
    """Start an agent and wait for its end, or print how to start it.

    Returns:
        The agent's exit status; 128 and the number of the signal if a signal ended it.

    Raises:
        AqueductError: the program or the server was not found, or the server refused a key.
    """
    if command.prints or command.program == "env":
        with find_owned_server(command.url, command.token) as client:
            made, settings = _prepare(client, command)
            _print_settings(command, settings)
            print(_how_it_ends(client, made), file=sys.stderr)
        return 0
    program = _installed(command.program)
    # Until the key has been revoked, no signal ends this process.
    with find_owned_server(command.url, command.token) as client, passed_signals() as child:
        made, settings = _prepare(client, command)
        try:
            words = [program, *settings.arguments, *command.arguments]
            return child.run(words, _environment(settings, os.environ))
        finally:
            _revoke(client, made)


def _installed(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise UnavailableError(
            f"There is no program '{program}' on PATH. Install it as its own documentation says "
            "and run this command again. For another program, run 'jupyter aqueduct agent env'."
        )
    return path


def _prepare(client: Client, command: AgentCommand) -> tuple[dict[str, Any], AgentSettings]:
    """Choose the models and make a key."""
    chosen = command.model or _default_model(client)
    if chosen is None and command.program != "env":
        names = ", ".join(client.models()) or "none"
        raise UnavailableError(
            f"This server has no default model. Choose one with --model. Its models: {names}."
        )
    models = client.models() if command.program == "opencode" else []
    asked = {"name": command.program, "max_tokens": command.max_tokens}
    made = client.request("POST", "aqueduct/keys", json=asked).json()
    root = client.base_url.removesuffix("/v1")
    return made, AGENTS[command.program](Access(root, made["key"], chosen, models))


def _default_model(client: Client) -> str | None:
    name: str | None = client.get("aqueduct/status")["default_model"]
    # An upstream may have made the name up, and it may be printed.
    return name if name and name == plain_text(name, LONGEST_MODEL_NAME) else None


def _environment(settings: AgentSettings, present: Mapping[str, str]) -> dict[str, str]:
    removed = {*settings.removed, *SERVER_TOKENS}
    kept = {name: value for name, value in present.items() if name not in removed}
    return kept | dict(settings.variables)


def _print_settings(command: AgentCommand, settings: AgentSettings) -> None:
    for name in settings.removed:
        print(f"unset {name}")
    for name, value in settings.variables.items():
        print(f"export {name}={shlex.quote(value)}")
    if command.program != "env":
        print(shlex.join([command.program, *settings.arguments, *command.arguments]))


def _how_it_ends(client: Client, made: Mapping[str, Any]) -> str:
    end = datetime.fromtimestamp(made["expires_at"], UTC)
    url = f"{client.base_url.removesuffix('/v1')}/aqueduct/keys/{made['id']}"
    return (
        f"The key is valid until {end:%Y-%m-%d %H:%M} UTC, until the server stops, or until you "
        f'revoke it: curl -X DELETE {url} -H "Authorization: Bearer $TOKEN"'
    )


def _revoke(client: Client, made: Mapping[str, Any]) -> None:
    try:
        client.request("DELETE", f"aqueduct/keys/{made['id']}", timeout=REVOKING_TIMEOUT)
    except NotFoundError:
        pass  # It has expired, or somebody else revoked it.
    except AqueductError as error:
        print(f"jupyter aqueduct: {error.message} {_how_it_ends(client, made)}", file=sys.stderr)
