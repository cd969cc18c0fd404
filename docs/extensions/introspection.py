"""This file is what the documentation reads from the code: settings, options, errors, routes.

Each function gives rows of plain text, so that pages and tests see the same. How they look on a
page is left to ``listings.py``.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import inspect
import io
import json
import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel
from traitlets import Bool, Dict, Float, Integer, Unicode
from traitlets.config import Configurable

import aqueduct_jupyter
from aqueduct_jupyter.command import _parser
from aqueduct_jupyter.gateway.configured_upstreams import demo_upstream
from aqueduct_jupyter.gateway.embedded.model import LocalModel
from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.prices.price import ConfiguredPrice
from aqueduct_jupyter.gateway.requests.limits import Budget, Limits
from aqueduct_jupyter.gateway.requests.metrics import Metrics
from aqueduct_jupyter.gateway.requests.running import RunningRequests
from aqueduct_jupyter.gateway.requests.shared_limits import SharedBudget, SharedLimits
from aqueduct_jupyter.gateway.stores.sql import tables
from aqueduct_jupyter.gateway.upstreams import settings as upstream_settings
from aqueduct_jupyter.gateway.upstreams.circuits import Circuit
from aqueduct_jupyter.gateway.upstreams.deployments import (
    ConfiguredDeployment,
    Deployment,
    Group,
    Route,
)
from aqueduct_jupyter.kernel.commands import Commands
from aqueduct_jupyter.kernel.magics import ChatMagics
from aqueduct_jupyter.protocol.errors import AqueductError
from aqueduct_jupyter.server.http.openapi import openapi_document
from aqueduct_jupyter.server.hub.app import AqueductHub
from aqueduct_jupyter.server.jupyter import reports
from aqueduct_jupyter.server.jupyter.app import AqueductApp
from aqueduct_jupyter.testing import plugin

PACKAGE = Path(aqueduct_jupyter.__file__).parent
FRONT = PACKAGE.parent / "labextension"

VARIABLES = ("AQUEDUCT_", "OPENAI_", "JUPYTERHUB_", "JPY_", "SSL_CERT_")
"""How the environment variables begin that this package reads or sets."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that can be set or given: its name, kind, default, and what the code says of it."""

    name: str
    kind: str = ""
    default: str = ""
    text: str = ""


def settings() -> list[Row]:
    """Give the settings of the server extension, ``c.AqueductApp``."""
    return _traits(AqueductApp)


def hub_settings() -> list[Row]:
    """Give the settings of the hub's service, ``c.AqueductHub``."""
    return _traits(AqueductHub)


def shared_limits() -> list[Row]:
    """Give the words of ``c.AqueductHub.limits``."""
    return _fields(SharedLimits)


def shared_budget() -> list[Row]:
    """Give the words of one budget of the service."""
    return _fields(SharedBudget)


def magic_settings() -> list[Row]:
    """Give what ``%config ChatMagics`` sets."""
    return _traits(ChatMagics)


def upstream_fields() -> list[Row]:
    """Give the settings of one upstream, and the other ways to give its key."""
    rows = _fields(upstream_settings.UpstreamSettings)
    source = inspect.getsource(upstream_settings)
    others = {word for word in _texts(source) if re.fullmatch(r"api_key_\w+", word)}
    return rows + [Row(name, "str") for name in sorted(others)]


def deployment_fields() -> list[Row]:
    """Give the words of one deployment in ``c.AqueductApp.deployments``."""
    return _fields(ConfiguredDeployment)


def limits() -> list[Row]:
    """Give the words of ``c.AqueductApp.limits``."""
    return _fields(Limits)


def budget() -> list[Row]:
    """Give the words of one budget."""
    return _fields(Budget)


def price() -> list[Row]:
    """Give the words of one price."""
    return _fields(ConfiguredPrice)


def chat_options() -> list[Row]:
    """Give the options of ``%%chat``."""
    return _options(ChatMagics.chat.parser)


def chat_commands() -> list[Row]:
    """Give the commands of ``%chat``, as ``%chat help`` lists them."""
    chats: Any = None  # listing them asks nobody
    said = io.StringIO()
    with redirect_stdout(said):
        Commands(chats).run("help")
    lines = (line.removeprefix("%chat ").partition(": ") for line in said.getvalue().splitlines())
    return [Row(command, text=text) for command, _, text in lines]


