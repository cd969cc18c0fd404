"""The upstreams of a server: those that its operator configured, and its own models.

The settings are read in :mod:`aqueduct_jupyter.gateway.upstreams.settings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from ..protocol.own_upstreams import EMBEDDED, SCRIPTED
from .embedded.demo import MODELS, DemoTransport
from .embedded.engine import is_engine_installed
from .embedded.model import LocalModel
from .embedded.only_chat import ONLY_CHAT
from .embedded.requests import LocalRequests
from .embedded.weights import MODEL_NAME, weights_path
from .upstreams.settings import UpstreamSettings, read_settings, settings_from_environment
from .upstreams.upstream import Upstream

__all__ = [
    "configured_upstreams",
    "demo_upstream",
    "find_local_model",
    "local_upstream",
    "no_model",
    "own_upstreams",
]

ECHO = "echo"
"""The demo model that answers where there is no other."""


def no_model(section: str) -> str:
    """Return the notice of a server without a model; the section is that of its settings."""
    return (
        "No language model is configured; demo/echo only repeats its input. Run 'jupyter aqueduct "
        f"pull' to download the small embedded model, or set c.{section}.upstreams. Then restart "
        "the server."
    )


def find_local_model(folder: Path, chosen: str, notices: list[str]) -> LocalModel | None:
    """Find the embedded model.

    Args:
        folder: the data folder, which contains the downloaded weights.
        chosen: the operator's own file, or "".
        notices: gets a message if that file cannot be used.

    Returns:
        The model, not started; None if the weights or the engine are missing.
    """
    path = Path(chosen).expanduser() if chosen else weights_path(folder)
    if chosen and not path.is_file():
        notices.append(f"local_model_path: the file {path} does not exist.")
    if chosen and not is_engine_installed():
        notices.append(
            "The embedded model's engine is not installed. Install it with: pip install "
            "'aqueduct-jupyter[local]'."
        )
    if not path.is_file() or not is_engine_installed():
        return None
    return LocalModel(path, path.stem.lower() if chosen else MODEL_NAME)


def configured_upstreams(
    configured: Mapping[str, Mapping[str, Any]],
    environment: MutableMapping[str, str],
    notices: list[str],
) -> list[Upstream]:
    """Create the configured upstreams; one with invalid settings is reported and left out.

    Args:
        configured: ``c.AqueductApp.upstreams``.
        environment: may contain keys and one more upstream. Variables that are read are removed,
            because every kernel can read the server's variables.
        notices: gets a message for each upstream that cannot be used.
    """
    found: list[Upstream] = []
    for name, settings in configured.items():
        try:
            _check_name(name)
            found.append(Upstream(name, read_settings(name, settings, environment)))
        except ValueError as error:
            notices.append(str(error))
    for variable in {settings.get("api_key_env") for settings in configured.values()} - {None}:
        environment.pop(str(variable), None)
    try:
        named = settings_from_environment(environment)
        found += [Upstream(name, settings) for name, settings in named.items()]
    except ValueError as error:
        notices.append(str(error))
    return found


def own_upstreams(
    local_model: LocalModel | None,
    *,
    has_others: bool,
    is_local_chosen: bool = False,
    lists_demo: bool = False,
) -> list[Upstream]:
    """Create the upstreams of our own models.

    Args:
        local_model: the embedded model; by default it is used only without other upstreams.
        has_others: whether there are other upstreams, or were meant to be.
        is_local_chosen: whether the operator chose the embedded model, so it is always used.
        lists_demo: whether the demo models are listed even if there are others.
    """
    own = []
    if local_model and (is_local_chosen or not has_others):
        own.append(local_upstream(local_model))
    has_no_model = not (own or has_others)
    # Something must answer a first question; the rest is listed only for who asks for it.
    listed = MODELS if lists_demo else (ECHO,) if has_no_model else ()
    return [*own, demo_upstream(listed)]


def local_upstream(model: LocalModel) -> Upstream:
    """Create the upstream whose only model is the embedded one."""
    # Each request replaces this URL with the child's.
    settings = UpstreamSettings.model_validate(
        {"base_url": "http://local.invalid/v1", "apis": ONLY_CHAT}
    )
    requests = LocalRequests(model, model.name)
    return Upstream(EMBEDDED, settings, transport=requests, default_model=model.name)


def demo_upstream(listed: Sequence[str]) -> Upstream:
    """Create the upstream of the scripted models.

    Args:
        listed: the models that are listed; names such as ``demo/slow`` always work.
    """
    # The URL is never used: the transport answers by itself.
    settings = UpstreamSettings.model_validate(
        {"base_url": "http://demo.invalid/v1", "apis": ONLY_CHAT}
    )
    return Upstream(
        SCRIPTED,
        settings,
        transport=DemoTransport(listed),
        is_listed=bool(listed),
        lists_full_names=True,
        default_model=ECHO if listed else None,
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise ValueError(
            f"Upstream '{name}': the name may contain only letters, digits, dots, - and _."
        )
