from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.gateway.upstreams.settings import read_settings, settings_from_environment

URL = "https://models.example/v1"


def key_of(settings: Any) -> str | None:
    return settings.api_key.get_secret_value() if settings.api_key else None


def test_a_key_comes_from_a_file_a_variable_or_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-file\n")
    environment = {"CAMPUS_KEY": "from-variable"}
    for given, key in [
        ({"api_key_file": str(file)}, "from-file"),
        ({"api_key_env": "CAMPUS_KEY"}, "from-variable"),
        ({"api_key": "given"}, "given"),
        ({}, None),
        ({"api_key": ""}, None),
    ]:
        assert key_of(read_settings("campus", {"base_url": URL, **given}, environment)) == key


def test_the_defaults_are_those_that_are_documented() -> None:
    settings = read_settings("campus", {"base_url": URL + "/"}, {})
    assert settings.base_url == URL
    assert (settings.timeout, settings.idle_timeout, settings.documents) == (600, None, "text")
    assert settings.models is None


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, "base_url"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"base_url": "campus"}, "base_url"),
        ({"base_url": "http://campus:port"}, "base_url"),
        ({"base_url": "http://xn--/v1"}, "base_url"),
        ({"base_url": "https://user:pass@x/v1"}, "credentials"),
        ({"base_url": "https://x/v1?key=1"}, "query"),
        ({"base_url": URL, "timeout": 0}, "timeout"),
        ({"base_url": URL, "timout": 5}, "timout"),
        ({"base_url": URL, "documents": "ocr"}, "documents"),
        ({"base_url": URL, "api_key": "two words"}, "api_key"),
        ({"base_url": URL, "api_key": "line\nbreak"}, "api_key"),
        ({"base_url": URL, "api_key_env": "MISSING"}, "MISSING"),
        ({"base_url": URL, "api_key_file": "/no/such/file"}, "/no/such/file"),
        ({"base_url": URL, "api_key": "a", "api_key_env": "B"}, "only one"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(given: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match="campus") as caught:
        read_settings("campus", given, {})
    assert word in str(caught.value)


def test_an_empty_key_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ValueError, match="empty"):
        read_settings("campus", {"base_url": URL, "api_key_file": str(tmp_path / "key")}, {})


def test_no_message_and_no_representation_holds_a_key() -> None:
    secret = "sk-very secret"
    with pytest.raises(ValueError, match="campus") as caught:
        read_settings("campus", {"base_url": URL, "api_key": secret}, {})
    assert secret not in str(caught.value)
    settings = read_settings("campus", {"base_url": URL, "api_key": "sk-secret"}, {})
    assert "sk-secret" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_the_environment_names_one_upstream_and_keeps_nothing() -> None:
    environment = {"AQUEDUCT_BASE_URL": URL, "AQUEDUCT_TOKEN": "t", "HOME": "/"}
    settings = settings_from_environment(environment)["aqueduct"]
    assert (settings.base_url, key_of(settings)) == (URL, "t")
    assert environment == {"HOME": "/"}
    assert settings_from_environment({"AQUEDUCT_TOKEN": "t"}) == {}