def command_line() -> list[tuple[Row, list[Row]]]:
    """Give the commands of ``jupyter aqueduct``, each with its options."""
    (commands,) = (
        action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    helps = {action.dest: action.help or "" for action in commands._choices_actions}
    return [
        (Row(name, text=helps[name]), _options(parser)) for name, parser in commands.choices.items()
    ]


def plugin_options() -> list[Row]:
    """Give the options of the pytest plugin."""
    return _options(_as_parser(plugin.pytest_addoption))


def errors() -> list[Row]:
    """Give the error classes: name, status, code, and what each is."""
    return [
        Row(
            f"{kind.__module__}.{kind.__qualname__}",
            str(kind.default_status or ""),
            kind.default_code or "",
            _first_paragraph(kind),
        )
        for kind in _tree(AqueductError)
    ]


def more_codes() -> list[Row]:
    """Give the codes that errors are given where they are raised."""
    known = {row.default for row in errors()}
    codes = {
        keyword.value.value
        for tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }
    return [Row(code) for code in sorted(filter(None, codes - known))]


def environment() -> list[Row]:
    """Give the environment variables that this package names."""
    named = {
        text
        for tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(text := node.value, str)
        if text.startswith(VARIABLES) and re.fullmatch(r"[A-Z_]+[A-Z]", text)
    }
    # Names that are put together of a service's name and an ending.
    pairs = (("AQUEDUCT", "BASE_URL"), ("AQUEDUCT", "API_KEY"))
    return [Row(name) for name in sorted(named | {"_".join(pair) for pair in pairs})]


def addresses() -> list[Row]:
    """Give every address that the server extension answers, as its routes have them."""
    with tempfile.TemporaryDirectory() as folder:
        app = AqueductApp(data_folder=folder)
        app.log.setLevel(logging.ERROR)
        app.initialize_settings()
        app.initialize_handlers()
    return [
        Row(_readable(pattern), kind=handler.__name__, text=_first_paragraph(handler))
        for pattern, handler, *_ in app.handlers
    ]


def openapi() -> dict[str, Any]:
    """Give the description of all addresses."""
    return openapi_document()


def metrics() -> list[Row]:
    """Give the metrics: each with its kind, its labels and what it counts."""
    return [
        Row(
            family.name + ("_total" if family.type == "counter" else ""),
            family.type,
            ", ".join(
                dict.fromkeys(
                    label for sample in family.samples for label in sample.labels if label != "le"
                )
            ),
            family.documentation,
        )
        for family in text_string_to_metric_families(asyncio.run(_counted()).decode())
        if not family.name.endswith("_created")  # the client library's own
    ]


async def _counted() -> bytes:
    """Count a request that is over while it still runs, so that every metric has its labels."""
    running, entry = RunningRequests(), _entry()
    route = Route(demo_upstream(()), "echo")
    group = Group("gpt", (Deployment(route, 1, Circuit("demo/echo")),))
    counted = Metrics(running, lambda: LocalModel(Path("model.gguf"), "model"), lambda: [group])
    counted.record(entry)
    with running.running(entry):
        return counted.text()


def event_fields() -> list[Row]:
    """Give what Jupyter's event of a finished request holds."""
    properties = reports._SCHEMA["properties"]
    kinds = {name: words["type"] for name, words in properties.items()}
    return [
        Row(name, kind if isinstance(kind, str) else " or ".join(kind))
        for name, kind in kinds.items()
    ]


def ledger() -> list[Row]:
    """Give the columns of the table of finished requests."""
    return [Row(column.name, str(column.type)) for column in tables.requests.columns]


def lab_plugins() -> list[Row]:
    """Give the plugins of JupyterLab that can be switched off."""
    sources = "\n".join(path.read_text() for path in sorted((FRONT / "src" / "lab").glob("*.ts*")))
    named = set(re.findall(r"\bid: '(aqueduct-jupyter:[\w-]+)'", sources))
    named |= set(re.findall(r"_PLUGIN = '(aqueduct-jupyter:[\w-]+)'", sources))
    return [Row(name) for name in sorted(named)]


def lab_settings() -> list[Row]:
    """Give the settings of the chat in JupyterLab, and its keys."""
    rows = []
    for path in sorted((FRONT / "schema").glob("*.json")):
        schema = json.loads(path.read_text())
        rows += [
            Row(name, words["type"], repr(words.get("default")), words["description"])
            for name, words in schema["properties"].items()
        ]
    return rows


def _traits(kind: type[Configurable]) -> list[Row]:
    return [
        Row(name, _kind_of(trait), _shown(trait.default()), _line(trait.help))
        for name, trait in kind.class_traits(config=True).items()
        if trait.this_class.__module__.startswith("aqueduct_jupyter.")
    ]


def _kind_of(trait: Any) -> str:
    kinds = {Unicode: "str", Integer: "int", Bool: "bool", Dict: "dict", Float: "float"}
    return next((name for kind, name in kinds.items() if isinstance(trait, kind)), "")


def _fields(model: type[BaseModel]) -> list[Row]:
    return [
        Row(
            name,
            _annotation(field.annotation),
            "" if field.is_required() else _shown(field.default),
            _line(field.description or ""),
        )
        for name, field in model.model_fields.items()
    ]


def _annotation(annotation: Any) -> str:
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)]
    if all(isinstance(kind, str) for kind in kinds):
        return " or ".join(f'"{kind}"' for kind in kinds)
    # The first of a union says enough; an Annotated one has its type below.
    kind = getattr(kinds[0], "__origin__", kinds[0])
    name = getattr(kind, "__name__", str(kind))
    names = {"SecretStr": "str", "Path": "str", "tuple": "list", "Budget": "budget"}
    return names.get(name, name)


