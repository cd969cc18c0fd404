"""This file is the directive ``{listing}``: a table of what the code has, made at build time.

````
```{listing} upstreams
base_url: The address of the service.
```
````

The names, kinds and defaults are the code's. Where the code says nothing of a name, the page must;
a name that neither describes, or that the page describes and the code does not have, is a warning,
and so ends the build. Reading the code is left to :mod:`introspection`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import introspection
from docutils import nodes
from introspection import Row
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.logging import getLogger

__all__ = ["LISTINGS", "TABLES", "setup"]

_log = getLogger(__name__)

Read = Callable[[], list[Row]]
Column = tuple[str, Callable[[Row], str]]


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _codes(text: str) -> str:
    return ", ".join(map(_code, text.split(", "))) if text else ""


NAME: Column = ("name", lambda row: _codes(row.name))
TYPE: Column = ("type", lambda row: _code(row.kind))
DEFAULT: Column = ("default", lambda row: _code(row.default))
TEXT: Column = ("description", lambda row: _sentence(row.text))
CHOICES: Column = ("values", lambda row: _codes(row.kind))
LABELS: Column = ("labels", lambda row: _codes(row.default))
ERROR: Column = (
    "class",
    lambda row: f"{{py:class}}`{row.name.rpartition('.')[2]} <{row.name}>`",
)
STATUS: Column = ("status", lambda row: row.kind)
CODE: Column = ("code", lambda row: _code(row.default))

TABLES: Mapping[str, tuple[Read, Sequence[Column]]] = {
    "settings": (introspection.settings, (NAME, TYPE, DEFAULT, TEXT)),
    "hub-settings": (introspection.hub_settings, (NAME, TYPE, DEFAULT, TEXT)),
    "shared-limits": (introspection.shared_limits, (NAME, TYPE, TEXT)),
    "shared-budget": (introspection.shared_budget, (NAME, TYPE, TEXT)),
    "magic-settings": (introspection.magic_settings, (NAME, TYPE, DEFAULT, TEXT)),
    "upstreams": (introspection.upstream_fields, (NAME, TYPE, DEFAULT, TEXT)),
    "deployment": (introspection.deployment_fields, (NAME, TYPE, DEFAULT, TEXT)),
    "limits": (introspection.limits, (NAME, TYPE, TEXT)),
    "budget": (introspection.budget, (NAME, TYPE, TEXT)),
    "price": (introspection.price, (NAME, TYPE, TEXT)),
    "chat-options": (introspection.chat_options, (NAME, CHOICES, DEFAULT, TEXT)),
    "chat-commands": (introspection.chat_commands, (NAME, TEXT)),
    "plugin-options": (introspection.plugin_options, (NAME, CHOICES, DEFAULT, TEXT)),
    "errors": (introspection.errors, (ERROR, STATUS, CODE, TEXT)),
    "more-codes": (introspection.more_codes, (NAME, TEXT)),
    "environment": (introspection.environment, (NAME, TEXT)),
    "metrics": (introspection.metrics, (NAME, TYPE, LABELS, TEXT)),
    "ledger": (introspection.ledger, (NAME, TYPE, TEXT)),
    "event": (introspection.event_fields, (NAME, TYPE, TEXT)),
    "lab-plugins": (introspection.lab_plugins, (NAME, TEXT)),
    "lab-settings": (introspection.lab_settings, (NAME, TYPE, TEXT)),
}
"""The tables: where each has its rows, and its columns."""


class Listing(SphinxDirective):
    """Puts a listing into a page."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Give the listing's nodes."""
        name = self.arguments[0]
        if name in LISTINGS:
            return self._parsed(LISTINGS[name]())
        read, columns = TABLES[name]
        return self._parsed(_table(self._described(name, read()), columns))

    def _described(self, name: str, rows: Iterable[Row]) -> list[Row]:
        said = dict(_descriptions("\n".join(self.content)))
        described = [replace(row, text=said.pop(row.name, row.text)) for row in rows]
        for row in described:
            if not row.text:
                self._warn(f"listing {name}: nothing describes '{row.name}'")
        for unknown in said:
            self._warn(f"listing {name}: the code has no '{unknown}'")
        return described

    def _warn(self, message: str) -> None:
        _log.warning(message, location=self.get_location())

    def _parsed(self, text: str) -> list[nodes.Node]:
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("listing", Listing)
    return {"parallel_read_safe": True}


def _descriptions(content: str) -> Iterable[tuple[str, str]]:
    for entry in re.split(r"\n(?=\S)", content.strip()):
        name, is_one, text = entry.partition(": ")
        if is_one:
            yield name, " ".join(text.split())


