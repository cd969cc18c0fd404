"""Connected services and their keys on disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from aqueduct_jupyter.gateway.connected_services import ConnectedServices
from aqueduct_jupyter.protocol.errors import UnavailableError


def test_a_service_is_kept_with_its_key_in_a_file_of_its_own(tmp_path: Path) -> None:
    services = ConnectedServices(tmp_path / "aqueduct")
    assert services.read([]) == {}
    services.add("openai", "https://api.openai.com/v1", "sk-secret")
    services.add("ollama", "http://localhost:11434/v1", "")
    key = tmp_path / "aqueduct" / "keys" / "openai"
    assert ConnectedServices(tmp_path / "aqueduct").read([]) == {
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


@pytest.mark.parametrize("text", ["", "[]", "5", '{"a": 1}', '{"a": {}}', "\x00"])
def test_a_damaged_file_is_said_and_serves_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "services.json").write_text(text)
    notices: list[str] = []
    assert ConnectedServices(tmp_path).read(notices) == {}
    assert "Mend the file, or delete it" in notices[0]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(UnavailableError, match="could not be kept"):
        ConnectedServices(tmp_path).add("a", "http://a/v1", "k")
