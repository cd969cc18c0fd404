"""The rules for batch files: every wrong line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from aqueduct_jupyter.gateway.stores import batch
from aqueduct_jupyter.protocol.errors import InvalidRequestError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "incoming"


@pytest.mark.parametrize(
    "lines",
    [b'{"custom_id": "a"}', b'{"custom_id": "a"}\r\n\n{"custom_id": "b", "body": {}}\n'],
)
def test_named_requests_pass(path: Path, lines: bytes) -> None:
    path.write_bytes(lines)
    batch.check_batch_file(path, "Requests.JSONL")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b'{"custom_id": "a"}\nnot json', "Line 2 is not valid JSON"),
        (b"[" * 100_000, "Line 1 is not valid JSON"),
        (b'{"custom_id": "a"}\n\n{"custom_id": "a"}', "Line 3 has the same custom_id as line 1"),
        (b'{"body": {}}', "Line 1 has no custom_id"),
        (b'{"custom_id": 7}', "Line 1 has no custom_id"),
        (b'["a"]', "Line 1 has no custom_id"),
        (b"\xff\xfe", "Line 1 is not valid JSON"),
    ],
)
def test_a_wrong_line_is_named(path: Path, lines: bytes, says: str) -> None:
    path.write_bytes(lines)
    with pytest.raises(InvalidRequestError, match=says) as caught:
        batch.check_batch_file(path, "a.jsonl")
    assert caught.value.param == "file"


def test_a_line_without_an_end_is_not_read_into_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "LONGEST_LINE", 100)
    path.write_bytes(b'{"custom_id": "' + b"a" * 100 + b'"}')
    with pytest.raises(InvalidRequestError, match="Line 1 is longer than 100 bytes"):
        batch.check_batch_file(path, "a.jsonl")


def test_another_ending_is_refused(path: Path) -> None:
    path.write_bytes(b'{"custom_id": "a"}')
    with pytest.raises(InvalidRequestError, match=r"'a\.json' does not end with \.jsonl"):
        batch.check_batch_file(path, "a.json")
