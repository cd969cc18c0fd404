"""What the documentation must not forget: options, commands, buttons, listings, links."""

from __future__ import annotations

import re
import shlex

import pytest

from .examples import DOCS, PAGES, ROOT, Example, examples

import introspection  # isort: skip  # the documentation's own, found by .examples
from listings import LISTINGS, TABLES  # isort: skip

ROOT_PAGES = [
    ROOT / f"{name}.md"
    for name in ("README", "ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "SECURITY")
]
LAB = ROOT / "labextension" / "src" / "lab"
MOST_LINES = 120
"""Lines of a README that a newcomer reads to its end."""


def asked(name: str) -> list[str]:
    """Give the lines of a page's examples that begin with a magic."""
    found: list[Example] = examples(DOCS / name)
    return [line for one in found for line in one.code.splitlines() if line.startswith("%")]


@pytest.mark.parametrize("option", introspection.chat_options(), ids=lambda option: option.name)
def test_every_option_of_a_question_has_an_example(option: introspection.Row) -> None:
    used = {
        word for line in asked("chat.md") if line.startswith("%%chat") for word in shlex.split(line)
    }
    assert used & set(option.name.split(", "))


@pytest.mark.parametrize("command", introspection.chat_commands(), ids=lambda command: command.name)
def test_every_command_has_an_example(command: introspection.Row) -> None:
    used = {line.split()[1] for line in asked("chat-commands.md") if line.startswith("%chat ")}
    assert command.name.split()[0] in used


@pytest.mark.parametrize("setting", introspection.settings(), ids=lambda setting: setting.name)
def test_every_setting_has_an_example(setting: introspection.Row) -> None:
    code = "\n".join(one.code for page in PAGES for one in examples(page))
    assert f"c.AqueductApp.{setting.name} = " in code


@pytest.mark.parametrize("setting", introspection.hub_settings(), ids=lambda setting: setting.name)
def test_every_setting_of_the_service_has_an_example(setting: introspection.Row) -> None:
    code = "\n".join(one.code for page in PAGES for one in examples(page))
    # Those that the extension has too have their examples there.
    assert re.search(rf"c\.Aqueduct(Hub|App)\.{setting.name} = ", code)


def test_every_listing_is_on_a_page() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    on_pages = set(re.findall(r"^```\{listing\} (\S+)$", text, re.MULTILINE))
    assert on_pages == {*LISTINGS, *TABLES}


@pytest.mark.parametrize("source", ["commands.ts", "context.ts"])
def test_every_command_on_cells_is_on_the_page_of_the_sidebar(source: str) -> None:
    labels = re.findall(r"(?:label: |asks\(\s*)words\.__\('([^']+)'\)", (LAB / source).read_text())
    page = (DOCS / "sidebar.md").read_text().lower()
    assert labels
    assert [label for label in labels if label.lower() not in page] == []


def test_every_route_of_the_description_is_served() -> None:
    served = {row.name for row in introspection.addresses()}
    described = {re.sub(r"\{\w+\}", "{id}", path) for path in introspection.openapi()["paths"]}
    assert described <= served


@pytest.mark.parametrize("page", ROOT_PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page: object) -> None:
    text = page.read_text()  # type: ignore[attr-defined]
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= MOST_LINES
