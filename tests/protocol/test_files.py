"""The words for files: names made safe, purposes and expiry read from what clients send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_jupyter.protocol.errors import InvalidRequestError
from aqueduct_jupyter.protocol.files import (
    LONGEST_FILENAME,
    PURPOSES,
    FileObject,
    clean_filename,
    read_expiry,
    read_purpose,
)


def test_a_file_object_has_the_keys_of_openai() -> None:
    words = FileObject(id="file-1", bytes=3, created_at=1, filename="a.txt", purpose="user_data")
    assert words.model_dump() == {
        "id": "file-1",
        "object": "file",
        "bytes": 3,
        "created_at": 1,
        "filename": "a.txt",
        "purpose": "user_data",
        "status": "processed",
        "expires_at": None,
    }


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_purpose_is_read(purpose: str) -> None:
    assert read_purpose(purpose) == purpose


@pytest.mark.parametrize("purpose", [None, "", "user data", "x" * 1000])
def test_another_purpose_is_named(purpose: str | None) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_purpose(purpose)
    assert caught.value.param == "purpose"
    assert len(caught.value.message) < 250


@pytest.mark.parametrize("seconds", [3_600, 2_592_000])
def test_an_expiry_is_read_up_to_its_edges(seconds: int) -> None:
    assert read_expiry("created_at", str(seconds)) == seconds


def test_no_expiry_is_none() -> None:
    assert read_expiry(None, None) is None


@pytest.mark.parametrize(
    ("anchor", "seconds", "param"),
    [
        ("created_at", None, "expires_after[seconds]"),
        ("created_at", "", "expires_after[seconds]"),
        ("created_at", "3599", "expires_after[seconds]"),
        ("created_at", "2592001", "expires_after[seconds]"),
        ("created_at", "-1", "expires_after[seconds]"),
        ("created_at", "\u0663\u0666\u0660\u0660", "expires_after[seconds]"),
        ("last_active_at", "3600", "expires_after[anchor]"),
        (None, "3600", "expires_after[anchor]"),
    ],
)
def test_a_wrong_expiry_is_named(anchor: str | None, seconds: str | None, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_expiry(anchor, seconds)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("report.pdf", "report.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("..", "file"),
        ("", "file"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("\u00fcber \u4e2d\u6587.txt", "\u00fcber \u4e2d\u6587.txt"),
    ],
)
def test_a_name_is_made_safe(name: str, clean: str) -> None:
    assert clean_filename(name) == clean


def test_a_long_name_keeps_its_ending() -> None:
    assert clean_filename("\u00e9" * 300 + ".pdf").endswith("\u00e9.pdf")


@given(st.text())
def test_no_name_has_folders_controls_or_too_many_bytes(name: str) -> None:
    clean = clean_filename(name)
    assert clean not in ("", ".", "..")
    assert not {"/", "\\", "\n", "\r", "\0"} & set(clean)
    assert len(clean.encode()) <= LONGEST_FILENAME
