"""What each agent must be told to talk to this server: environment variables and arguments.

No file of the user is read or changed, and the key is only ever in a variable: other users of the
machine can read arguments.

Sources: the documentation of Codex (``-c`` and ``model_providers``), Claude Code (environment
variables for gateways) and OpenCode (``OPENCODE_CONFIG_CONTENT``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["AGENTS", "SERVER_TOKENS", "Access", "AgentSettings"]

PROVIDER = "aqueduct"
"""What agents call this server."""

SERVER_TOKENS = ("JUPYTER_TOKEN", "JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN")
"""Variables with a token that opens the whole server, which no agent gets."""

_CLAUDE_MODELS = (
    "ANTHROPIC_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
)

_CLAUDE_OTHERS = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX")
"""Variables with which Claude Code would ask another service, or send that service's key here."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is, a key for it, and what to ask there.

    Args:
        root: the server's address, without ``/v1`` and without a slash at the end.
        key: the agent's key.
        model: the model to ask, or None if the program chooses.
        models: all models that the agent may offer to its user.
    """

    root: str
    key: str = field(repr=False)
    model: str | None = None
    models: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What an agent is started with: variables to set and to remove, and its first arguments."""

    variables: Mapping[str, str] = field(repr=False)
    removed: Sequence[str] = ()
    arguments: Sequence[str] = ()


def _codex(access: Access) -> AgentSettings:
    provider = f"model_providers.{PROVIDER}"
    # Codex reads each value as TOML, in which a string is written as in JSON.
    settings = {
        "model_provider": PROVIDER,
        f"{provider}.name": "Aqueduct",
        f"{provider}.base_url": f"{access.root}/v1",
        f"{provider}.env_key": "AQUEDUCT_API_KEY",
        f"{provider}.wire_api": "responses",
        "model": access.model or "",
    }
    arguments = [
        word for name, value in settings.items() for word in ("-c", f"{name}={json.dumps(value)}")
    ]
    return AgentSettings(_common(access), arguments=arguments)


def _claude(access: Access) -> AgentSettings:
    return AgentSettings(_common(access) | _anthropic(access), removed=_CLAUDE_OTHERS)


def _opencode(access: Access) -> AgentSettings:
    models = dict.fromkeys(filter(None, (access.model, *access.models)))
    # OpenCode does not always replace {env:...} here, so the key itself is in this variable.
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Aqueduct",
        "options": {"baseURL": f"{access.root}/v1", "apiKey": access.key},
        "models": {name: {"name": name} for name in models},
    }
    model = f"{PROVIDER}/{access.model}"
    config = {"provider": {PROVIDER: provider}, "model": model, "small_model": model}
    return AgentSettings(_common(access) | {"OPENCODE_CONFIG_CONTENT": json.dumps(config)})


def _any_program(access: Access) -> AgentSettings:
    variables = _common(access) | _anthropic(access)
    return AgentSettings(variables, removed=("ANTHROPIC_API_KEY",))


def _common(access: Access) -> dict[str, str]:
    # Programs that the agent starts also find these, instead of the terminal's own key.
    return {
        "AQUEDUCT_BASE_URL": access.root,
        "AQUEDUCT_API_KEY": access.key,
        "OPENAI_BASE_URL": f"{access.root}/v1",
        "OPENAI_API_KEY": access.key,
    }


def _anthropic(access: Access) -> dict[str, str]:
    # Clients of this API append /v1 themselves.
    variables = {"ANTHROPIC_BASE_URL": access.root, "ANTHROPIC_AUTH_TOKEN": access.key}
    # Claude Code asks smaller models for small tasks; here, all of them are the same.
    return variables | (dict.fromkeys(_CLAUDE_MODELS, access.model) if access.model else {})


AGENTS: Mapping[str, Callable[[Access], AgentSettings]] = {
    "codex": _codex,
    "claude": _claude,
    "opencode": _opencode,
    "env": _any_program,
}
"""The agents by the name of their program; ``env`` is for all others."""
