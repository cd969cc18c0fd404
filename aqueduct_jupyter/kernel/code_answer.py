"""The code in an answer: its blocks, and whether they would run here.

The magics decide where the code goes. markdown-it finds the blocks, pyflakes the names.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field

from ..protocol.code_blocks import MAGICS, PYTHON, cell_source, language_of

__all__ = ["CodeAnswer", "code_faults", "code_of"]


@dataclass(slots=True)
class CodeAnswer:
    """The code in an answer.

    Args:
        python: all of its Python, or the first cell with a magic if there is none; "" if the
            answer has no code.
        cells: one for each block, in their order.
        left_out: the languages of blocks that no cell can run.
    """

    python: str
    cells: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def code_of(text: str, magics: Container[str] = tuple(MAGICS.values())) -> CodeAnswer:
    """Return the code in an answer.

    A text without any block counts as code if it is Python.

    Args:
        text: the answer.
        magics: the cell magics that there are.
    """
    from markdown_it import MarkdownIt

    # Blocks only: inline parsing takes time and finds no fences.
    reader = MarkdownIt().disable("inline")
    fences = [token for token in reader.parse(text) if token.type == "fence"]
    if not fences:
        bare = text.strip() + "\n"
        return CodeAnswer(bare, [bare]) if _is_python(bare) else CodeAnswer("")
    python, found = list[str](), CodeAnswer("")
    for fence in fences:
        language = language_of(fence.info)
        source = cell_source(fence.content, language, magics)
        if source is None:
            found.left_out.append(language)
            continue
        found.cells.append(source)
        if language in PYTHON:
            python.append(source)
    found.python = "\n".join(python or found.cells[:1])
    return found


def _is_python(text: str) -> bool:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    # A single word is a name, and two numbers are a tuple: neither is code that was asked for.
    words = (ast.Name, ast.Constant, ast.Tuple)
    return any(
        not (isinstance(node, ast.Expr) and isinstance(node.value, words)) for node in tree.body
    )


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
