"""This file finds the code examples of a page: every fence in it, whatever is done with it.

Running them is left to ``test_examples.py`` and ``record.py``.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from markdown_it.token import Token
from nbclient import NotebookClient

__all__ = ["DOCS", "PAGES", "ROOT", "Example", "examples", "run_cells"]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

# What the pages' build reads, tests read as well.
sys.path.insert(0, str(DOCS / "extensions"))

_CODE = ("code-cell", "code-block", "code")
"""The directives that hold code; all others hold text or listings."""


@dataclass(frozen=True, slots=True)
class Example:
    """One example.

    ``language`` is that of the fence, or what a directive says; ``options`` are the directive's,
    and ``reason`` is why it is not run, where the page says so.
    """

    page: str
    line: int
    directive: str
    language: str
    code: str
    options: dict[str, str]
    reason: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def may_fail(self) -> bool:
        return "raises-exception" in self.options.get("tags", "") + self.options.get("class", "")


def examples(path: Path) -> list[Example]:
    """Give the examples of a page, in its order."""
    tokens = MarkdownIt().parse(path.read_text())
    before = [None, *tokens]
    found = [
        _example(path, token, previous)
        for previous, token in zip(before, tokens, strict=False)
        if token.type == "fence"
    ]
    return [example for example in found if example is not None]


def run_cells(found: list[Example], folder: Path, environment: dict[str, str]) -> None:
    """Run examples in one kernel; the first that fails ends it, unless it is meant to fail."""
    cells = [nbformat.v4.new_code_cell(example.code) for example in found]
    for cell, example in zip(cells, found, strict=True):
        cell.metadata["tags"] = ["raises-exception"] if example.may_fail else []
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=environment)


def _example(path: Path, token: Token, before: Token | None) -> Example | None:
    directive, language, code = "", token.info.strip(), token.content
    options: dict[str, str] = {}
    if named := re.fullmatch(r"\{([\w-]+)\}\s*(.*)", language):
        directive, language = named[1], named[2]
        if directive not in _CODE:
            return None
        lines = code.splitlines(keepends=True)
        while lines and (option := re.fullmatch(r":([\w-]+):\s*(.*)\n", lines[0])):
            options[option[1]] = option[2]
            lines.pop(0)
        code = "".join(lines).lstrip("\n")
    mark = before and re.fullmatch(r"<!-- not run: (.+) -->\s*", before.content)
    line = token.map[0] + 1 if token.map else 0
    name = path.relative_to(ROOT).as_posix()
    return Example(name, line, directive, language, code, options, mark[1] if mark else "")
