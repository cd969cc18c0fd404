"""Connected services and their keys on disk."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from aqueduct_jupyter.gateway.connected_services import ConnectedServices
from aqueduct_jupyter.protocol.errors import UnavailableError


def test_a_service_is_kept_with_its_key_in_a_file_of_its_own(tmp_path: Path) -> None:
    services = ConnectedServices(tmp_path / "aqueduct", [])
    assert services.read() == {}
    services.add("openai", "https://api.openai.com/v1", "sk-secret")
    services.add("ollama", "http://localhost:11434/v1", "")
    key = tmp_path / "aqueduct" / "keys" / "openai"
    assert ConnectedServices(tmp_path / "aqueduct", []).read() == {
        "openai": {"base_url": "https://api.openai.com/v1", "api_key_file": str(key)},
        "ollama": {"base_url": "http://localhost:11434/v1"},
    }
    assert (key.read_text(), stat.S_IMODE(key.stat().st_mode)) == ("sk-secret", 0o400)
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    listed = tmp_path / "aqueduct" / "services.json"
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600
    assert "sk-secret" not in listed.read_text()

    services.add("openai", "https://api.openai.com/v1", "sk-another")
    assert key.read_text() == "sk-another"
    services.add("openai", "https://api.openai.com/v1", "")
    assert not key.exists()
    assert services.remove("openai")
    assert not services.remove("openai")
    assert services.addresses() == {"ollama": "http://localhost:11434/v1"}


DAMAGED = {
    "empty": b"",
    "no JSON": b'{"mine": ',
    "a list": b"[]",
    "a number": b"5",
    "a service of another shape": b'{"good": {"base_url": "http://a/v1"}, "mine": 1}',
    "no address": b'{"mine": {}}',
    "an address of another type": b'{"mine": {"base_url": 5}}',
    "a name that leads out of the folder": b'{"../mine": {"base_url": "http://a/v1"}}',
    "no text": b"\x00\xff\xfe",
    "as deep as it gets": b"[" * 100_000,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_list_is_said_serves_nothing_and_is_kept(tmp_path: Path, content: bytes) -> None:
    listed = tmp_path / "services.json"
    listed.write_bytes(content)
    notices = ["another"]
    services = ConnectedServices(tmp_path, notices)
    assert services.read() == {}
    assert services.addresses() == {}
    assert f"{listed} cannot be read" in notices[1]
    with pytest.raises(UnavailableError, match="Repair the file"):
        services.remove("mine")
    assert listed.read_bytes() == content

    services.add("new", "http://new/v1", "k")
    (aside,) = tmp_path.glob("services.json.corrupt-*")
    assert aside.read_bytes() == content
    assert services.addresses() == {"new": "http://new/v1"}
    assert len(notices) == 2, "the new notice takes the place of the one before"
    assert str(aside) in notices[1]

    services.add("newer", "http://newer/v1", "k")
    assert list(services.addresses()) == ["new", "newer"]
    assert len(notices) == 2


def test_what_is_in_the_place_of_the_list_is_kept_too(tmp_path: Path) -> None:
    (tmp_path / "services.json" / "mine").mkdir(parents=True)
    notices: list[str] = []
    services = ConnectedServices(tmp_path, notices)
    assert services.read() == {}
    assert "cannot be read (Is a directory)" in notices[0]
    services.add("new", "http://new/v1", "")
    assert list(tmp_path.glob("services.json.corrupt-*/mine"))
    assert services.addresses() == {"new": "http://new/v1"}


def test_a_list_that_cannot_be_moved_aside_is_refused(tmp_path: Path) -> None:
    listed = tmp_path / "services.json"
    listed.symlink_to(listed)
    services = ConnectedServices(tmp_path, [])
    assert services.read() == {}
    with pytest.raises(UnavailableError, match="could not be kept"):
        services.add("new", "http://new/v1", "k")
    assert listed.is_symlink()
    assert not (tmp_path / "keys" / "new").exists()


def test_what_a_later_release_adds_to_a_service_stays(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text('{"a": {"base_url": "http://a/v1", "region": "eu"}}')
    services = ConnectedServices(tmp_path, [])
    services.add("b", "http://b/v1", "")
    assert json.loads((tmp_path / "services.json").read_text())["a"]["region"] == "eu"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(UnavailableError, match="could not be kept"):
        ConnectedServices(tmp_path, []).add("a", "http://a/v1", "k")


def test_a_list_that_another_server_has_begun_anew_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved_already(path: Path, _identity: object) -> None:
        path.write_text('{"theirs": {"base_url": "http://a"}}')

    (tmp_path / "services.json").write_text("damaged")
    monkeypatch.setattr("aqueduct_jupyter.gateway.connected_services.set_aside", moved_already)
    services = ConnectedServices(tmp_path, [])
    services.add("mine", "http://b", "")
    assert set(services.addresses()) == {"theirs", "mine"}
