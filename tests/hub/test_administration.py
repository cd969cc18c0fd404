"""The service's page and its API for administrators, behind a real hub's login."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import expect

from ..browser.chromium import running_browser
from ..standin import HANG, StandIn, chunk
from .hub import Hub
from .service import QUESTION, RunningService, error_of, eventually, token_of

ADMINISTRATORS = (
    "aqueduct/admin/usage",
    "aqueduct/admin/requests",
    "aqueduct/admin/budgets",
    "aqueduct/admin/upstreams",
    "aqueduct/admin/audit",
)


@pytest.fixture(autouse=True)
def nothing_received(upstream: StandIn) -> None:
    """Let each test see only its own requests."""


@contextmanager
def browser_of(hub: Hub, service: RunningService, user: str) -> Iterator[tuple[httpx.Client, str]]:
    """Log in as a user does, and give the page."""
    with httpx.Client(
        base_url=service.url, follow_redirects=True, timeout=60, trust_env=False
    ) as browser:
        browser.get(f"{hub.url}/hub/login")
        words = {"username": user, "password": "any", "_xsrf": browser.cookies["_xsrf"]}
        login = browser.post(f"{hub.url}/hub/login?next=/services/aqueduct/", data=words)
        login.raise_for_status()
        yield browser, login.text


def xsrf_of(page: str) -> dict[str, str]:
    (token,) = re.findall('name="xsrf" content="([^"]+)"', page)
    return {"X-XSRFToken": token, "Sec-Fetch-Mode": "cors"}


def test_users_are_no_administrators(hub: Hub, service: RunningService) -> None:
    with service.client(token_of(hub, "alice")) as http:
        for path in ADMINISTRATORS:
            assert error_of(http.get(path)) == (403, "not_for_users")
        assert error_of(http.delete("aqueduct/admin/requests/req_1")) == (403, "not_for_users")
        for change in (http.put, http.delete):
            assert error_of(change("aqueduct/admin/budgets/everyone")) == (403, "not_for_users")
    for path in ADMINISTRATORS:
        assert httpx.get(f"{service.url}{path}", trust_env=False).status_code == 401


def test_administrators_see_what_everybody_used(
    hub: Hub, service: RunningService, upstream: StandIn
) -> None:
    with service.client(token_of(hub, "alice")) as http:
        http.post("v1/chat/completions", json={**QUESTION, "model": "=cmd()"})
        http.post("v1/chat/completions", json=QUESTION).raise_for_status()
    with service.client(token_of(hub, "carol")) as http:
        by_user = http.get("aqueduct/admin/usage").json()["data"]
        assert "alice" in [row["user"] for row in by_user]
        by_group = http.get("aqueduct/admin/usage", params={"by": "group"}).json()["data"]
        assert "students" in [row["group"] for row in by_group]
        answer = http.get("aqueduct/admin/usage", params={"by": "model", "format": "csv"})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        # A spreadsheet runs nothing of what a client called its model.
        assert {row["model"] for row in rows} >= {"real-name", "'=cmd()"}
        campus = {"name": "campus", "answers": True, "error": None}
        assert campus in http.get("aqueduct/admin/upstreams").json()["data"]
        wrong = http.get("aqueduct/admin/usage", params={"by": "prompt"})
        assert error_of(wrong)[0] == 400


def test_an_administrator_changes_a_budget_and_stops_a_request(
    hub: Hub, service: RunningService, upstream: StandIn
) -> None:
    bob, carol = token_of(hub, "bob"), token_of(hub, "carol")
    one, two = service.replicas[:2]
    with service.client(carol, one.url) as hers, service.client(bob, two.url) as his:
        set_to = hers.put(
            "aqueduct/admin/budgets/user:bob", json={"requests_in_flight": 1, "carry_over": 0}
        )
        assert set_to.status_code == 200, set_to.text
        mine = {"holder": "user:bob", "budget": {"requests_in_flight": 1}}
        eventually(lambda: mine in his.get("aqueduct/budget").json()["data"])
        upstream.stream(chunk("a"), HANG)
        with his.stream("POST", "v1/chat/completions", json={**QUESTION, "stream": True}) as answer:
            pieces = answer.iter_raw()  # the answer ends with it
            assert b'"a"' in next(pieces)
            second = his.post("v1/chat/completions", json=QUESTION)
            assert second.status_code == 429
            assert "1 request is running" in second.json()["error"]["message"]
            (running,) = [
                request
                for request in hers.get("aqueduct/admin/requests").json()["data"]
                if request["user"] == "bob"
            ]
            assert hers.delete(f"aqueduct/admin/requests/{running['id']}").json()["stopped"]
            assert upstream.chats[0].client_left.wait(60)
        assert hers.delete("aqueduct/admin/budgets/user:bob").json()["deleted"]
        assert error_of(hers.delete("aqueduct/admin/budgets/user:bob"))[0] == 404
        lines = hers.get("aqueduct/admin/audit").json()["data"][:3]
        assert [(line["actor"], line["action"], line["subject"]) for line in lines] == [
            ("carol", "budget.remove", "user:bob"),
            ("carol", "request.stop", running["id"]),
            ("carol", "budget.set", "user:bob"),
        ]


def test_the_page_needs_the_hubs_login_and_its_requests_the_xsrf_token(
    hub: Hub, service: RunningService
) -> None:
    with browser_of(hub, service, "carol") as (browser, page):
        assert 'name="user" content="carol"' in page
        assert 'name="role" content="administrator"' in page
        own = xsrf_of(page)
        assert browser.get("aqueduct/admin/usage", headers=own).status_code == 200
        forged = {"X-XSRFToken": "forged", "Sec-Fetch-Mode": "cors"}
        assert error_of(browser.get("aqueduct/admin/usage", headers=forged)) == (
            403,
            "missing_xsrf",
        )
        refused = browser.put("aqueduct/admin/budgets/everyone", json={"tokens_per_day": 1})
        assert error_of(refused) == (403, "missing_xsrf")
        ours = browser.put(
            "aqueduct/admin/budgets/user:eve", json={"tokens_per_day": 1}, headers=own
        )
        assert ours.status_code == 200
        assert browser.delete("aqueduct/admin/budgets/user:eve", headers=own).status_code == 200
        # The page has the token, so a script of another page on the hub must not get it.
        for mode in ("cors", "same-origin"):
            stolen = browser.get("", headers={"Sec-Fetch-Mode": mode})
            assert (stolen.status_code, "xsrf" in stolen.text) == (403, False)
    with browser_of(hub, service, "alice") as (browser, page):
        assert 'name="role" content="user"' in page
        refused = browser.get("aqueduct/admin/usage", headers=xsrf_of(page))
        assert error_of(refused) == (403, "not_for_users")
        assert browser.get("aqueduct/usage", headers=xsrf_of(page)).status_code == 200


def test_an_administrator_sets_a_budget_on_the_page(hub: Hub, service: RunningService) -> None:
    def set_budget() -> None:
        with running_browser() as browser:
            page = browser.new_page()
            page.goto(service.url)
            page.get_by_label("Username").fill("carol")
            page.get_by_label("Password").fill("any")
            page.keyboard.press("Enter")
            page.locator("#holder").fill("user:gil")
            page.locator("#budget").fill('{"tokens_per_day": 5000}')
            page.get_by_role("button", name="Set", exact=True).click()
            budgets = page.locator("#budgets")
            expect(budgets).to_contain_text("user:gil")
            expect(budgets).to_contain_text("5,000 tokens a day")
            page.locator("#budget").fill("[]")
            page.get_by_role("button", name="Set", exact=True).click()
            expect(page.locator("#problem")).to_be_in_viewport()
            page.locator("#restore").click()
            expect(budgets).not_to_contain_text("user:gil")
            expect(page.locator("#problem")).to_be_hidden()

    # Playwright has a loop of its own, which the thread of other tests' loops does not take.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(set_budget).result()


def test_names_stay_whole_on_a_narrow_screen(hub: Hub, service: RunningService) -> None:
    holder = f"user:{'long' * 50}"

    def look() -> None:
        with running_browser() as browser:
            page = browser.new_page(viewport={"width": 360, "height": 640})
            page.goto(service.url)
            page.get_by_label("Username").fill("carol")
            page.get_by_label("Password").fill("any")
            page.keyboard.press("Enter")
            who = page.locator("#audit").get_by_text("carol", exact=True).first
            expect(who).to_be_visible()
            box, line = who.bounding_box(), page.locator("#audit th bdi").first.bounding_box()
            assert box is not None
            assert line is not None
            assert box["height"] <= line["height"] + 1
            # What surrounds a name is not in its direction.
            expect(page.locator("#budgets bdi", has_text=holder)).to_have_text(holder)
            expect(page.locator("#budgets tr", has_text=holder)).to_contain_text("(changed)")
            wide = "document.scrollingElement.scrollWidth - window.innerWidth"
            assert page.evaluate(wide) <= 0

    with service.client(token_of(hub, "carol")) as http:
        path = f"aqueduct/admin/budgets/{holder}"
        http.put(path, json={"tokens_per_day": 5000, "requests_per_month": 7}).raise_for_status()
        with ThreadPoolExecutor(1) as thread:
            thread.submit(look).result()
        http.delete(path).raise_for_status()


def test_nothing_that_is_written_into_the_page_runs(hub: Hub, service: RunningService) -> None:
    with browser_of(hub, service, "carol") as (browser, _):
        answer = browser.get("")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy
        script = browser.get("page.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "innerHTML" not in script.text
        models = browser.get("v1/models", headers=xsrf_of(answer.text))
        assert models.headers["content-security-policy"].startswith("default-src 'none'")
