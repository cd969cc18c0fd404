"""Hostile names and hostile forms at the address of files: nothing leaves the data folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..real_server import RealServer, until

LONG = "n" * 4_096
NAMES = [
    *(
        "../../../../etc/cron.d/x",
        "..\\..\\windows\\x",
        "/etc/passwd",
        "C:\\x",
        "~/.bashrc",
        "//h/x",
    ),
    *("..", ".", "", " ", "...", "x/..", "x/.", "x/", "\\", "CON", "a:b", "-rf", "$(id)", "`id`"),
    *(
        "\r\nX-Injected: 1",
        "a\rb",
        "a\nb",
        "a\0b.txt",
        "\x1b[31mred",
        "\x7f",
        "a\tb",
        "\x85",
        "\xa0",
    ),
    *(LONG, LONG + ".pdf", "x." + LONG, "\u00e9" * 4_096, "\U0001f600" * 1_024, "." * 4_096),
    *("\u202egnp.exe", "\u2028", "\ufeff", "\u0000", "e\u0301", "\uffff", "\u2215etc", "\uff0fetc"),
    *('a"; x="b', "a'b", "a;b", "a%0d%0ab", "%2e%2e%2fx", "utf-8''x", "=?utf-8?q?x?=", "<script>"),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def form(name: bytes, data: bytes = b"bytes", purpose: bytes = b"evals") -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="%b"'
    parts = [(head % b"purpose") + b"\r\n\r\n" + purpose]
    parts.append((head % b"file") + b"; " + name + b"\r\n\r\n" + data)
    return b"\r\n".join([*parts, b"--x--\r\n"])


def post(
    server: RealServer, body: bytes, kind: str | bytes = "multipart/form-data; boundary=x"
) -> Any:
    return server.http.post("v1/files", content=body, headers={"Content-Type": kind})


def refused(response: httpx.Response, *statuses: int) -> str:
    assert response.status_code in statuses, response.text[:500]
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert len(error["message"]) < 3_000
    return str(error["message"])


def paths(folder: Path) -> set[Path]:
    """Everything below a folder that is no blob and none of the database's own files."""
    found = {path for path in folder.rglob("*") if not path.name.startswith("aqueduct.sqlite")}
    return {path for path in found if not re.fullmatch("[0-9a-f]{2}|[0-9a-f]{64}", path.name)}


def check_stored(server: RealServer, response: httpx.Response) -> None:
    file = response.raise_for_status().json()
    name = file["filename"]
    assert name not in ("", ".", "..")
    assert name.isprintable()
    assert not set(name) & set("/\\")
    assert len(name.encode()) <= 255
    content = server.http.get(f"v1/files/{file['id']}/content")
    assert content.content == b"bytes"
    assert "x-injected" not in content.headers
    said = content.headers["content-disposition"]
    assert said.isascii()
    assert said.isprintable()
    match = re.fullmatch(
        r"attachment; filename=\"([^\"\\]*)\"; filename\*=UTF-8''([^;\s\"]*)", said
    )
    assert match, said
    assert unquote(match[2]) == name
    assert server.http.delete(f"v1/files/{file['id']}").status_code == 200


def check_name(server: RealServer, parameter: bytes) -> None:
    response = post(server, form(parameter))
    if response.status_code == 200:
        check_stored(server, response)
    else:
        refused(response, 400)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_hostile_name_is_only_a_name(server: RealServer, name: str) -> None:
    check_name(server, b'filename="makes the folders"')
    before = paths(server.process.log.parent)
    data = name.encode()
    for parameter in (
        b'filename="%b"' % data,
        b"filename=%b" % data,
        b"filename*=UTF-8''" + httpx.QueryParams({"n": name}).__str__()[2:].encode(),
        b"filename*=UTF-8''" + data,
        b'filename="a"; filename="%b"' % data,
    ):
        check_name(server, parameter)
    assert paths(server.process.log.parent) == before


@given(TEXT)
def test_any_name_is_only_a_name(server: RealServer, name: str) -> None:
    escaped = name.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    check_name(server, b'filename="%b"' % escaped)


@given(st.binary(max_size=60))
def test_any_bytes_for_a_name_are_stored_or_refused(server: RealServer, name: bytes) -> None:
    check_name(server, name)