def _options(parser: argparse.ArgumentParser) -> list[Row]:
    actions = [action for action in parser._actions if action.dest != "help"]
    return [
        Row(
            ", ".join(action.option_strings) or action.dest,
            _choices(action),
            _shown(action.default),
            action.help or "",
        )
        for action in actions
    ]


def _choices(action: argparse.Action) -> str:
    return ", ".join(map(str, action.choices)) if action.choices else ""


def _shown(default: Any) -> str:
    """Write a default; an empty one is left out, and so is a group of words that are all None."""
    if isinstance(default, BaseModel) or default in (None, "", {}, []):
        return ""
    return "" if "Undefined" in repr(default) else str(default)


def _line(text: str) -> str:
    return " ".join(text.split())


def _first_paragraph(thing: Any) -> str:
    return _line((inspect.getdoc(thing) or "").split("\n\n", maxsplit=1)[0])


def _tree(root: type[AqueductError]) -> Iterator[type[AqueductError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def _modules() -> list[ast.Module]:
    return [ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))]


def _texts(source: str) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _readable(pattern: str) -> str:
    """Write a route's pattern as people write addresses."""
    pattern = re.sub(r"\(\?P<path>([^()]+)\)", r"\1", pattern)
    pattern = pattern.replace("(?P<deployment>[^/]+)", "{model}")
    named = re.sub(r"\((?:\?:)?\[\^/\]\+\)|\(\.\+\)|\(file-[^)]*\)", "{id}", pattern)
    return named.replace("\\.", ".")


def _entry() -> Entry:
    """Give a finished request of which every metric has something to count."""
    known: dict[str, Any] = {"upstream": "campus", "error_code": "x", "first_token_ms": 1}
    known["fell_back_from"] = [("campus", "x")]
    parameters = inspect.signature(Entry).parameters.values()
    needed = {
        parameter.name: "x" for parameter in parameters if parameter.default is parameter.empty
    }
    entry = Entry(**needed)
    for name, value in known.items():
        setattr(entry, name, value)
    return entry


def _as_parser(add_options: Any) -> argparse.ArgumentParser:
    """Give a parser with the options that a pytest plugin adds."""
    parser = argparse.ArgumentParser(add_help=False)

    class Group:
        def addoption(self, *words: Any, **more: Any) -> None:
            parser.add_argument(*words, **more)

    class Pytest:
        def getgroup(self, _name: str) -> Group:
            return Group()

    add_options(Pytest())
    return parser
