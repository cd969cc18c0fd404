"""Questions to stored conversations: answered without their page, heard and stopped by anybody."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.gateway.gateway import Gateway
from aqueduct_jupyter.gateway.requests import listeners
from aqueduct_jupyter.gateway.requests.chat_reading import ChatReading
from aqueduct_jupyter.gateway.requests.chat_saving import ChatSaving
from aqueduct_jupyter.gateway.requests.chats import Chats
from aqueduct_jupyter.protocol.conversation_edits import SERVER_STOPPED
from aqueduct_jupyter.protocol.errors import NotFoundError, UnavailableError

from ...gateway.documents import samples
from ...standin import CUT, DONE, HANG, StandIn, chunk, event, usage_chunk
from ..conftest import Settings, campus
from .test_files import error_of

LENGTH = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
TOO_LONG = {"error": {"message": "Too long.", "code": "context_length_exceeded"}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChatSaving, "save_seconds", 0.02)
    monkeypatch.setattr(ChatSaving, "beat_seconds", 0.05)
    monkeypatch.setattr(ChatReading, "poll_seconds", 0.02)


@pytest.fixture
def address(http: httpx.AsyncClient, jp_asyncio_loop: asyncio.AbstractEventLoop) -> str:
    """A new conversation's."""
    creating = http.post("aqueduct/conversations", json={"name": "Talk"})
    made = jp_asyncio_loop.run_until_complete(creating)
    return f"aqueduct/conversations/{made.json()['id']}"


