"""The names of tools upstream, where there are neither namespaces nor custom tools."""

from __future__ import annotations

import hashlib
import re

from .forms import ToolName

__all__ = ["ToolNames"]

LONGEST_TOOL_NAME = 64
"""Most characters of a function's name in the chat API."""

DIGEST_CHARACTERS = 10

_VALID = re.compile(rf"[a-zA-Z0-9_-]{{1,{LONGEST_TOOL_NAME}}}")
_INVALID = re.compile(r"[^a-zA-Z0-9_-]")


class ToolNames:
    """Gives each of the client's tools its own name upstream.

    A tool keeps its name if it can; declare plain functions first, since they usually can.
    """

    def __init__(self) -> None:
        self._upstream: dict[ToolName, str] = {}
        self._tools: dict[str, ToolName] = {}

    def upstream(self, tool: ToolName) -> str:
        """Return a tool's name upstream, always the same one."""
        if tool not in self._upstream:
            name = self._free(tool)
            self._upstream[tool] = name
            self._tools[name] = tool
        return self._upstream[tool]

    def restored(self) -> dict[str, ToolName]:
        """Return the tools to restore in an answer, by their names upstream."""
        return {name: tool for name, tool in self._tools.items() if tool != ToolName(name)}

    def _free(self, tool: ToolName) -> str:
        name = tool.name if tool.namespace is None else f"{tool.namespace}__{tool.name}"
        # A function's own name is the client's choice, and the upstream judges it.
        is_valid = tool == ToolName(name) or _VALID.fullmatch(name)
        if is_valid and name not in self._tools:
            return name
        start = _INVALID.sub("_", name[: LONGEST_TOOL_NAME - DIGEST_CHARACTERS - 1])
        digest = hashlib.sha256(repr(tool).encode(errors="surrogatepass"))
        while (short := f"{start}_{digest.hexdigest()[:DIGEST_CHARACTERS]}") in self._tools:
            digest.update(b"again")
        return short
