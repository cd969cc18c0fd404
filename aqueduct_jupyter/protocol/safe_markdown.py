"""Model text -> Markdown that cannot run code in any front end.

Model text is hostile: it may repeat instructions from a web page or a document. A front end that
trusts its kernel renders raw HTML in Markdown, and a script in the page can run code on the server.
Callers decide what to show and when.

Front ends parse Markdown with different libraries, so the text is made safe without assuming that
they parse it as we do:

* Every line that begins with a fence, after any whitespace, counts as a fence. It moves to the
  start of its line, after an empty line, where every reader recognizes it; the code in it is not
  changed. Anything that could end or swallow such a fence for another reader becomes plain text.
* Elsewhere no ``<`` is left that could begin a tag. It becomes ``&lt;``. In what looks like a code
  span, where the reference would be shown literally, a zero-width character separates it from the
  tag's name instead.
* A link keeps its target only if that is http, https, mailto or relative. An image becomes a link:
  a front end would load its address without a click, which could leak a secret.
"""

from __future__ import annotations

import html
import re
from collections import deque

__all__ = ["close_fence", "safe_markdown", "without_commands"]

WORD_JOINER = "\u2060"
"""A zero-width character."""

_FENCE = re.compile(r"([ \t]*)(?:(`{3,})([^`]*)|(~{3,})(.*))$")
_INFO = re.compile(r"[^\w.+#-]")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
# The search for the end of a run stops at the end of its line, and the lengths of runs are limited.
_SPAN = re.compile(r"(?<!`)(`{1,32})(?!`)(.+?)(?<!`)\1(?!`)|(?<!\\)(\${1,2})[^$`]+\3")
# A lookahead, because a target may itself contain the start of a link. Any Unicode whitespace may
# come before the target: some readers skip it.
_LINK = re.compile(r"\](\s*)\((?=([\s\ufeff]*<?[^)\s]{0,1000})(.?))", re.DOTALL)
_IMAGE = re.compile(r"!+(?=\[)")
_BLANKS = re.compile(r"[\s\ufeff\x00-\x20\x7f-\x9f\u200b\u2060]")
# A label contains no brackets, so the next bracket ends each search and every character is read
# once. A task's checkbox may come first. Source: https://spec.commonmark.org/0.31.2/#link-label
_DEFINITION = re.compile(
    r"^([ \t>*+\-\d.)]*(?:\[[ xX]\][ \t]+)?)\[(?=(?:\\.|[^\[\]\\])*+\]:)",
    re.MULTILINE | re.DOTALL,
)
_SCHEME = re.compile(r"([^/?#:]*):", re.DOTALL)
_KNOWN_SCHEMES = ("http", "https", "mailto")
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# MathJax commands that make links, or set classes, ids or styles.
_COMMAND = re.compile(r"\\(href|class|cssId|style|require|unicode)\b")
# JupyterLab replaces these with formulas, quotes included, even inside an attribute.
_PLACEHOLDER = re.compile(r"@@(?=\d+@@)")


def safe_markdown(text: str) -> str:
    """Make a model's Markdown safe to render.

    Args:
        text: the model's Markdown; a fence that is still open is closed.
    """
    text = _PLACEHOLDER.sub(f"@{WORD_JOINER}@", _LINE_ENDS.sub("\n", text))
    lines = deque(text.split("\n"))
    shown: list[str] = []
    prose: list[str] = []
    while lines:
        line = lines.popleft()
        fence = _FENCE.match(line)
        if fence is None:
            prose.append(line)
            continue
        shown += _prose(prose)
        prose = []
        # An empty line keeps paragraphs, headings and lists from swallowing the fence.
        shown += [""] if shown and shown[-1].strip() else []
        shown += _block(fence, lines)
    return "\n".join(shown + _prose(prose))


def close_fence(text: str) -> str:
    """Close a fence that is still open at the end of the text, as in an unfinished answer."""
    mark: str | None = None
    for line in text.split("\n"):
        fence = _FENCE.match(line)
        if mark is None:
            mark = _mark(fence) if fence else None
        elif _is_end(mark, line):
            mark = None
    if mark is None:
        return text
    return text + ("" if text.endswith("\n") else "\n") + mark


def _block(fence: re.Match[str], lines: deque[str]) -> list[str]:
    """Remove a fence's lines from the rest and return the block as all readers see it."""
    mark, info = _mark(fence), (fence[3] or fence[5] or "").split()
    content: list[str] = []
    while lines and not _is_end(mark, lines[0]):
        content.append(lines.popleft().removeprefix(fence[1]))
    if not lines and content and not content[-1]:
        # The text ended with a line break inside an open fence.
        content.pop()
    if lines:
        lines.popleft()
    return [mark + _INFO.sub("", info[0] if info else ""), *content, mark]


def _mark(fence: re.Match[str]) -> str:
    return fence[2] or fence[4]


def _is_end(mark: str, line: str) -> bool:
    # Readers differ in what they allow around it; if any reader would end the fence, we do too.
    stripped = line.strip()
    return stripped.startswith(mark) and not stripped.strip("`~")


def _prose(lines: list[str]) -> list[str]:
    if not lines:
        return []
    text = _DEFINITION.sub(r"\1\\[", "\n".join(lines))
    pieces: list[str] = []
    end = 0
    for span in _SPAN.finditer(text):
        pieces.append(_plain_prose(text[end : span.start()]))
        # A space changes nothing in a formula.
        apart = " " if span[3] else WORD_JOINER
        pieces.append(_TAG.sub(f"<{apart}", without_commands(span[0])))
        end = span.end()
    pieces.append(_plain_prose(text[end:]))
    # Links are checked last, in the joined text: another reader may see no code span here.
    return _LINK.sub(_checked_link, _IMAGE.sub("", "".join(pieces))).split("\n")


def _plain_prose(text: str) -> str:
    return without_commands(_TAG.sub("&lt;", text))


def without_commands(formula: str) -> str:
    """Return a formula without the commands that make links, or set classes, ids or styles."""
    return _COMMAND.sub(_named, formula)


def _named(command: re.Match[str]) -> str:
    return f"\\text{{{command[1]}}}"


def _checked_link(link: re.Match[str]) -> str:
    is_whole = not link[3] or link[3] == ")" or link[3].isspace()
    return link[0] if is_whole and _is_harmless(link[2]) else f"]{link[1]}\\("


def _is_harmless(target: str) -> bool:
    # As browsers do: decode entities, and ignore control characters and whitespace.
    plain = html.unescape(html.unescape(target)).replace("\\", "")
    plain = _BLANKS.sub("", plain)
    if "<" in plain:
        return False
    scheme = _SCHEME.match(plain)
    return scheme is None or scheme[1].lower() in _KNOWN_SCHEMES
