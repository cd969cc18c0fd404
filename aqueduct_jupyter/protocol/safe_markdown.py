"""Model text -> Markdown that no front end can be made to run.

Model text is hostile: it may repeat what a web page or a document told it. A front end that trusts
its kernel renders raw HTML in Markdown, and what runs in the page can run code on the server. When
to show what is left to :mod:`.display`.

Front ends read Markdown with different libraries, so the text is made harmless without trusting
that ours reads it as theirs does:

* Every line that begins with a fence, after any blanks, is taken for one, and moved to the
  beginning of its line after an empty line, where every reader sees it; there nothing is changed.
  Whatever could end or swallow such a fence for another reader is made plain words.
* Everywhere else no ``<`` is left that could begin a tag: it becomes ``&lt;``, or inside what looks
  like a code span, where that would be shown letter by letter, is parted from its tag's name by a
  character without width.
* A link keeps its target only where that is http, https, mailto or relative. An image becomes a
  link: its address would be asked for without a click, and could carry a secret away.
"""

from __future__ import annotations

import html
import re
from collections import deque

__all__ = ["close_fence", "safe_markdown", "without_commands"]

WORD_JOINER = "\u2060"
"""A character without width."""

_FENCE = re.compile(r"([ \t]*)(?:(`{3,})([^`]*)|(~{3,})(.*))$")
_INFO = re.compile(r"[^\w.+#-]")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
# A run without its match is looked for up to its line's end: as many as there are lengths of runs.
_SPAN = re.compile(r"(?<!`)(`{1,32})(?!`)(.+?)(?<!`)\1(?!`)|(?<!\\)(\${1,2})[^$`]+\3")
# Looked at without being passed by: a target may itself hold the beginning of a link.
# Blanks of any alphabet may stand before it: some readers pass them by.
_LINK = re.compile(r"\](\s*)\((?=([\s\ufeff]*<?[^)\s]{0,1000})(.?))", re.DOTALL)
_IMAGE = re.compile(r"!+(?=\[)")
_BLANKS = re.compile(r"[\s\ufeff\x00-\x20\x7f-\x9f\u200b\u2060]")
# A label has no brackets of its own, so the next one ends every search: each letter is looked at
# once. A task's box may stand before it. Source: https://spec.commonmark.org/0.31.2/#link-label
_DEFINITION = re.compile(
    r"^([ \t>*+\-\d.)]*(?:\[[ xX]\][ \t]+)?)\[(?=(?:\\.|[^\[\]\\])*+\]:)",
    re.MULTILINE | re.DOTALL,
)
_SCHEME = re.compile(r"([^/?#:]*):", re.DOTALL)
_KNOWN_SCHEMES = ("http", "https", "mailto")
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# MathJax commands that make links, or give names to what they draw.
_COMMAND = re.compile(r"\\(href|class|cssId|style|require|unicode)\b")
# JupyterLab puts formulas in the place of these, quotes and all, also inside an attribute.
_PLACEHOLDER = re.compile(r"@@(?=\d+@@)")


def safe_markdown(text: str) -> str:
    """Make a model's Markdown harmless.

    Args:
        text: as the model wrote it; a fence that is still open is closed.
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
        # No paragraph, title or list reaches over an empty line into the fence.
        shown += [""] if shown and shown[-1].strip() else []
        shown += _block(fence, lines)
    return "\n".join(shown + _prose(prose))


def close_fence(text: str) -> str:
    """Close a fence that is open at the text's end, as that of an unfinished answer may be."""
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
    """Take a fence's lines off the rest and give the block, as every reader sees it."""
    mark, info = _mark(fence), (fence[3] or fence[5] or "").split()
    content: list[str] = []
    while lines and not _is_end(mark, lines[0]):
        content.append(lines.popleft().removeprefix(fence[1]))
    if not lines and content and not content[-1]:
        # The text ended with a line's end, in an open fence.
        content.pop()
    if lines:
        lines.popleft()
    return [mark + _INFO.sub("", info[0] if info else ""), *content, mark]


def _mark(fence: re.Match[str]) -> str:
    return fence[2] or fence[4]


def _is_end(mark: str, line: str) -> bool:
    # Readers differ in what may stand before and after; whatever ends it for one, ends it here.
    stripped = line.strip()
    return stripped.startswith(mark) and not stripped.strip("`~")


def _prose(lines: list[str]) -> list[str]:
    if not lines:
        return []
    text = _DEFINITION.sub(r"\1\\[", "\n".join(lines))
    pieces: list[str] = []
    end = 0
    for span in _SPAN.finditer(text):
        pieces.append(_words(text[end : span.start()]))
        # In a formula a blank is nothing.
        apart = " " if span[3] else WORD_JOINER
        pieces.append(_TAG.sub(f"<{apart}", without_commands(span[0])))
        end = span.end()
    pieces.append(_words(text[end:]))
    # Links are looked at last and as a whole: a span may be none for another reader.
    return _LINK.sub(_checked_link, _IMAGE.sub("", "".join(pieces))).split("\n")


def _words(text: str) -> str:
    return without_commands(_TAG.sub("&lt;", text))


def without_commands(formula: str) -> str:
    """Give a formula without the commands that make links, or give names to what is drawn."""
    return _COMMAND.sub(_named, formula)


def _named(command: re.Match[str]) -> str:
    return f"\\text{{{command[1]}}}"


def _checked_link(link: re.Match[str]) -> str:
    is_whole = not link[3] or link[3] == ")" or link[3].isspace()
    return link[0] if is_whole and _is_harmless(link[2]) else f"]{link[1]}\\("


def _is_harmless(target: str) -> bool:
    # As browsers do: entities are characters, and controls and blanks before the colon are nothing.
    plain = html.unescape(html.unescape(target)).replace("\\", "")
    plain = _BLANKS.sub("", plain)
    if "<" in plain:
        return False
    scheme = _SCHEME.match(plain)
    return scheme is None or scheme[1].lower() in _KNOWN_SCHEMES
