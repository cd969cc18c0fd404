"""Answers belong to the server: what becomes of them when pages and servers come and go."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect

from ..examples import examples
from ..standin import DONE, HANG, StandIn, chunk
from .chat import ChatOnPage, faults, open_sidebar, said_in
from .conftest import Open
from .lab import lab
from .server import LabServer, lab_server

RELOADS = examples(40, few=8)
SPAN_MS = 600
"""In the first half of it words come, in the second none; each part of it has a reload."""
WORDS = 30
"""How many words come around each reload."""


def sidebar(page: Page) -> ChatOnPage:
    """Find the sidebar of a page that was loaded again."""
    return ChatOnPage(page, ".aqueduct-sidebar")


def test_a_page_that_is_reloaded_at_any_moment_shows_every_word_once(
    open_lab: Open, standin: StandIn, server: LabServer
) -> None:
    chance = random.Random(19)
    moments = [(part + chance.random()) * SPAN_MS / RELOADS for part in range(RELOADS)]
    chance.shuffle(moments)
    gates = [threading.Event() for _ in range(RELOADS + 1)]
    words = [f"w{number}" for number in range(len(gates) * WORDS)]
    steps: list[bytes | float | threading.Event] = []
    for number, word in enumerate(words):
        steps += [gates[number // WORDS]] if number % WORDS == 0 else []
        steps += [chunk(f"{word} "), 0.01]
    standin.stream(*steps, DONE)
    with open_lab() as opened:
        chat = open_sidebar(opened.page)
        chat.ask("Count")
        gates[0].set()
        expect(chat.answer()).to_contain_text("w0")
        opened.reload()
        with server.bare(opened.page):
            for gate, moment in zip(gates[1:], moments, strict=True):
                gate.set()
                opened.page.wait_for_timeout(moment)
                opened.page.reload()
                answer = sidebar(opened.page).answer()
                expect(answer).to_contain_text("w0")
                seen = answer.inner_text().split()
                assert seen == words[: len(seen)]
        chat.expect_whole(words[-1])
        assert chat.answer().inner_text().split() == words
        expect(chat.area.locator(".aqueduct-error")).to_have_count(0)
    assert len(standin.chats) == 1


def test_two_pages_in_one_conversation_see_the_same(open_lab: Open, standin: StandIn) -> None:
    more = threading.Event()
    standin.stream(chunk("The first "), more, chunk("answer."), DONE)
    standin.stream(chunk("The second "), HANG)
    with open_lab() as opened:
        one = open_sidebar(opened.page)
        one.ask("About arches")
        expect(one.answer()).to_contain_text("The first")
        page = opened.page.context.new_page()
        page.goto(opened.page.url)
        two = open_sidebar(page)
        two.area.locator("summary[aria-label='Conversations']").click()
        two.area.locator("details[open] .aqueduct-menu-list button", has_text="arches").click()
        expect(two.answer()).to_contain_text("The first")
        more.set()
        for chat in (one, two):
            chat.expect_whole("The first answer.")
        two.ask("And then?")
        for chat in (one, two):
            chat.page.bring_to_front()  # a page that nobody sees hears of no new question
            expect(chat.answer()).to_contain_text("The second")
        one.button("Stop").click()
        for chat in (one, two):
            expect(chat.area.locator(".aqueduct-turn").last).to_have_attribute(
                "data-state", "stopped"
            )
        assert standin.chats[1].client_left.wait(5)
        one.area.locator("summary[aria-label='Conversations']").click()
        listed = one.area.locator("details[open] .aqueduct-menu-list button")
        expect(listed.filter(has_text="arches")).to_have_count(1)
        page.close()


def test_a_silent_model_says_so_and_questions_wait(open_lab: Open, standin: StandIn) -> None:
    more = threading.Event()
    standin.stream(more, chunk("At last."), DONE)
    standin.stream(chunk("The second answer."), DONE)
    with open_lab(again=True) as opened:
        chat = open_sidebar(opened.page)
        chat.ask("one")
        chat.ask("two")
        chat.ask("three")
        silence = chat.area.locator(".aqueduct-silence")
        expect(silence).to_contain_text("Waiting for real-name · 5 s")
        expect(silence.get_by_role("button", name="Stop")).to_be_visible()
        queue = chat.area.get_by_role("region", name="Waiting questions")
        expect(queue.locator("li")).to_have_text(["two", "three"])
        assert faults(opened.page, ".aqueduct-sidebar") == []
        chat.screenshot("waiting")
        queue.get_by_role("button", name="Remove this waiting question").last.click()
        more.set()
        chat.expect_whole("The second answer.")
        expect(queue).to_have_count(0)
        asked = [message["content"] for message in said_in(standin.chats[1])]
        assert asked == ["one", "At last.", "two"]


def test_what_was_replaced_or_deleted_comes_back(open_lab: Open, standin: StandIn) -> None:
    for word in ("First.", "Second.", "Better."):
        standin.stream(chunk(word), DONE)
    with open_lab(again=True) as opened:
        chat = open_sidebar(opened.page)
        turns = chat.area.locator(".aqueduct-turn")
        chat.ask("one")
        chat.expect_whole("First.")
        chat.ask("two")
        chat.expect_whole("Second.")
        turns.first.get_by_role("button", name="Ask again").click()
        chat.expect_whole("Better.")
        expect(turns).to_have_count(1)
        expect(chat.area.get_by_role("group", name="Version 2 of 2")).to_be_visible()
        chat.screenshot("versions")
        chat.button("Previous version").click()
        expect(turns).to_have_count(2)
        expect(chat.answer()).to_contain_text("Second.")
        assert faults(opened.page, ".aqueduct-sidebar") == []

        turns.last.hover()
        turns.last.get_by_role("button", name="Delete this question").click()
        expect(turns).to_have_count(1)
        chat.button("Undo").click()
        expect(turns).to_have_count(2)
        expect(chat.answer()).to_contain_text("Second.")
        chat.button("Next version").click()
        expect(chat.answer()).to_contain_text("Better.")


def test_a_conversation_has_parameters_of_its_own(open_lab: Open, standin: StandIn) -> None:
    with open_lab("1", again=True) as opened:
        chat = open_sidebar(opened.page)
        chat.area.locator("summary[aria-label=Parameters]").click()
        facts = chat.area.get_by_text('notebook "work.ipynb"')
        expect(facts).to_contain_text("Python 3 (ipykernel)")
        chat.area.get_by_label("System message").fill("Be brief.")
        chat.area.get_by_label("Temperature").fill("0.5")
        chat.area.get_by_label("Longest answer").fill("9")
        assert faults(opened.page, ".aqueduct-sidebar") == []
        chat.screenshot("parameters")
        chat.ask("one")
        chat.expect_whole("Hello")
        first = standin.chats[0].json
        assert (first["temperature"], first["max_tokens"]) == (0.5, 9)
        system = first["messages"][0]["content"]
        assert system.startswith("Be brief.\n\nThe user works in the Jupyter notebook")
        opened.reload()
        chat.expect_whole("Hello")
        chat.area.locator("summary[aria-label='Parameters (changed)']").click()
        expect(chat.area.get_by_label("System message")).to_have_value("Be brief.")
        chat.area.get_by_label("Add facts about the notebook").uncheck()
        chat.ask("two")
        expect(chat.area.locator(".aqueduct-turn")).to_have_count(2)
        chat.expect_whole("Hello")
        assert standin.chats[1].json["messages"][0]["content"] == "Be brief."


@contextmanager
def server_on(
    port: int | None, token: str, folder: Path, standin: StandIn, python: Path
) -> Iterator[LabServer]:
    """Start a server, or one where another one was before."""
    options: dict[str, Any] = {
        "python": str(python),
        "arguments": [f"--IdentityProvider.token={token}"],
    }
    with lab_server(folder, standin, port=port, **options) as server:
        yield replace(server, process=replace(server.process, token=token))


def test_a_page_lives_through_a_server_that_is_killed(
    tmp_path: Path, standin: StandIn, installed: Path, browser: Browser
) -> None:
    token = secrets.token_hex(8)
    standin.stream(chunk("Half of it"), HANG)
    standin.stream(chunk(" and the rest."), DONE)
    with (
        ExitStack() as later,  # whoever tidies up behind the page asks the second server
        server_on(None, token, tmp_path, standin, installed) as first,
        lab(first, browser) as opened,
    ):
        chat = open_sidebar(opened.page)
        # JupyterLab's own, which says that the server is gone.
        dialog = opened.page.locator(".jp-Dialog")
        opened.page.add_locator_handler(dialog, lambda: dialog.locator("button").last.click())
        chat.ask("Tell me")
        expect(chat.answer()).to_contain_text("Half of it")
        opened.page.wait_for_timeout(1_500)  # until it is stored
        first.process.process.kill()
        first.process.process.wait()
        expect(chat.area.get_by_text("Reconnecting…")).to_be_visible()
        expect(chat.area.locator(".aqueduct-error")).to_have_count(0)
        port = httpx.URL(first.process.url).port
        later.enter_context(server_on(port, token, tmp_path, standin, installed))
        expect(
            chat.area.get_by_text("The server stopped while this answer was running")
        ).to_be_visible()
        expect(chat.area.get_by_text("Reconnecting…")).to_have_count(0)
        expect(chat.answer()).to_contain_text("Half of it")
        chat.button("Continue").click()
        chat.expect_whole("and the rest.")
        said = [message["content"] for message in said_in(standin.chats[1])]
        assert said[:2] == ["Tell me", "Half of it"]
