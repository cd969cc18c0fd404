"""Documents that a user's server reads before a hub's service is asked: what is sent, and when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from aqueduct_jupyter.gateway.documents.reader import DocumentReader
from aqueduct_jupyter.gateway.encoding import encode_base64
from aqueduct_jupyter.gateway.requests import operations
from aqueduct_jupyter.gateway.requests.hub_documents import HubDocuments, Passed
from aqueduct_jupyter.gateway.upstreams.hub_service import find_hub_service

from ...standin import StandIn

TEXT = "The aqueduct crosses the valley."
LONG = "data:text/plain;base64," + encode_base64(b"x" * 100_000)
CSV = "data:text/csv;base64," + encode_base64(b"arch,height\n1,28\n")
STATUS = {
    "document_modes": {"llama": "text", "large": "native"},
    "default_model": "llama",
}
FILE_ID = "file-" + "a" * 24
FILE = {
    "id": FILE_ID,
    "bytes": 32,
    "created_at": 1,
    "filename": "valley.txt",
    "purpose": "user_data",
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def documents(
    standin: StandIn, clock: Clock, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[HubDocuments]:
    environment = {
        "AQUEDUCT_HUB_URL": standin.url.removesuffix("/v1"),
        "JUPYTERHUB_API_TOKEN": "of-the-server",
    }
    standin.is_ours = True
    service = find_hub_service(environment)
    assert service is not None
    reader = DocumentReader()
    yield HubDocuments(service, reader, max_body_bytes=100_000, clock=clock)
    jp_asyncio_loop.run_until_complete(service.close())
    jp_asyncio_loop.run_until_complete(reader.close())


def question(part: dict[str, Any], **more: Any) -> bytes:
    said = {"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}
    return json.dumps({"model": "llama", "messages": [said], "seed": 7, **more}).encode()


def inline(uri: str = CSV, name: str = "arches.csv") -> dict[str, Any]:
    return {"type": "file", "file": {"filename": name, "file_data": uri}}


UPLOADED = {"type": "file", "file": {"file_id": FILE_ID}}


async def read(
    documents: HubDocuments, body: bytes, operation: Any = operations.CHAT, model: Any = None
) -> Passed:
    return await documents.read(operation, model, body, {"X-Aqueduct-Kernel": "k-1"})


async def test_a_document_in_a_request_becomes_text(
    documents: HubDocuments, standin: StandIn
) -> None:
    standin.reply(STATUS)
    passed = await read(documents, question(inline()))
    sent = json.loads(passed.body)
    asked, document = sent["messages"][0]["content"]
    assert (asked["text"], sent["seed"]) == ("What is it?", 7)
    assert document["type"] == "text"
    assert "arch,height" in document["text"]
    assert "[The file 'arches.csv' begins here." in document["text"]
    # The list is the server's matter, not a kernel's.
    assert "x-aqueduct-kernel" not in standin.received[0].headers


async def test_a_file_that_lies_in_the_service_is_fetched_for_who_asks(
    documents: HubDocuments, standin: StandIn
) -> None:
    standin.reply(STATUS)
    standin.reply(FILE)
    declared = {
        "Content-Type": "text/plain",
        "X-Aqueduct-Declared-Type": "text/plain; charset=cp1251",
    }
    standin.reply("Акведук".encode("cp1251"), headers=declared)
    passed = await read(documents, question(UPLOADED))
    assert "Акведук" in json.loads(passed.body)["messages"][0]["content"][1]["text"]
    paths = [asked.path for asked in standin.received]
    assert paths[1:] == [f"/v1/files/{FILE_ID}", f"/v1/files/{FILE_ID}/content"]
    assert {asked.headers["x-aqueduct-kernel"] for asked in standin.received[1:]} == {"k-1"}
    assert {asked.headers["authorization"] for asked in standin.received} == {
        "Bearer of-the-server"
    }


async def test_anthropics_documents_too(documents: HubDocuments, standin: StandIn) -> None:
    standin.reply(STATUS)
    source = {"type": "base64", "media_type": "text/plain", "data": encode_base64(TEXT.encode())}
    body = question({"type": "document", "source": source}, max_tokens=9)
    passed = await read(documents, body, operations.MESSAGES)
    assert TEXT in json.loads(passed.body)["messages"][0]["content"][1]["text"]


@pytest.mark.parametrize(
    ("body", "operation", "model"),
    [
        (question(inline(), model="large"), operations.CHAT, None),
        (question(inline(), model="unknown"), operations.CHAT, None),
        (question(inline()), operations.CHAT, "large"),
        (question({"type": "text", "text": "Hi"}), operations.CHAT, None),
        (b'{"model": "llama", "input": [{"type": "input_file", "x": "file"}]}', None, None),
        (b'{"messages": "file"', operations.CHAT, None),
        (
            b'{"model": "llama", "messages": [{"content": [{"type": "file"}]}]}',
            operations.CHAT,
            None,
        ),
        (question(inline("data:text/csv;base64,???")), operations.CHAT, None),
        (question(inline("data:application/pdf;base64,AAAA", "a.bin")), operations.CHAT, None),
        (question(inline(LONG)), operations.CHAT, None),
    ],
    ids=[
        *("its model reads documents itself", "a model that is not listed", "in the address"),
        *("no document", "what is kept", "no JSON", "malformed", "no base64", "unreadable"),
        "too long",
    ],
)
async def test_all_else_goes_on_as_it_came(
    documents: HubDocuments, standin: StandIn, body: bytes, operation: Any, model: Any
) -> None:
    standin.reply(STATUS)
    operation = operation or operations.RESPONSES
    assert await read(documents, body, operation, model) == Passed(body)


@pytest.mark.parametrize(
    "replies",
    [
        [(STATUS, 503)],
        [(b"[1]", 200)],
        [(STATUS, 200), ({"error": {"message": "No.", "code": "x"}}, 404)],
        [(STATUS, 200), ({"id": FILE_ID}, 200)],
        [(STATUS, 200), (FILE, 200), ({"error": {"message": "No.", "code": "x"}}, 500)],
        [(STATUS, 200), ({**FILE, "bytes": 2**30}, 200)],
    ],
    ids=["away", "odd", "no such file", "no file", "the bytes are away", "too large"],
)
async def test_whatever_fails_here_is_the_services_matter(
    documents: HubDocuments, standin: StandIn, replies: list[tuple[Any, int]]
) -> None:
    for words, status in replies:
        standin.reply(words, status=status)
    body = question(UPLOADED)
    assert await read(documents, body) == Passed(body)
    assert len(standin.received) == len(replies)


async def test_the_service_is_asked_once_a_minute_how_it_reads(
    documents: HubDocuments, standin: StandIn, clock: Clock
) -> None:
    standin.reply(STATUS)
    for model in ("llama", ""):  # the default one has a mode, too
        assert (await read(documents, question(inline(), model=model))).body != question(
            inline(), model=model
        )
    assert len(standin.received) == 1
    clock.now = 61
    standin.reply({**STATUS, "document_modes": {"llama": "inline"}})
    assert (await read(documents, question(inline()))).body == question(inline())
    assert len(standin.received) == 2


async def test_what_could_not_be_read_in_full_is_said(
    documents: HubDocuments, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "aqueduct_jupyter.gateway.documents.attachments.notes_on", lambda name, _: [f"Of {name}."]
    )
    standin.reply(STATUS)
    assert (await read(documents, question(inline()))).notes == ("Of arches.csv.",)