def test_a_form_that_is_cut_anywhere_is_refused_and_leaves_nothing(server: RealServer) -> None:
    whole = form(b'filename="a"')
    kept = {file["id"] for file in server.files}
    # What comes after the last boundary's dashes is nothing that is needed.
    for length in range(len(whole) - len(b"\r\n")):
        refused(post(server, whole[:length]), 400)
    assert {file["id"] for file in server.files} == kept
    until(lambda: not server.incoming, "nothing is left on the disk")


HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
LINES = b"".join(b"X-%d: y\r\n" % number for number in range(50_000))
END = b"\r\n--x--\r\n"
PART = b'\r\n--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b'


PURPOSE = PART % (b"purpose", b"evals")


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("boundary=y", form(b'filename="a"'), "form"),
        ("boundary=", form(b'filename="a"'), "multipart/form-data"),
        ("boundary=" + "y" * 5_000, form(b'filename="a"'), "form"),
        ('boundary="x\\"', form(b'filename="a"'), ""),
        ("boundary*=utf-8''x", form(b'filename="a"'), ""),
        ("boundary=x; boundary=y", form(b'filename="a"'), ""),
        ("boundary=x", HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n", "header"),
        ("boundary=x", HEAD + b"y" * 100_000, "header"),
        ("boundary=x", HEAD + LINES + b"\r\nbytes\r\n--x--\r\n", ""),
        ("boundary=x", HEAD + b"\r\n1" + PART % (b"purpose", b"p" * 100_000), "longer than"),
        ("boundary=x", HEAD + b"\r\n1\r\n" + HEAD + b"\r\n2" + PURPOSE + END, "two fields"),
        ("boundary=x", b"--x\r\nno colon\r\n\r\nx\r\n--x--\r\n", "form"),
        ("boundary=x", b"--x\r\n\r\nno headers\r\n--x--\r\n", "file"),
        ("boundary=x", b"--x--\r\n", ""),
        ("boundary=x", b"\0" * 100_000, "form"),
    ],
    ids=range(15),
)
def test_a_hostile_form_is_refused_with_a_sentence(
    server: RealServer, kind: str, body: bytes, says: str
) -> None:
    kept = len(server.files)
    message = refused(post(server, body, f"multipart/form-data; {kind}"), 400, 415)
    assert says in message
    assert len(server.files) == kept
    until(lambda: not server.incoming, "nothing is left on the disk")


def test_many_fields_are_not_kept(server: RealServer) -> None:
    many = b"".join(PART % (b"f%d" % number, b"v" * 1_000) for number in range(20_000))
    whole = HEAD + b"\r\nbytes" + many + PURPOSE + END
    # Only the first fields of a form are looked at.
    assert "purpose" in refused(post(server, whole), 400)
    first = HEAD + b"\r\nbytes" + PURPOSE + many + END
    check_stored(server, post(server, first))


@pytest.mark.parametrize(
    ("purposes", "status"), [([b"fun", b"evals"], 200), ([b"evals", b"fun"], 400)]
)
def test_of_two_equal_fields_the_last_one_counts(
    server: RealServer, purposes: list[bytes], status: int
) -> None:
    fields = b"".join(PART % (b"purpose", purpose) for purpose in purposes)
    response = post(server, HEAD + b"\r\nbytes" + fields + END)
    assert response.status_code == status


@given(st.binary(max_size=60))
def test_any_content_type_is_read_or_refused(server: RealServer, kind: bytes) -> None:
    # What no HTTP client can send is left out.
    kind = re.sub(rb"[\x00-\x08\x0a-\x1f\x7f]", b"", kind).strip()
    response = post(server, form(b'filename="a"'), b"multipart/form-data; boundary=x" + kind)
    if response.status_code != 200:
        refused(response, 400, 415)


@given(st.lists(st.sampled_from([b"--x", b"\r\n", b"\n", HEAD, b"--", b"x", b"", b": ", b"\r"])))
def test_any_bytes_of_a_form_are_read_or_refused(server: RealServer, pieces: list[bytes]) -> None:
    refused(post(server, b"".join(pieces)), 400)
