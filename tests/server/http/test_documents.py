"""File parts over HTTP: their order of checks, their limits, and what the upstream was sent."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.protocol.notes import NOTES_HEADER, read_notes

from ...gateway.documents import samples
from ...standin import StandIn
from ..conftest import Settings, campus
from .test_files import error_of, upload

MODELS = ("text", "inline", "native")


@pytest.fixture
def settings(standin: StandIn) -> Settings:
    """One upstream for each way in which documents may be sent."""
    return {
        "upstreams": {
            mode: campus(standin, documents=mode, models=[f"{mode}-model"]) for mode in MODELS
        }
    }


def part(data: bytes, filename: str = "a.pdf", kind: str = "application/pdf") -> dict[str, Any]:
    uri = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return {"type": "file", "file": {"filename": filename, "file_data": uri}}


async def ask(http: httpx.AsyncClient, *parts: Any, model: str = "text", **more: Any) -> Any:
    messages = [{"role": "user", "content": [*parts, {"type": "text", "text": "What is it?"}]}]
    body = {"model": f"{model}-model", "messages": messages, **more}
    return await http.post("v1/chat/completions", json=body)


def sent(standin: StandIn) -> list[dict[str, Any]]:
    """The parts of the last message that the upstream got."""
    return standin.chats[-1].json["messages"][-1]["content"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_pdf_in_the_message_reaches_the_model_as_text(
    http: httpx.AsyncClient, standin: StandIn, is_stream: bool
) -> None:
    response = await ask(http, part(samples.pdf("The total is 42.")), stream=is_stream)
    assert response.status_code == 200
    document, question = sent(standin)
    assert document["type"] == "text"
    assert document["text"].startswith("[The file 'a.pdf' begins here.")
    assert "The total is 42." in document["text"]
    assert question == {"type": "text", "text": "What is it?"}


@pytest.mark.parametrize("is_stream", [False, True])
async def test_pages_without_text_are_said_to_the_model_and_to_the_user(
    http: httpx.AsyncClient, standin: StandIn, is_stream: bool
) -> None:
    words = samples._text_stream(["The total is 42."])
    scan = samples.pages(words, b"10 10 90 90 re f")
    response = await ask(http, part(scan, "R\u00f3ma.pdf"), stream=is_stream)
    assert "[Page 2 has no text: it is a picture]" in sent(standin)[0]["text"]
    assert read_notes(response.headers[NOTES_HEADER]) == [
        "R\u00f3ma.pdf: page 2 has no text because it is a picture"
    ]
    assert NOTES_HEADER not in (await ask(http, part(samples.pdf("words")))).headers


async def test_an_uploaded_file_reaches_the_model_by_its_id(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    file_id = (await upload(http, samples.docx("stored words"), "report.docx")).json()["id"]
    response = await ask(http, {"type": "file", "file": {"file_id": file_id}})
    assert response.status_code == 200
    assert "[The file 'report.docx' begins here." in sent(standin)[0]["text"]
    assert "stored words" in sent(standin)[0]["text"]
    await http.delete(f"v1/files/{file_id}")
    gone = await ask(http, {"type": "file", "file": {"file_id": file_id}})
    assert error_of(gone, 404)["code"] == "file_not_found"
    assert len(standin.chats) == 1


async def test_inline_sends_base64_and_native_the_id(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    data = samples.pdf("words")
    file_id = (await upload(http, data, "report.pdf")).json()["id"]
    by_id = {"type": "file", "file": {"file_id": file_id}}
    await ask(http, by_id, model="inline")
    assert sent(standin)[0] == part(data, "report.pdf")
    await ask(http, by_id, model="native")
    assert sent(standin)[0] == by_id
    foreign = {"type": "file", "file": {"file_id": "file-of-the-upstream"}}
    await ask(http, foreign, model="native")
    assert sent(standin)[0] == foreign


async def test_an_image_is_an_image(http: httpx.AsyncClient, standin: StandIn) -> None:
    image = samples.png()
    await ask(http, part(image, "a.png", "image/png"))
    url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    assert sent(standin)[0] == {"type": "image_url", "image_url": {"url": url}}


async def test_an_image_url_is_passed_as_it_is(http: httpx.AsyncClient, standin: StandIn) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.invalid/a.png", "detail": "low"}}
    await ask(http, image)
    assert sent(standin)[0] == image


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (samples.scanned_pdf(), "contains no text"),
        (samples.encrypted_pdf("x"), "is encrypted"),
        (samples.truncated_pdf(), "is damaged, truncated"),
        (b"\x7fELF\0", "is not what its name"),
    ],
)
async def test_a_document_that_cannot_be_read_is_400_and_named(
    http: httpx.AsyncClient, standin: StandIn, data: bytes, says: str
) -> None:
    error = error_of(await ask(http, part(data, "it's.pdf")), 400)
    assert error["type"] == "invalid_request_error"
    assert error["param"] == "messages[0].content[0].file"
    assert "'its.pdf'" in error["message"]
    assert says in error["message"]
    assert not standin.chats


@pytest.mark.parametrize("over", [0, 1])
async def test_ten_megabytes_pass_and_a_byte_more_does_not(
    http: httpx.AsyncClient, standin: StandIn, over: int
) -> None:
    response = await ask(http, part(b"x" * (10_485_760 + over), "big.txt", "text/plain"))
    if over:
        assert error_of(response, 400)["code"] == "file_too_large"
        assert not standin.chats
    else:
        assert response.status_code == 200
        assert len(sent(standin)[0]["text"]) > 10_485_760


@pytest.mark.parametrize("over", [0, 1])
async def test_32_megabytes_of_base64_pass_and_a_byte_more_does_not(
    http: httpx.AsyncClient, standin: StandIn, over: int
) -> None:
    sizes = (10_485_760, 10_485_760, 10_485_760, 33_554_432 - 3 * 10_485_760 + over)
    files = [
        part(bytes([65 + number]) * size, f"{number}.txt", "text/plain")
        for number, size in enumerate(sizes)
    ]
    response = await ask(http, *files, model="inline")
    if over:
        error = error_of(response, 400)
        assert (error["code"], error["param"]) == ("files_too_large", "messages")
        assert not standin.chats
    else:
        assert response.status_code == 200
        assert sent(standin)[:4] == files


async def test_body_then_model_then_limits_then_the_documents_are_checked(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    words = part(b"words", "a.txt", "text/plain")
    too_large = part(b"x" * 10_485_761)
    unknown = {"type": "file", "file": {"file_id": "file-unknown"}}
    scan = part(samples.scanned_pdf())

    async def code(*parts: Any, model: str = "text", **more: Any) -> str:
        response = await ask(http, *parts, model=model, **more)
        return str(response.json()["error"]["code"])

    assert await code(too_large, scan, model="no-such", n=0) == "None"
    assert await code(too_large, scan, model="no-such") == "model_not_found"
    assert await code(scan, too_large) == "file_too_large"
    assert await code(scan, unknown) == "file_not_found"
    assert await code(scan, words) == "document_without_text"
    assert not standin.chats


async def test_a_document_is_read_once_for_two_requests(
    http: httpx.AsyncClient, standin: StandIn, extension: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    pool = extension.gateway.documents._pool
    read = pool.read

    async def counted(*args: Any) -> str:
        asked.append(args)
        return str(await read(*args))

    monkeypatch.setattr(pool, "read", counted)
    for name in ("a.pdf", "b.pdf"):
        assert (await ask(http, part(samples.pdf("words"), name))).status_code == 200
    assert len(asked) == 1
    assert "'b.pdf'" in sent(standin)[0]["text"]


async def test_the_charset_of_an_upload_is_kept(http: httpx.AsyncClient, standin: StandIn) -> None:
    words = "\u65e5\u672c\u8a9e\u30c6\u30ad\u30b9\u30c8"
    kind = "text/plain; charset=shift_jis"
    files = {"file": ("a.txt", words.encode("shift_jis"), kind)}
    uploaded = await http.post("v1/files", files=files, data={"purpose": "user_data"})
    await ask(http, {"type": "file", "file": {"file_id": uploaded.json()["id"]}})
    assert words in sent(standin)[0]["text"]


@pytest.mark.parametrize("charset", ["utf-16le", "gb18030", "euc-jp", "koi8-r"])
async def test_the_declared_charset_decides(
    http: httpx.AsyncClient, standin: StandIn, charset: str
) -> None:
    words = "\u0434\u0430 42"
    await ask(http, part(words.encode(charset), "a.txt", f"text/plain;charset={charset}"))
    assert words in sent(standin)[0]["text"]


async def test_text_of_an_unknown_charset_is_refused_with_a_way_out(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    error = error_of(await ask(http, part(b"\xd6\xd0", "a.txt", "text/plain")), 400)
    assert error["code"] == "unknown_charset"
    assert "Save it as UTF-8" in error["message"]
    assert not standin.chats
