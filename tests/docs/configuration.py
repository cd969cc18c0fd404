"""Settings on pages: loaded as Jupyter loads them, and the extension assembled."""

from __future__ import annotations

import ast
import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.shellapp import InteractiveShellApp
from jupyter_events import EventLogger
from jupyter_server.serverapp import ServerApp
from jupyterhub.app import JupyterHub
from jupyterhub.spawner import Spawner
from traitlets.config import Config

from aqueduct_jupyter.kernel.magics import ChatMagics
from aqueduct_jupyter.server.hub.app import AqueductHub
from aqueduct_jupyter.server.jupyter.app import AqueductApp

from .examples import Example

__all__ = ["is_settings", "load_settings"]

CLASSES = {
    "AqueductHub": AqueductHub,
    "JupyterHub": JupyterHub,
    "AqueductApp": AqueductApp,
    "ChatMagics": ChatMagics,
    "EventLogger": EventLogger,
    "InteractiveShellApp": InteractiveShellApp,
    "ServerApp": ServerApp,
    "Spawner": Spawner,
}


def is_settings(example: Example) -> bool:
    """Tell whether an example sets something of ``c``, as Jupyter's configuration files do."""
    if example.language != "python" or example.code.startswith("%"):
        return False
    # Assignments and c.JupyterHub.services.append(...).
    return any(ast.unparse(node).startswith("c.") for node in ast.parse(example.code).body)


def load_settings(code: str, folder: Path) -> None:
    """Load settings, look whether every one exists, and assemble the extension from its own."""
    for path in re.findall(r'"(/[^"]+\.(?:key|gguf))"', code):
        Path(path).write_text("sk-from-a-file")
    names: dict[str, Any] = {"c": Config()}
    exec(compile(code, "<settings>", "exec"), names)
    config = names["c"]
    for name, chosen in config.items():
        unknown = set(chosen) - set(CLASSES[name].class_trait_names(config=True))
        assert not unknown, f"c.{name} has no {unknown}"
    if "AqueductApp" in config:
        assemble(config, folder)
    if "AqueductHub" in config:
        AqueductHub(config=config).gateway_settings()
    if hook := config.Spawner.get("pre_spawn_hook"):
        give_key(hook, names)


def assemble(config: Config, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_KEY", "sk-from-a-variable")
        patch.setattr(AqueductApp, "_default_data_folder", lambda _: str(folder / "data"))
        app = AqueductApp(config=config)
        app.log = logging.Logger("aqueduct")
        app.log.addHandler(heard := Heard(logging.WARNING))
        app.initialize_settings()
    assert [words for words in heard.said if "No language model" not in words] == []


class Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def give_key(hook: Callable[[Any], Any], names: dict[str, Any]) -> None:
    async def key_for(name: str) -> str:
        return f"key-of-{name}"

    names["key_for"] = key_for
    spawner = SimpleNamespace(environment={}, user=SimpleNamespace(name="ada"))
    asyncio.run(hook(spawner))
    assert spawner.environment["AQUEDUCT_TOKEN"] == "key-of-ada"
