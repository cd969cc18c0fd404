r"""Formulas in a model's Markdown, written so that notebooks show them, and money as money.

Models write formulas as ``\(x\)``, ``\[x\]``, ``$x$`` and ``$$x$$``, and amounts as ``$3.50``. A
notebook knows only the dollar signs, and takes whatever is between two amounts for a formula. So
all formulas get dollar signs, and every other dollar sign is escaped. Code is not changed.

What counts as a formula between single dollar signs is pandoc's rule: no blank inside either of
them, and no digit after the second. Source: https://pandoc.org/MANUAL.html#math
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["with_dollar_signs", "with_plain_dollars"]

# The lengths are bounded, so each search is, too; and none looks past where another formula begins.
_TOKEN = re.compile(
    r"(?<!`)(?P<ticks>`{1,32})(?!`)(?:(?!\n\n).){1,4000}?(?<!`)(?P=ticks)(?!`)"
    r"|(?P<display>(?<!\\)\\\[(?P<block>(?:(?!\n\n|(?<!\\)\\\[)[^`]){1,4000}?)(?<!\\)\\\])"
    r"|(?P<inline>(?<!\\)\\\((?P<term>(?:(?!\n\n|(?<!\\)\\\()[^`]){1,1000}?)(?<!\\)\\\))"
    r"|(?P<escaped>\\[\\$])"
    r"|(?P<dollars>\$\$(?:(?!\n\n)[^$`]){1,4000}?\$\$)"
    r"|(?P<formula>\$(?![\s$])(?:(?!\n\n)[^$`\\]|\\(?!\n).){0,1000}?(?<!\s)\$(?![\d$]))"
    r"|(?P<money>\$)",
    re.DOTALL,
)
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")


def with_dollar_signs(text: str) -> str:
    """Write formulas with dollar signs, and escape all other dollar signs.

    Args:
        text: Markdown; a fence or a formula may still be open.
    """
    return _outside_fences(text, _written) if "$" in text or "\\" in text else text


def _outside_fences(text: str, write: Callable[[re.Match[str]], str]) -> str:
    """Write each token of the prose anew."""
    written, prose, fence = list[str](), list[str](), ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            written.append(line)
            if mark and mark[1].startswith(fence) and not line.strip().strip("`~"):
                fence = ""
        elif mark:
            written += _prose(prose, write)
            prose, fence = [], mark[1]
            written.append(line)
        else:
            prose.append(line)
    return "\n".join([*written, *_prose(prose, write)])


def _prose(lines: list[str], write: Callable[[re.Match[str]], str]) -> list[str]:
    return _TOKEN.sub(write, "\n".join(lines)).split("\n") if lines else []


def with_plain_dollars(markdown: str) -> str:
    """Put each escaped dollar sign into an element of its own.

    JupyterLab's Markdown reader takes the backslash away before MathJax looks for formulas in the
    page; MathJax never joins the text of two elements.

    Args:
        markdown: what :func:`with_dollar_signs` returned, made safe.
    """
    return _outside_fences(markdown, _plain) if "\\$" in markdown else markdown


def _plain(token: re.Match[str]) -> str:
    return f"<span>{token[0]}</span>" if token[0] == "\\$" else token[0]


def _written(token: re.Match[str]) -> str:
    if token["display"]:
        return f"$${token['block'].strip()}$$"
    if token["inline"]:
        return f"${token['term'].strip()}$"
    return "\\$" if token["money"] else token[0]
