"""Model text in a page: whatever a reader of Markdown makes of it, nothing of it runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aqueduct_jupyter.protocol.safe_markdown import WORD_JOINER, close_fence, safe_markdown

from ..examples import examples

HARMLESS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li"),
    *("ol", "p", "pre", "strong", "s", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
"""What Markdown itself makes."""

READERS = [
    MarkdownIt("commonmark", {"html": True}),
    MarkdownIt("gfm-like", {"html": True, "linkify": False}),
]
for reader in READERS:
    # As a reader would be that lets every link pass.
    reader.validateLink = lambda url: True  # type: ignore[method-assign]


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HARMLESS:
            self.found.append(tag)
        for name, value in attrs:
            scheme = re.match(r"([^/?#:]*):", re.sub(r"[\x00-\x20]", "", value or ""))
            if name not in ("href", "class", "start", "style", "title") or (
                name == "href" and scheme and scheme[1].lower() not in ("http", "https", "mailto")
            ):
                self.found.append(f"{name}={value}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(decl)

    handle_pi = handle_comment = unknown_decl = handle_decl  # type: ignore[assignment]


def harm(text: str) -> list[str]:
    """Give everything harmful that any reader would put into the page."""
    return [found for reader in READERS for found in Page(reader.render(text)).found]


EVIL = "<img src=x onerror=alert(1)>"
ATTACKS = [
    EVIL,
    "<script>alert(1)</script>",
    "<SCRIPT\n>alert(1)</SCRIPT>",
    "text <b onclick=alert(1)>bold</b>",
    "<!-- x --><?php ?><![CDATA[x]]>",
    f"`{EVIL}`",
    f"\\`{EVIL}`",
    f"``{EVIL}`",
    f"a ` b\n{EVIL}\n` c",
    f"> {EVIL}",
    f"- {EVIL}",
    f"| a |\n|---|\n| {EVIL} |",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](&#x6A;avascript&colon;alert(1))",
    "[x](javascript\\:alert(1))",
    "[x](\njavascript:alert(1))",
    "[x](< javascript:alert(1)>)",
    "[x](<javascript:alert(1)>)",
    "[x](\x01javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "![x](javascript:alert(1))",
    "![x](https://evil.invalid/?secret)",
    "![x][y]\n\n[y]: https://evil.invalid/",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "[x\ny]\n\n[x\ny]: javascript:alert(1)",
    "[x\\]y]: javascript:alert(1)\n\n[x\\]y]",
    "- [y]: javascript:alert(1)\n\n[y]",
    "<javascript:alert(1)>",
    f"  ```\n\n```\n{EVIL}\n```\n",
    f"```\n   ```\n{EVIL}\n```",
    f"```\n```~\n{EVIL}\n```",
    f"```\r```\r{EVIL}",
    f"- a\n  ```\n{EVIL}\n```\n",
    f"1. a\n\n   ```\n   x\n   ```\n   {EVIL}",
    f"a\n```\n{EVIL}\n===\n```",
    f'[a]: x "\n```\n" \n{EVIL}\n```\n',
    f"~~~ `\n{EVIL}\n",
    f"~~~\n```\n~~~\n{EVIL}",
    f"````\n```\n{EVIL}\n````",
    f"    ```\n{EVIL}",
    f"> ```\n{EVIL}\n> ```",
    f"```\u2028{EVIL}",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_comes_through(attack: str) -> None:
    assert harm(safe_markdown(attack)) == []


def test_the_page_finds_what_is_there() -> None:
    assert harm(EVIL)
    assert harm("[x](javascript:alert(1))")
    assert harm("![x](https://evil.invalid)")


PIECES = st.sampled_from(
    [
        *("```", "~~~", "````", "`", "``", "\n", "\n\n", "\r", "   ", "    ", "\t", "- ", "1. "),
        *("> ", "# ", "===", "---", "| ", "[a]: x ", "[a](", ")", "![", "]", '"', "\\", "<", ">"),
        *(
            EVIL,
            "</p>",
            "<!--",
            "-->",
            "<a href='javascript:x'>",
            "javascript:x",
            "&lt;",
            "$",
            "$$",
        ),
        *("word", " ", "@@0@@", "\u2028"),
    ]
)


@settings(max_examples=examples(1500))
@given(st.lists(PIECES, max_size=30).map("".join))
@example("`<a`>`")
@example("[a]([a](javascript:x)")
@example("[a](java](script:x)")
@example("[x](\u00a0javascript:x)")
@example("[x](\u3000\ufeffjavascript:x)")
@example("- [ ] [x]: javascript:x\n\n[x]")
@example("[" + "a" * 2100 + "]: javascript:x\n\n[x][" + "a" * 2100 + "]")
def test_nothing_that_is_put_together_comes_through(text: str) -> None:
    assert harm(safe_markdown(text)) == []


@pytest.mark.parametrize(
    "text",
    ["![a](b)", "!![a](b)", "!!![a](b)", "[x](\u00a0javascript:x)", "- [ ] [x]: javascript:x"],
)
def test_no_image_and_no_script_is_left(text: str) -> None:
    # Seen with marked, which JupyterLab reads Markdown with, and not with the readers above.
    assert "![" not in safe_markdown(text)
    assert "](\u00a0" not in safe_markdown(text)
    assert not re.search(r"^- \[ \] \[", safe_markdown(text))


@given(st.lists(PIECES, max_size=20).map("".join))
def test_what_was_made_safe_stays_safe(text: str) -> None:
    assert harm(safe_markdown(safe_markdown(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, 1 < 2 and 3 > 2, a<=b.",
        "# Title\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "```python\nif a < b:\n    print('<b>')\n```",
        "before\n\n```html\n<img src=x>\n```\n\nafter",
        "See [the docs](https://example.org/a_(b)), [here](page.html#x), [mail](mailto:a@b.c).",
        "Inline $a < b$ and `x < y` and **bold**.",
        "~~~\n```\n~~~",
        "",
    ],
)
def test_ordinary_text_is_not_changed(text: str) -> None:
    assert safe_markdown(text) == text


def test_code_in_a_list_moves_to_the_beginning_of_its_lines() -> None:
    text = "1. Do:\n   ```python\n   if a:\n       b\n   ```\n2. Then"
    assert safe_markdown(text) == "1. Do:\n\n```python\nif a:\n    b\n```\n2. Then"


def test_a_tag_in_a_code_span_looks_as_it_did() -> None:
    shown = safe_markdown("Use `<div>` here")
    assert shown == f"Use `<{WORD_JOINER}div>` here"


def test_a_formula_means_what_it_did() -> None:
    assert safe_markdown("$a<b$ and $$x<y$$") == "$a< b$ and $$x< y$$"
    assert safe_markdown(r"$\href{javascript:x}{y}$") == r"$\text{href}{javascript:x}{y}$"


def test_an_image_becomes_a_link() -> None:
    assert safe_markdown("![a cat](https://x.invalid/c.png)") == "[a cat](https://x.invalid/c.png)"


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("```python\nx = 1", "```python\nx = 1\n```"),
        ("````\n```\n", "````\n```\n````"),
        ("~~~\nx\n~~~\nafter", "~~~\nx\n~~~\nafter"),
        ("no fence", "no fence"),
    ],
)
def test_an_unfinished_fence_is_closed_for_display(text: str, closed: str) -> None:
    assert close_fence(text) == closed
    assert safe_markdown(text) == safe_markdown(closed)
