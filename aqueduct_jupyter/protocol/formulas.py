r"""Formulas in a model's Markdown, written so that notebooks show them, and money as money.

Models write formulas as ``\(x\)``, ``\[x\]``, ``$x$`` and ``$$x$$``, and amounts as ``$3.50``. A
notebook knows only the dollar signs, and takes whatever is between two amounts for a formula. So
all formulas get dollar signs, and every other dollar sign is escaped. Code is not changed.

What counts as a formula between single dollar signs is pandoc's rule: no blank inside either of
them, and no digit after the second. Source: https://pandoc.org/MANUAL.html#math
"""

from __future__ import annotations

import re

__all__ = ["with_dollar_signs"]

# The lengths are bounded, so each search is, too.
_TOKEN = re.compile(
    r"(?<!`)(?P<ticks>`{1,32})(?!`)(?:(?!\n\n).){1,4000}?(?<!`)(?P=ticks)(?!`)"
    r"|(?P<display>(?<!\\)\\\[(?P<block>(?:(?!\n\n)[^`]){1,4000}?)(?<!\\)\\\])"
    r"|(?P<inline>(?<!\\)\\\((?P<term>(?:(?!\n\n)[^`]){1,1000}?)(?<!\\)\\\))"
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
    if "$" not in text and "\\" not in text:
        return text
    written, prose, fence = list[str](), list[str](), ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            written.append(line)
            if mark and mark[1].startswith(fence) and not line.strip().strip("`~"):
                fence = ""
        elif mark:
            written += _prose(prose)
            prose, fence = [], mark[1]
            written.append(line)
        else:
            prose.append(line)
    return "\n".join([*written, *_prose(prose)])


def _prose(lines: list[str]) -> list[str]:
    return _TOKEN.sub(_written, "\n".join(lines)).split("\n") if lines else []


def _written(token: re.Match[str]) -> str:
    if token["display"]:
        return f"$${token['block'].strip()}$$"
    if token["inline"]:
        return f"${token['term'].strip()}$"
    return "\\$" if token["money"] else token[0]