def _table(rows: Iterable[Row], columns: Sequence[Column]) -> str:
    rows = list(rows)
    # A column that is empty in every row says nothing.
    shown = [(head, cell) for head, cell in columns if any(cell(row) for row in rows)]
    lines = [[head for head, _ in shown], ["---"] * len(shown)]
    lines += [[_cell(cell(row)) for _, cell in shown] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _sentence(text: str) -> str:
    """Make a docstring's or help's words a sentence of Markdown."""
    plain = re.sub(r":\w+:`[.~]*([^`]+)`", r"`\1`", text).replace("``", "`").strip()
    plain = re.sub(r"<(?=\w)", r"\\<", plain)
    return plain[:1].upper() + plain[1:] + ("" if plain.endswith((".", "?", "!", ")")) else ".")


def _command_line() -> str:
    """Write the commands of ``jupyter aqueduct``."""
    parts = []
    for command, options in introspection.command_line():
        parts.append(f"## `jupyter aqueduct {command.name}`\n\n{_sentence(command.text)}")
        parts.append(_table(options, (NAME, CHOICES, TEXT)))
    return "\n\n".join(parts)


def _addresses() -> str:
    """Write every address, its prefixes in one line."""
    rows = [row for row in introspection.addresses() if "(?:" not in row.name]
    by_handler: dict[str, list[Row]] = {}
    for row in rows:
        by_handler.setdefault(row.kind, []).append(row)
    columns: Sequence[Column] = (("address", lambda row: _codes(row.name)), TEXT)
    merged = [
        Row(", ".join(row.name for row in same), text=same[0].text) for same in by_handler.values()
    ]
    return _table(merged, columns)


def _routes() -> str:
    """Write each route of the OpenAPI document: what it takes and what it gives."""
    document = introspection.openapi()
    paths = document["paths"]
    parts = []
    for path, item in paths.items():
        if f"/v1{path}" in paths:
            continue  # the same without its prefix
        for verb, operation in item.items():
            parts.append(f"### `{verb.upper()} {path}`\n\n{_sentence(operation['summary'])}")
            if parameters := operation.get("parameters"):
                parts.append(_parameters(parameters))
            if body := operation.get("requestBody"):
                parts.append(f"Takes {_contents(body['content'])}.")
            answer = operation["responses"]["200"]["content"]
            parts.append(f"Answers with {_contents(answer)}.")
    return "\n\n".join(parts)


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        Row(
            parameter["name"],
            parameter["in"],
            _schema_name(parameter["schema"]),
        )
        for parameter in parameters
    ]
    where: Column = ("in", lambda row: row.kind)
    value: Column = ("value", lambda row: row.default)
    return _table(rows, (("parameter", NAME[1]), where, value))


def _contents(content: Mapping[str, Mapping[str, Any]]) -> str:
    return " or ".join(
        f"`{kind}`" + (f" ({name})" if (name := _schema_name(words.get("schema", {}))) else "")
        for kind, words in content.items()
    )


def _schema_name(schema: Mapping[str, Any]) -> str:
    """Say in a few words which values a schema allows."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return " or ".join(_code(str(value)) for value in schema["enum"])
    if "const" in schema:
        return _code(str(schema["const"]))
    for word in ("anyOf", "oneOf"):
        if word in schema:
            names = (_schema_name(one) for one in schema[word])
            return " or ".join(dict.fromkeys(filter(None, names)))
    kind = schema.get("type", "")
    if kind == "array":
        inner = _schema_name(schema.get("items", {}))
        return f"array of {inner}" if inner else "array"
    if kind == "object" and "properties" in schema:
        return "fields " + ", ".join(map(_code, schema["properties"]))
    kinds = kind if isinstance(kind, list) else [kind]
    bounds = [
        f"{sign} {schema[word]}"
        for word, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
        if word in schema
    ]
    return " ".join([" or ".join(map(str, kinds)), ", ".join(bounds)]).strip()


def _schemas() -> str:
    """Write each object that the routes take or give."""
    parts = []
    for name, schema in introspection.openapi()["components"]["schemas"].items():
        parts.append(f"### {name}")
        parts.append(_docstring(schema.get("description", "")))
        required = schema.get("required", ())
        rows = [
            Row(
                field,
                _schema_name(words),
                "yes" if field in required else "",
                words.get("description", ""),
            )
            for field, words in schema.get("properties", {}).items()
        ]
        value: Column = ("value", lambda row: row.kind)
        needed: Column = ("required", lambda row: row.default)
        text: Column = ("description", lambda row: _sentence(row.text) if row.text else "")
        if rows:
            parts.append(_table(rows, (("field", NAME[1]), value, needed, text)))
        else:
            parts.append(f"Values: {_schema_name(schema)}.")
    return "\n\n".join(filter(None, parts))


def _docstring(text: str) -> str:
    return _sentence(text.split("\n\n", maxsplit=1)[0]) if text else ""


LISTINGS: Mapping[str, Callable[[], str]] = {
    "addresses": _addresses,
    "command-line": _command_line,
    "routes": _routes,
    "schemas": _schemas,
}
"""The listings that are more than one table."""
