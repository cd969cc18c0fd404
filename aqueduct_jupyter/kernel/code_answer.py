"""The code in an answer: its blocks, and whether they would run here.

The magics decide where the code goes. markdown-it finds the blocks, pyflakes the names.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator

__all__ = ["code_faults", "code_of"]

_PYTHON = ("", "python", "python3", "py", "ipython")


def code_of(text: str) -> str:
    """Return an answer's Python: its code blocks joined, or the whole text if it has no blocks.

    Args:
        text: the answer.
    """
    from markdown_it import MarkdownIt

    # Blocks only: inline parsing takes time and finds no fences.
    reader = MarkdownIt().disable("inline")
    fences = [token for token in reader.parse(text) if token.type == "fence"]
    blocks = [fence.content for fence in fences if fence.info.strip().lower() in _PYTHON]
    if not fences:
        return text.strip() + "\n"
    return "\n".join(blocks)


def code_faults(code: str, names: Iterable[str]) -> list[str]:
    """Return sentences that explain why code would not run here; empty if it looks fine.

    Args:
        code: Python, with magics already turned into calls.
        names: the names that the notebook defines.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        return [f"It does not parse: {getattr(error, 'msg', error)} (line {line})."]
    return [*_undefined(tree, names), *_missing(tree)]


def _undefined(tree: ast.Module, names: Iterable[str]) -> Iterator[str]:
    from pyflakes.checker import Checker
    from pyflakes.messages import UndefinedName

    found = Checker(tree, builtins=set(names)).messages
    unknown = {message.message_args[0] for message in found if isinstance(message, UndefinedName)}
    if unknown:
        yield f"Names that do not exist here: {', '.join(sorted(unknown))}."


def _missing(tree: ast.Module) -> Iterator[str]:
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported.add(node.module.partition(".")[0])
    missing = sorted(name for name in imported if not _is_there(name))
    if missing:
        yield f"Packages that are not installed: {', '.join(missing)}."


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