def question(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": f"t{number}", "request": f"r{number}", "prompt": f"Question {number}", **more}


async def ask(http: httpx.AsyncClient, address: str, number: int = 1, **more: Any) -> Any:
    answer = await http.post(f"{address}/turns", json=question(number, **more))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def turns(http: httpx.AsyncClient, address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get(address)).json()["turns"]
    return found


async def until(
    http: httpx.AsyncClient, address: str, is_so: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Wait until the last turn is as it should be."""
    found: list[dict[str, Any]] = []
    for _ in range(500):
        found = await turns(http, address)
        if found and is_so(found[-1]):
            return found[-1]
        await asyncio.sleep(0.01)
    raise AssertionError(found)


async def ended(http: httpx.AsyncClient, address: str) -> dict[str, Any]:
    return await until(http, address, lambda turn: turn["state"] != "running")


class Page:
    """Somebody who listens, and puts together what a page would show."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.turns: dict[str, dict[str, Any]] = {}
        self.ids: list[str] = []
        self.running: str | None = None
        self.answering: str | None = None

    def take(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        match event["type"]:
            case "turns":
                self.turns |= {turn["id"]: turn for turn in event["turns"]}
                self.ids = event["ids"]
                self.running, self.answering = event["running"], event["answering"]
            case "delta":
                assert event["request"] == self.running
                turn = self.turns[str(self.answering)]
                turn["answer"] += event["text"]
                turn["reasoning"] += event["reasoning"]
            case "ended":
                self.turns[str(self.answering)] |= event["turn"]
                self.running = None

    @property
    def last(self) -> dict[str, Any]:
        return self.turns[self.ids[-1]]

    @property
    def answers(self) -> list[str]:
        return [self.turns[name]["answer"] for name in self.ids]


@asynccontextmanager
async def listening(http: httpx.AsyncClient, address: str) -> AsyncIterator[AsyncIterator[Page]]:
    """Listen; gives the page after each event."""
    page = Page()
    async with http.stream("GET", f"{address}/events") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")

        async def pages() -> AsyncIterator[Page]:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    page.take(json.loads(line.removeprefix("data: ")))
                    yield page

        yield pages()


async def seen(pages: AsyncIterator[Page], is_so: Callable[[Page], bool]) -> Page:
    async with asyncio.timeout(10):
        async for page in pages:
            if is_so(page):
                return page
    raise AssertionError("the stream ended")


async def test_a_question_is_answered_without_its_client(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    begun = await ask(http, address, model="real-name", system="Be brief.")
    assert (begun["state"], begun["answer"], begun["id"]) == ("running", "", "t1")
    turn = await ended(http, address)
    assert turn.items() >= {"state": "whole", "answer": "Hello", "tokens_out": 2}.items()
    assert turn["request_id"].startswith("req_")
    await ask(http, address, 2, content=[{"type": "text", "text": "Two"}], model="real-name")
    await until(http, address, lambda turn: turn["id"] == "t2" and turn["state"] == "whole")
    first, second = (request.json for request in standin.chats)
    assert first["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Question 1"},
    ]
    assert second["messages"] == [
        {"role": "user", "content": "Question 1"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": [{"type": "text", "text": "Two"}]},
    ]
    assert first["stream"] is True
    usage = (await http.get("aqueduct/usage")).json()["total"]
    assert usage.items() >= {"requests": 2, "tokens_in": 6, "tokens_out": 4}.items()


async def test_who_comes_at_any_piece_gets_every_word_once(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    words = [f"word{number} " for number in range(200)]
    steps = [[chunk(word), 0.001] for word in words]
    standin.stream(*[step for pair in steps for step in pair], usage_chunk(), DONE)
    await ask(http, address)
    chance, whole = random.Random(7), "".join(words)

    def leaves_at(words: int) -> Callable[[Page], bool]:
        return lambda page: page.running is None or page.last["answer"].count(" ") >= words

    for _ in range(40):
        async with listening(http, address) as pages:
            page = await seen(pages, leaves_at(chance.randrange(200)))
            assert whole.startswith(page.last["answer"])
    async with listening(http, address) as pages:
        page = await seen(pages, lambda page: page.running is None)
    assert page.answers == [whole]
    assert (await ended(http, address))["answer"] == whole


async def test_all_who_listen_see_the_same_and_what_others_do(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    more = threading.Event()
    standin.stream(chunk("half "), more, chunk("and half"), DONE)
    async with listening(http, address) as one, listening(http, address) as two:
        await seen(one, lambda page: page.ids == [])
        await seen(two, lambda page: page.ids == [])
        await ask(http, address)
        for pages in (one, two):
            page = await seen(pages, lambda page: page.answers == ["half "])
            assert page.running == "r1"
        more.set()
        for pages in (one, two):
            page = await seen(pages, lambda page: page.running is None and bool(page.ids))
            assert page.answers == ["half and half"]
            assert page.last["state"] == "whole"
            deltas = [event for event in page.events if event["type"] == "delta"]
            assert [event["text"] for event in deltas] == ["half ", "and half"]
        await http.patch(address, json={"name": "Other"})
        await http.delete(f"{address}/turns/t1")
        for pages in (one, two):
            page = await seen(pages, lambda page: page.ids == [])
            assert {"type": "renamed", "name": "Other"} in page.events
        await http.delete(address)
        for pages in (one, two):
            page = await seen(pages, lambda page: page.events[-1]["type"] == "deleted")
            with pytest.raises(StopAsyncIteration):
                await anext(pages)


async def test_it_is_stopped_from_elsewhere_and_keeps_its_text(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    standin.stream(chunk("half"), HANG)
    await ask(http, address)
    await until(http, address, lambda turn: turn["answer"] == "half")
    async with listening(http, address) as pages:
        stopped = await http.post(f"{address}/turns/t1/stop")
        assert stopped.json().items() >= {"state": "stopped", "answer": "half"}.items()
        page = await seen(pages, lambda page: page.running is None)
        assert page.last["state"] == "stopped"
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)
    again = await http.post(f"{address}/turns/t1/stop")
    assert again.json() == stopped.json()
    usage = (await http.get("aqueduct/usage")).json()
    assert usage["total"]["cancelled"] == 1


async def test_it_is_among_the_running_requests_and_stopped_there(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    standin.stream(chunk("half"), HANG)
    turn = await ask(http, address)
    await until(http, address, lambda turn: turn["answer"] == "half")
    (running,) = (await http.get("aqueduct/requests")).json()["data"]
    assert running["client_request_id"] == "r1"
    turn = await until(http, address, lambda turn: turn["request_id"] is not None)
    assert running["id"] == turn["request_id"]
    assert (await http.delete(f"aqueduct/requests/{running['id']}")).status_code == 200
    assert (await ended(http, address))["state"] == "stopped"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([chunk("Cut"), LENGTH, DONE], {"state": "whole", "finish_reason": "length"}),
        ([chunk("Cut"), CUT], {"state": "failed", "error_code": "upstream_disconnected"}),
        (
            [chunk("Cut"), event({"error": {"message": "No more.", "code": "x"}})],
            {"state": "failed", "answer": "Cut"},
        ),
        ([event({"choices": 5})], {"state": "failed", "answer": ""}),
        ([chunk("\ud83d"), chunk("\ude00"), DONE], {"state": "whole", "answer": "\U0001f600"}),
    ],
)
async def test_every_end_is_told_as_it_was(
    http: httpx.AsyncClient,
    standin: StandIn,
    address: str,
    steps: list[Any],
    expected: dict[str, Any],
) -> None:
    standin.stream(*steps)
    await ask(http, address)
    turn = await ended(http, address)
    assert turn.items() >= expected.items()
    assert (turn["error"] is not None) == (turn["state"] == "failed")


async def test_a_refusal_is_the_turns_own(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    await ask(http, address, model="nobody")
    turn = await ended(http, address)
    assert (turn["state"], turn["error_code"]) == ("failed", "model_not_found")
    assert standin.chats == []


@pytest.mark.parametrize(
    ("message", "headers", "told"),
    [
        ("Slow down.", {"Retry-After": "60"}, "refused: Slow down. Try again in 60 s."),
        ("Slow down.", {"Retry-After": "7200"}, "refused: Slow down. Try again in 2 h."),
        ("Try again in 9s", {"Retry-After": "60"}, "refused: Try again in 9s"),
        ("Slow down.", {}, "refused: Slow down."),
        (
            "",
            {"Retry-After": "60"},
            "refused the request (status 429) without a reason. Try again in 60 s.",
        ),
    ],
)
async def test_a_full_upstream_is_named_with_the_time_to_wait(
    http: httpx.AsyncClient,
    standin: StandIn,
    address: str,
    message: str,
    headers: dict[str, str],
    told: str,
) -> None:
    standin.reply({"error": {"message": message}}, status=429, headers=headers)
    await ask(http, address)
    turn = await ended(http, address)
    assert turn["error"] == f"The upstream 'campus' {told}"
    assert turn["error_code"] == "rate_limit_exceeded"


async def test_a_history_that_is_too_long_loses_its_oldest_turns_and_says_so(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    for number in range(1, 4):
        await ask(http, address, number)
        await ended(http, address)
    standin.reply(TOO_LONG, status=400)
    await ask(http, address, 4)
    turn = await ended(http, address)
    assert turn["notes"] == ["the 2 oldest turns no longer fit and were left out"]
    assert turn["dropped_turns"] == 2
    asked = [message["content"] for message in standin.chats[-1].json["messages"]]
    assert asked == ["Question 3", "Hello", "Question 4"]
    ids = {request["x-request-id"] for request in (r.headers for r in standin.chats[-2:])}
    usage = (await http.get("aqueduct/usage")).json()["total"]
    assert (usage["requests"], usage["failed"]) == (5, 1)
    assert len(ids) <= 2


async def test_an_answer_goes_on_with_one_that_failed(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    standin.stream(chunk("Once upon"), CUT)
    await ask(http, address)
    assert (await ended(http, address))["state"] == "failed"
    await ask(http, address, 2, continues=True)
    await ended(http, address)
    asked = [message["content"] for message in standin.chats[-1].json["messages"]]
    assert asked == ["Question 1", "Once upon", "Question 2"]
    assert (await turns(http, address))[0]["state"] == "stopped"


async def test_what_a_model_did_not_get_of_a_file_is_in_the_notes(
    http: httpx.AsyncClient, address: str
) -> None:
    scan = samples.pages(samples._text_stream(["The total is 42."]), b"10 10 90 90 re f")
    form = {"purpose": "user_data"}
    made = await http.post("v1/files", files={"file": ("a.pdf", scan)}, data=form)
    part = {"type": "file", "file": {"file_id": made.json()["id"], "filename": "a.pdf"}}
    await ask(http, address, content=[part, {"type": "text", "text": "Sum it up"}])
    turn = await ended(http, address)
    assert turn["notes"] == ["a.pdf: page 2 has no text because it is a picture"]


async def test_a_question_that_is_sent_again_is_not_asked_again(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    await ask(http, address)
    await ended(http, address)
    again = await ask(http, address)
    assert (again["state"], again["answer"]) == ("whole", "Hello")
    assert len(standin.chats) == 1


async def test_one_answer_runs_at_a_time(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    standin.stream(chunk("half"), HANG)
    await ask(http, address)
    refused = error_of(await http.post(f"{address}/turns", json=question(2)), 409)
    assert refused["code"] == "answer_running"
    assert [turn["id"] for turn in await turns(http, address)] == ["t1"]
    await until(http, address, lambda turn: turn["answer"] == "half")
    await http.post(f"{address}/turns/t1/stop")
    await ask(http, address, 2)
    await until(http, address, lambda turn: turn["id"] == "t2" and turn["state"] == "whole")


async def test_a_new_question_waits_for_a_stop_that_is_underway(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    standin.stream(chunk("half"), HANG)
    await ask(http, address)
    await until(http, address, lambda turn: turn["answer"] == "half")
    assert (await http.delete(f"{address}/turns/t1")).status_code == 200
    await ask(http, address, 2)
    await until(http, address, lambda turn: turn["id"] == "t2" and turn["state"] == "whole")


async def test_asking_again_goes_back_to_before_a_turn(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    for number in (1, 2, 3):
        await ask(http, address, number)
        await ended(http, address)
    await ask(http, address, 4, before="t2")
    await ended(http, address)
    assert [turn["id"] for turn in await turns(http, address)] == ["t1", "t4"]
    asked = [message["content"] for message in standin.chats[-1].json["messages"]]
    assert asked == ["Question 1", "Hello", "Question 4"]


async def test_a_conversation_has_parameters_of_its_own(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    facts = "The user works in the notebook 'a.ipynb'."
    parameters = {"temperature": 0.5, "max_tokens": 9, "reasoning_effort": "low"}
    async with listening(http, address) as pages:
        page = await seen(pages, lambda page: page.ids == [])
        defaults = page.events[0]["parameters"]
        assert defaults == {**dict.fromkeys(("system", *parameters)), "tells_facts": True}
        await http.patch(address, json={"parameters": parameters})
        page = await seen(pages, lambda page: page.events[-1]["type"] == "parameters")
        assert page.events[-1]["parameters"] == {**defaults, **parameters}
    await ask(http, address, 1, system="The setting.", facts=facts)
    await ended(http, address)
    first = standin.chats[0].json
    assert first.items() >= parameters.items()
    assert first["messages"][0] == {"role": "system", "content": f"The setting.\n\n{facts}"}
    own = {"system": "Be brief.", "tells_facts": False}
    await http.patch(address, json={"parameters": own})
    await ask(http, address, 2, system="The setting.", facts=facts)
    await ended(http, address)
    second = standin.chats[1].json
    assert second["messages"][0] == {"role": "system", "content": "Be brief."}
    assert not second.keys() & parameters.keys()
    assert (await http.get(address)).json()["parameters"].items() >= own.items()


@pytest.mark.parametrize(
    "wrong", [{"temperature": 3}, {"max_tokens": 0}, {"system": 5}, {"tells_facts": "x"}]
)
async def test_a_wrong_parameter_is_named(
    http: httpx.AsyncClient, address: str, wrong: dict[str, Any]
) -> None:
    error = error_of(await http.patch(address, json={"parameters": wrong}), 400)
    assert error["param"] == f"parameters.{next(iter(wrong))}"


async def test_what_takes_the_place_of_turns_keeps_them_as_versions(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    for number in (1, 2, 3):
        await ask(http, address, number)
        await ended(http, address)
    async with listening(http, address) as pages:
        await ask(http, address, 4, before="t2")
        page = await seen(pages, lambda page: page.running is None and page.ids == ["t1", "t4"])
        assert (page.last["versions"], page.last["version"]) == (2, 1)
        shown = await http.post(f"{address}/turns/t4/version", json={"version": 0})
        assert shown.json()["version"] == 0
        page = await seen(pages, lambda page: page.ids == ["t1", "t2", "t3"])
        second = page.turns["t2"]
        assert (second["versions"], second["version"], second["answer"]) == (2, 0, "Hello")
        assert page.last["versions"] == 1
    await ask(http, address, 5)
    await ended(http, address)
    asked = [message["content"] for message in standin.chats[-1].json["messages"]]
    assert asked[::2] == ["Question 1", "Question 2", "Question 3", "Question 5"]
    await ask(http, address, 6, before="t2")
    await ended(http, address)
    assert [turn["id"] for turn in await turns(http, address)] == ["t1", "t6"]
    found = []
    shown_id = "t6"
    for version in (0, 1, 2):
        address_of = f"{address}/turns/{shown_id}/version"
        assert (await http.post(address_of, json={"version": version})).status_code == 200
        kept = await turns(http, address)
        shown_id = kept[1]["id"]
        found.append([turn["id"] for turn in kept[1:]])
        assert kept[1]["version"] == version
    assert found == [["t2", "t3", "t5"], ["t4"], ["t6"]]
    gone = error_of(await http.post(f"{address}/turns/t6/version", json={"version": 3}), 404)
    assert (gone["code"], gone["param"]) == ("turn_not_found", "version")


async def test_an_answer_without_a_word_is_no_version(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    await ask(http, address, model="nobody")
    await ended(http, address)
    await ask(http, address, 2, before="t1")
    turn = await ended(http, address)
    assert (turn["versions"], turn["version"]) == ([], 0)


async def test_no_version_is_chosen_while_an_answer_runs(
    http: httpx.AsyncClient, standin: StandIn, address: str
) -> None:
    await ask(http, address)
    await ended(http, address)
    standin.stream(chunk("half"), HANG)
    await ask(http, address, 2, before="t1")
    refused = error_of(await http.post(f"{address}/turns/t2/version", json={"version": 0}), 409)
    assert refused["code"] == "answer_running"
    await until(http, address, lambda turn: turn["answer"] == "half")
    await http.post(f"{address}/turns/t2/stop")


async def test_a_turn_that_was_removed_comes_back_to_its_place(
    http: httpx.AsyncClient, address: str
) -> None:
    for number in (1, 2, 3):
        await ask(http, address, number)
        await ended(http, address)
    before = await turns(http, address)
    await http.delete(f"{address}/turns/t2")
    assert [turn["id"] for turn in await turns(http, address)] == ["t1", "t3"]
    assert (await http.post(f"{address}/turns/t2/restore")).json()["restored"]
    assert await turns(http, address) == before
    again = error_of(await http.post(f"{address}/turns/t2/restore"), 404)
    assert "can no longer be restored" in again["message"]


async def test_versions_outlive_the_server_and_what_was_deleted_does_not(
    http: httpx.AsyncClient, extension: Any, address: str
) -> None:
    await ask(http, address)
    await ended(http, address)
    await ask(http, address, 2, before="t1")
    await ended(http, address)
    await ask(http, address, 3)
    await ended(http, address)
    await http.delete(f"{address}/turns/t3")

    gateway: Gateway = extension.gateway
    restarted = Chats(gateway.forwarding, gateway.conversations)
    conversation_id = address.rpartition("/")[2]
    with pytest.raises(NotFoundError, match="server was restarted"):
        await restarted.restore("", conversation_id, "t3")
    await restarted.choose("", conversation_id, "t2", 0)
    assert [turn["id"] for turn in await turns(http, address)] == ["t1"]


@pytest.mark.parametrize("way", ["the turn", "the conversation", "all turns"])
async def test_a_turn_that_is_removed_stops_its_answer(
    http: httpx.AsyncClient, standin: StandIn, address: str, way: str
) -> None:
    standin.stream(chunk("half"), HANG)
    await ask(http, address)
    await until(http, address, lambda turn: turn["answer"] == "half")
    if way == "the turn":
        assert (await http.delete(f"{address}/turns/t1")).json()["deleted"]
    elif way == "the conversation":
        await http.delete(address)
    else:
        await http.patch(address, json={"turns": []})
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)
    for _ in range(500):
        if not (await http.get("aqueduct/requests")).json()["data"]:
            break
        await asyncio.sleep(0.01)
    if way == "the conversation":
        assert (await http.get(address)).status_code == 404
    else:
        assert await turns(http, address) == []


async def test_what_is_not_there_is_said(http: httpx.AsyncClient, address: str) -> None:
    for response in (
        await http.delete(f"{address}/turns/gone"),
        await http.post(f"{address}/turns/gone/stop"),
    ):
        assert error_of(response, 404)["code"] == "turn_not_found"
    for response in (
        await http.post("aqueduct/conversations/gone/turns", json=question()),
        await http.get("aqueduct/conversations/gone/events"),
    ):
        assert error_of(response, 404)["code"] == "conversation_not_found"
    error = error_of(await http.post(f"{address}/turns", json={"prompt": "x"}), 400)
    assert error["param"] == "id"


async def test_another_owner_reaches_nothing(
    http: httpx.AsyncClient, extension: Any, address: str
) -> None:
    await ask(http, address)
    chats: Chats = extension.gateway.chats
    conversation_id = address.rpartition("/")[2]
    with pytest.raises(NotFoundError):
        await anext(chats.reading.follow("somebody else", conversation_id))
    for act in (chats.stop, chats.remove, chats.restore):
        with pytest.raises(NotFoundError):
            await act("somebody else", conversation_id, "t1")
    with pytest.raises(NotFoundError):
        await chats.choose("somebody else", conversation_id, "t1", 0)
    await ended(http, address)
    await asyncio.sleep(0)
    assert chats._chats.all() == [], "what nobody uses takes no memory"


class TestBudgets:
    @pytest.fixture
    def settings(self, standin: StandIn) -> Settings:
        limits = {"user": {"requests_per_minute": 1}, "max_tokens": 7}
        return {"upstreams": {"campus": campus(standin)}, "limits": limits}

    async def test_they_are_those_of_any_chat(
        self, http: httpx.AsyncClient, standin: StandIn, address: str
    ) -> None:
        await ask(http, address)
        assert (await ended(http, address))["state"] == "whole"
        await ask(http, address, 2)
        turn = await ended(http, address)
        assert (turn["state"], turn["error_code"]) == ("failed", "rate_limit_exceeded")
        assert "requests per minute" in turn["error"]
        (chat,) = standin.chats
        assert 7 in (chat.json.get("max_tokens"), chat.json.get("max_completion_tokens"))


async def test_a_listener_who_reads_slowly_gets_the_turns_anew(
    http: httpx.AsyncClient,
    standin: StandIn,
    extension: Any,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listeners, "MOST_PENDING", 5_000)
    more = threading.Event()
    words = [f"{number:06} " for number in range(2_000)]
    standin.stream(chunk("begun "), more, *map(chunk, words), DONE)
    events = extension.gateway.chats.reading.follow("", address.rpartition("/")[2])
    page = Page()

    async def read() -> None:
        for frame in (await anext(events)).decode().split("\n\n")[:-1]:
            page.take(json.loads(frame.removeprefix("data: ")))

    await ask(http, address)
    await read()
    more.set()
    await ended(http, address)
    while page.running or not page.ids:
        await read()
    assert page.answers == ["begun " + "".join(words)]
    assert sum(event["type"] == "turns" for event in page.events) == 2
    await events.aclose()


async def test_an_answer_of_a_server_that_is_gone_ends_and_says_so(
    http: httpx.AsyncClient, extension: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = {"id": "t1", "prompt": "Hi", "content": "Hi", "answer": "half", "state": "running"}
    await http.patch(address, json={"turns": [turn]})
    async with listening(http, address) as pages:
        page = await seen(pages, lambda page: page.ids == ["t1"])
        assert page.running == "t1", "it may still run elsewhere"
        refused = error_of(await http.post(f"{address}/turns", json=question(2)), 409)
        assert refused["code"] == "answer_running"
        monkeypatch.setattr(ChatReading, "lost_seconds", 0.0)
        page = await seen(pages, lambda page: page.running is None)
    assert page.last.items() >= {"answer": "half", "state": "stopped"}.items()
    assert page.last["error_code"] == SERVER_STOPPED
    assert page.last["error"] == "The server stopped while this answer was running."
    await ask(http, address, 2)
    assert (await ended(http, address))["state"] == "whole"


async def test_an_answer_is_lost_by_the_age_of_its_last_sign_of_life(
    http: httpx.AsyncClient, extension: Any, address: str
) -> None:
    turn = {"id": "t1", "prompt": "Hi", "content": "Hi", "answer": "half", "state": "running"}
    await http.patch(address, json={"turns": [turn]})
    gateway, conversation_id = extension.gateway, address.rpartition("/")[2]
    for age, state in ((5.9, "running"), (6.0, "stopped")):
        elsewhere = Chats(gateway.forwarding, gateway.conversations, age=lambda _, age=age: age)
        found = await elsewhere.reading.get("", conversation_id)
        assert [turn.state for turn in found.turns] == [state]


async def test_an_answer_of_another_server_is_seen_growing_and_stopped(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, address: str
) -> None:
    gateway = extension.gateway
    elsewhere = Chats(gateway.forwarding, gateway.conversations)
    conversation_id = address.rpartition("/")[2]
    standin.stream(chunk("half"), HANG)
    await ask(http, address)
    events = elsewhere.reading.follow("", conversation_id)
    text = b""
    async with asyncio.timeout(10):
        while b'"answer":"half"' not in text:
            text = await anext(events)
    stopped = await elsewhere.stop("", conversation_id, "t1")
    assert (stopped.state, stopped.answer) == ("stopped", "half")
    assert await asyncio.to_thread(standin.chats[0].client_left.wait, 5)
    assert (await ended(http, address))["state"] == "stopped"
    await events.aclose()


async def test_a_server_that_ends_leaves_honest_turns(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, address: str
) -> None:
    standin.stream(chunk("half"), HANG)
    await ask(http, address)
    await until(http, address, lambda turn: turn["answer"] == "half")
    async with listening(http, address) as pages:
        await seen(pages, lambda page: page.running == "r1")
        await extension.gateway.chats.close()
        page = await seen(pages, lambda page: page.running is None)
    assert page.last["error_code"] == SERVER_STOPPED
    (turn,) = await turns(http, address)
    assert turn.items() >= {"answer": "half", "state": "stopped"}.items()


async def test_a_store_that_fails_for_a_while_loses_nothing(
    http: httpx.AsyncClient,
    standin: StandIn,
    extension: Any,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = extension.gateway.conversations
    edit, fails = store.edit, threading.Event()
    tried = asyncio.Event()

    async def failing(*arguments: Any) -> Any:
        if fails.is_set():
            tried.set()
            raise UnavailableError("The disk is full.")
        return await edit(*arguments)

    monkeypatch.setattr(store, "edit", failing)
    more = threading.Event()
    standin.stream(chunk("half "), more, chunk("and half"), DONE)
    await ask(http, address)
    fails.set()
    await asyncio.wait_for(tried.wait(), 10)
    fails.clear()
    more.set()
    assert (await ended(http, address))["answer"] == "half and half"
    fails.set()
    standin.stream(chunk("lost"), DONE)
    async with listening(http, address) as pages:
        await seen(pages, lambda page: bool(page.ids))
        fails.clear()
        await ask(http, address, 2)
        fails.set()
        page = await seen(pages, lambda page: page.running is None and page.ids[-1] == "t2")
        assert page.last["notes"] == ["this answer could not be stored"]
        assert page.last["answer"] == "lost"


async def test_a_server_in_use_is_one_that_answers_not_one_that_is_listened_to(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, address: str
) -> None:
    noted = threading.Event()
    extension.gateway.chats.note_activity = noted.set
    async with listening(http, address) as pages:
        await seen(pages, lambda page: page.ids == [])
        assert not noted.is_set()
        standin.stream(chunk("half"), HANG)
        await ask(http, address)
        assert await asyncio.to_thread(noted.wait, 5)
        await http.post(f"{address}/turns/t1/stop")
