"""The addresses of files over HTTP: every kind of form, ranges, hostile names, leaving clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from aqueduct_jupyter.command.throwaway import throwaway_server
from aqueduct_jupyter.gateway.stores.disk import disk_error

from ...standin import StandIn
from ..conftest import Ask, Settings, campus

PATHS = ("files", "v1/files")


@pytest.fixture
def settings(standin: StandIn) -> Settings:
    return {
        "upstreams": {"campus": campus(standin)},
        "max_file_bytes": 3 * 2**20,
        "max_total_file_bytes": 4 * 2**20,
    }


async def upload(
    http: httpx.AsyncClient,
    data: bytes = b"hello",
    filename: str = "notes.txt",
    path: str = "v1/files",
    **fields: str,
) -> httpx.Response:
    files = {"file": (filename, data)}
    return await http.post(path, files=files, data={"purpose": "user_data", **fields})


def error_of(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never was")


def incoming(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "aqueduct" / "incoming").glob("*"))


@pytest.mark.parametrize("path", PATHS)
async def test_a_file_goes_in_is_listed_comes_out_and_goes(
    http: httpx.AsyncClient, path: str
) -> None:
    created = await upload(http, path=path)
    assert created.status_code == 200
    file = created.json()
    assert (file["object"], file["status"]) == ("file", "processed")
    assert (file["bytes"], file["filename"], file["purpose"]) == (5, "notes.txt", "user_data")
    assert file["expires_at"] - file["created_at"] == 7 * 86_400
    listed = (await http.get(path)).json()
    assert (listed["data"], listed["has_more"]) == ([file], False)
    assert (await http.get(f"{path}/{file['id']}")).json() == file
    content = await http.get(f"{path}/{file['id']}/content")
    assert content.content == b"hello"
    assert content.headers["content-type"] == "text/plain"
    deleted = await http.delete(f"{path}/{file['id']}")
    assert deleted.json() == {"id": file["id"], "object": "file", "deleted": True}
    assert error_of(await http.delete(f"{path}/{file['id']}"), 404)["code"] == "file_not_found"
    assert error_of(await http.get(f"{path}/{file['id']}"), 404)["type"] == "not_found_error"
    error_of(await http.get(f"{path}/{file['id']}/content"), 404)


async def test_expiry_is_the_clients_where_it_says_so(http: httpx.AsyncClient) -> None:
    fields = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    file = (await upload(http, **fields)).json()
    assert file["expires_at"] - file["created_at"] == 3_600
    error = error_of(await upload(http, **{**fields, "expires_after[seconds]": "1"}), 400)
    assert error["param"] == "expires_after[seconds]"


async def test_pages_are_asked_for_by_query(http: httpx.AsyncClient) -> None:
    ids = [(await upload(http, bytes([i]))).json()["id"] for i in range(3)]
    page = (await http.get("v1/files", params={"limit": 2, "order": "asc"})).json()
    assert [file["id"] for file in page["data"]] == ids[:2]
    assert (page["has_more"], page["first_id"], page["last_id"]) == (True, ids[0], ids[1])
    rest = (await http.get("v1/files", params={"after": ids[1], "order": "asc"})).json()
    assert [file["id"] for file in rest["data"]] == ids[2:]
    assert (await http.get("v1/files", params={"purpose": "vision"})).json()["data"] == []
    for wrong in ({"limit": "many"}, {"limit": 0}, {"order": "up"}, {"purpose": "fun"}):
        error = error_of(await http.get("v1/files", params=wrong), 400)
        assert error["param"] == next(iter(wrong))


class TestContent:
    @pytest.mark.parametrize(
        ("asked", "part", "told"),
        [
            ("bytes=0-3", b"0123", "bytes 0-3/10"),
            ("bytes=7-", b"789", "bytes 7-9/10"),
            ("bytes=-2", b"89", "bytes 8-9/10"),
            ("bytes=8-99", b"89", "bytes 8-9/10"),
        ],
    )
    async def test_a_range_is_a_part(
        self, http: httpx.AsyncClient, asked: str, part: bytes, told: str
    ) -> None:
        file_id = (await upload(http, b"0123456789")).json()["id"]
        response = await http.get(f"v1/files/{file_id}/content", headers={"Range": asked})
        assert (response.status_code, response.content) == (206, part)
        assert response.headers["content-range"] == told
        assert response.headers["content-length"] == str(len(part))

    @pytest.mark.parametrize("asked", ["lines=0-1", "bytes=0-1,4-5", "bytes=-", "bytes=x-y"])
    async def test_what_is_no_range_is_the_whole(self, http: httpx.AsyncClient, asked: str) -> None:
        file_id = (await upload(http, b"0123456789")).json()["id"]
        response = await http.get(f"v1/files/{file_id}/content", headers={"Range": asked})
        assert (response.status_code, response.content) == (200, b"0123456789")
        assert response.headers["accept-ranges"] == "bytes"

    @pytest.mark.parametrize("asked", ["bytes=10-", "bytes=5-4", "bytes=-0"])
    async def test_a_range_outside_is_416(self, http: httpx.AsyncClient, asked: str) -> None:
        file_id = (await upload(http, b"0123456789")).json()["id"]
        response = await http.get(f"v1/files/{file_id}/content", headers={"Range": asked})
        assert error_of(response, 416)["param"] == "Range"

    async def test_an_empty_file_is_sent(self, http: httpx.AsyncClient) -> None:
        file_id = (await upload(http, b"")).json()["id"]
        response = await http.get(f"v1/files/{file_id}/content")
        assert (response.status_code, response.content) == (200, b"")

    async def test_a_large_file_is_sent_whole(self, http: httpx.AsyncClient) -> None:
        data = bytes(range(256)) * 4 * 2**10 * 2
        file_id = (await upload(http, data, "a.bin")).json()["id"]
        assert (await http.get(f"v1/files/{file_id}/content")).content == data

    async def test_a_page_in_a_file_cannot_run_here(self, http: httpx.AsyncClient) -> None:
        name = "a;\u00e9.html"
        file_id = (await upload(http, b"<script>alert(1)</script>", name)).json()["id"]
        headers = (await http.get(f"v1/files/{file_id}/content")).headers
        assert headers["content-disposition"] == (
            "attachment; filename=\"a;_.html\"; filename*=UTF-8''a%3B%C3%A9.html"
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]


class TestForms:
    @pytest.mark.parametrize(
        ("fields", "files", "param"),
        [
            ({"purpose": "user_data"}, {"other": ("a.txt", b"x")}, "file"),
            ({}, {"file": ("a.txt", b"x")}, "purpose"),
            ({"purpose": "fun"}, {"file": ("a.txt", b"x")}, "purpose"),
            ({"purpose": "batch"}, {"file": ("a.txt", b"{}")}, "file"),
        ],
    )
    async def test_what_is_missing_or_wrong_is_named(
        self,
        http: httpx.AsyncClient,
        tmp_path: Path,
        fields: dict[str, str],
        files: dict[str, Any],
        param: str,
    ) -> None:
        response = await http.post("v1/files", data=fields, files=files)
        assert error_of(response, 400)["param"] == param
        assert not incoming(tmp_path)

    async def test_a_batch_file_is_taken(self, http: httpx.AsyncClient) -> None:
        line = json.dumps({"custom_id": "a", "body": {}}).encode()
        assert (await upload(http, line, "a.jsonl", purpose="batch")).status_code == 200

    async def test_a_field_called_token_is_only_a_field(
        self, http: httpx.AsyncClient, connect: Ask
    ) -> None:
        assert (await upload(http, token="wrong")).status_code == 200
        async with connect(None) as stranger:
            token = http.headers["Authorization"].split()[1]
            assert (await upload(stranger, token=token)).status_code == 401

    @pytest.mark.parametrize(
        "kind", ["application/json", "multipart/form-data", "multipart/mixed; boundary=x", ""]
    )
    async def test_another_kind_of_body_is_415(self, http: httpx.AsyncClient, kind: str) -> None:
        response = await http.post("v1/files", content=b"{}", headers={"Content-Type": kind})
        assert error_of(response, 415)["code"] == "unsupported_media_type"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"nonsense",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf',
            b"--x\r\nContent-Disposition: form-data; name=purpose\r\n\r\n" + b"p" * 20_000,
            b"--x\r\n" + b"A: " + b"a" * 20_000 + b"\r\n\r\n\r\n--x--\r\n",
        ],
    )
    async def test_a_broken_form_is_400(
        self, http: httpx.AsyncClient, tmp_path: Path, body: bytes
    ) -> None:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        error_of(await http.post("v1/files", content=body, headers=headers), 400)
        assert not incoming(tmp_path)

    async def test_a_hostile_name_is_only_a_name(
        self, http: httpx.AsyncClient, tmp_path: Path
    ) -> None:
        file = (await upload(http, filename="../../../etc/cron.d/evil\u202e")).json()
        assert file["filename"] == "evil"
        stored = [path.name for path in (tmp_path / "aqueduct").rglob("*")]
        assert not any("evil" in name for name in stored)


class TestLimits:
    async def test_the_largest_file_passes_and_a_byte_more_is_413(
        self, http: httpx.AsyncClient, tmp_path: Path
    ) -> None:
        largest = 3 * 2**20
        assert (await upload(http, b"x" * largest)).json()["bytes"] == largest
        error = error_of(await upload(http, b"y" * (largest + 1)), 413)
        assert (error["code"], error["type"]) == ("file_too_large", "invalid_request_error")
        assert not incoming(tmp_path)

    @pytest.mark.parametrize("is_told", [True, False])
    async def test_far_more_is_413_too_whether_the_head_says_so_or_not(
        self, http: httpx.AsyncClient, tmp_path: Path, is_told: bool
    ) -> None:
        head = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n',
            b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nevals\r\n',
        )[0]

        async def pieces() -> Any:
            yield head
            for _ in range(20):
                yield b"x" * 2**20

        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        if is_told:
            headers["Content-Length"] = str(len(head) + 20 * 2**20)
        response = await http.post("v1/files", content=pieces(), headers=headers)
        assert error_of(response, 413)["code"] == "file_too_large"
        assert not incoming(tmp_path)

    async def test_the_quota_is_413(self, http: httpx.AsyncClient) -> None:
        await upload(http, b"x" * 3 * 2**20)
        error = error_of(await upload(http, b"y" * 2 * 2**20), 413)
        assert error["code"] == "quota_exceeded"


def peak_memory(process_id: int) -> int:
    """Give the most memory that a process ever had, in bytes, as Linux tells it."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no such line")


