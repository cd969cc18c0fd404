"""Odd numbers, ids and ranges in addresses and headers: answered or refused, never a 500."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..real_server import RealServer

ODD = [
    *("", " ", "0", "-1", "1e3", "1.0", "nan", "9" * 400, "9" * 5_000, "-" + "9" * 5_000, "1_0"),
    *(
        "\u0661",
        "\u00b2",
        "+1",
        "0x10",
        "\0",
        "\u2028",
        "'; DROP TABLE files; --",
        "%",
        "x" * 20_000,
    ),
]
QUERIES = [
    *(("v1/files", name) for name in ("limit", "after", "order", "purpose", "nothing")),
    *(("aqueduct/usage", "days"), ("aqueduct/conversations", "search"), ("v1/models", "x")),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def check(server: RealServer, path: str, **asked: Any) -> None:
    response = server.http.get(path, **asked)
    assert response.status_code in (200, 206, 400, 404, 416), response.text[:500]
    if response.status_code >= 400:
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}
        assert len(response.text) < 3_000


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_an_odd_value_is_read_or_refused(server: RealServer, value: str) -> None:
    for path, name in QUERIES:
        check(server, path, params={name: value})


@given(st.sampled_from(QUERIES), TEXT)
def test_any_value_is_read_or_refused(
    server: RealServer, query: tuple[str, str], value: str
) -> None:
    check(server, query[0], params={query[1]: value})


RANGES = [
    *("bytes=0-" + "9" * 5_000, "bytes=" + "9" * 5_000 + "-", "bytes=-" + "9" * 5_000),
    *("bytes=-0", "bytes=5-4", "bytes=0-0,1-1", "bytes=" + "0-0," * 1_000, "bytes=\u00b2-"),
    *("bytes=0-1;", "bytes = 0-1", "bits=0-1", "bytes=a-b", "bytes=--1", "=", "bytes=1-2-3"),
]


@pytest.mark.parametrize("asked", RANGES, ids=range(len(RANGES)))
def test_an_odd_range_is_a_part_the_whole_or_refused(server: RealServer, asked: str) -> None:
    file = server.upload(b"0123456789").json()
    path = f"v1/files/{file['id']}/content"
    check(server, path, headers={"Range": asked.encode("latin-1")})
    assert server.http.delete(f"v1/files/{file['id']}").status_code == 200


@pytest.mark.parametrize(
    "file_id",
    [
        *(
            "file-" + "x" * 24,
            "file-" + "x" * 5_000,
            "..%2f..%2faqueduct.sqlite",
            "%00",
            "file-%0d%0a",
        ),
        *("file-%F0%9F%98%80", "%FF", "*", "file-' OR 1=1 --", "file-%25"),
    ],
)
def test_an_odd_id_is_unknown(server: RealServer, file_id: str) -> None:
    for path in (f"v1/files/{file_id}", f"v1/files/{file_id}/content"):
        check(server, path)
    for path in ("aqueduct/conversations", "aqueduct/requests"):
        response = server.http.delete(f"{path}/{file_id}")
        assert response.status_code in (400, 404), response.text[:500]
        assert len(response.text) < 3_000
    file = {"type": "file", "file": {"file_id": file_id}}
    response = server.http.post(
        "v1/chat/completions",
        json={"model": "campus/x", "messages": [{"role": "user", "content": [file]}]},
    )
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "file_not_found"
