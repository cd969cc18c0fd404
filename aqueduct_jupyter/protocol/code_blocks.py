"""A code block of an answer -> the source of the cell that runs it.

The browser's side is `labextension/src/model/cell-source.ts`. Where cells go is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Container

__all__ = ["MAGICS", "PYTHON", "cell_source", "language_of"]

PYTHON = ("", "python", "python3", "py", "py3", "ipython", "ipython3", "pycon", "pyi")
MAGICS = {
    "bash": "bash",
    "sh": "bash",
    "shell": "bash",
    "zsh": "bash",
    "console": "bash",
    "shell-session": "bash",
    "sql": "sql",
    "html": "html",
    "javascript": "javascript",
    "js": "javascript",
    "latex": "latex",
    "tex": "latex",
    "svg": "svg",
    "markdown": "markdown",
    "md": "markdown",
    "perl": "perl",
    "ruby": "ruby",
    "r": "R",
}
"""The cell magics for other languages."""

_LANGUAGE = re.compile(r"[{\s.]*([\w+#-]*)")
_PROMPT = re.compile(r"^(?:>>>|\.\.\.) ?")
_SHELL_PROMPT = re.compile(r"^[$%#] ")


def cell_source(
    code: str, language: str, magics: Container[str] = tuple(MAGICS.values())
) -> str | None:
    """Return the source of a cell for a block; None if no cell can run it.

    Args:
        code: the block's text.
        language: its language, as from :func:`language_of`.
        magics: the cell magics that there are.
    """
    if language in PYTHON:
        return _without_prompts(code, _PROMPT)
    magic = MAGICS.get(language)
    if magic is None or magic not in magics:
        return None
    # Some models write the magic, too.
    if re.match(rf"\s*%%{magic}\b", code):
        return code.lstrip()
    return f"%%{magic}\n{_without_prompts(code, _SHELL_PROMPT)}"


def language_of(info: str) -> str:
    """Return the language of a block: the first word, as Markdown's dialects write it."""
    match = _LANGUAGE.match(info)
    return match[1].lower() if match else ""


def _without_prompts(code: str, prompt: re.Pattern[str]) -> str:
    """Return the typed lines of a session; code without prompts stays as it is."""
    lines = code.splitlines()
    if not lines or not prompt.match(lines[0]):
        return code
    return "".join(f"{prompt.sub('', line)}\n" for line in lines if prompt.match(line))