def test_memory_stays_flat_whatever_the_size_of_a_file(tmp_path: Path) -> None:
    data = bytes(60 * 2**20)
    with throwaway_server(tmp_path) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as http:
            # Large enough to fill every buffer on the way once.
            file = {"file": ("small.bin", data[: 8 * 2**20])}
            stored = http.post("v1/files", files=file, data={"purpose": "evals"}).json()
            http.get(f"v1/files/{stored['id']}/content").raise_for_status()
            before = peak_memory(server.process.pid)
            file = {"file": ("large.bin", data)}
            stored = http.post("v1/files", files=file, data={"purpose": "evals"}).json()
            with http.stream("GET", f"v1/files/{stored['id']}/content") as response:
                assert sum(map(len, response.iter_raw())) == len(data)
        # What a busy machine lets pile up does not grow with the file; a file in memory would.
        assert peak_memory(server.process.pid) - before < len(data) / 2


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(
    http: httpx.AsyncClient, tmp_path: Path, jp_http_port: int, jp_base_url: str
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    head = (
        f"POST {jp_base_url}v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: {http.headers['Authorization']}\r\nContent-Length: 3000000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    )
    writer.write(head.encode() + b"x" * 2_000_000)
    await writer.drain()
    await until(lambda: any(path.stat().st_size for path in incoming(tmp_path)))
    writer.close()
    await until(lambda: not incoming(tmp_path))
    assert (await http.get("v1/files")).json()["data"] == []


async def test_a_disk_that_refuses_is_503_and_the_server_goes_on(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    folder = tmp_path / "aqueduct"
    folder.mkdir()
    (folder / "incoming").write_text("in the way")
    error = error_of(await upload(http), 503)
    assert (error["code"], error["type"]) == ("storage_unavailable", "server_error")
    assert str(tmp_path) not in error["message"]
    (folder / "incoming").unlink()
    assert (await upload(http)).status_code == 200


async def test_the_log_says_why_a_store_cannot_be_used(
    http: httpx.AsyncClient,
    extension: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def page(*_: object, **__: object) -> None:
        one, other = RuntimeError("the bucket\nis closed" + "!" * 9999), OSError(5, "It fails.")
        # As drivers do: each from the other.
        one.__cause__, other.__cause__ = other, one
        raise disk_error(other) from other

    monkeypatch.setattr(extension.gateway.files, "page", page)
    answer = await http.get("v1/files")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_unavailable")
    assert "bucket" not in answer.text
    request_id = answer.headers["x-request-id"]
    (line,) = [line for line in caplog.text.splitlines() if f"{request_id}: because: " in line]
    assert "RuntimeError: the bucket is closed!" in line
    assert len(line) < 600
