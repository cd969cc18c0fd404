"""Which server, which key: every source in its order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aqueduct_jupyter.kernel.connect import find_address
from aqueduct_jupyter.protocol.errors import UnavailableError

AQUEDUCT = {"AQUEDUCT_BASE_URL": "http://a:1/x", "AQUEDUCT_API_KEY": "aqk"}
OPENAI = {"OPENAI_BASE_URL": "http://o:1/v1", "OPENAI_API_KEY": "sk"}
HUB = {"JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:9/user/ada/", "JUPYTERHUB_API_TOKEN": "hub"}


def found(environment: dict[str, str], **given: str) -> tuple[str, str | None]:
    address = find_address(**given, environment=environment, runtime=Path("/nowhere"))
    return address.base_url, address.api_key


def test_what_the_caller_says_wins() -> None:
    everything = AQUEDUCT | OPENAI | HUB
    assert found(everything, base_url="http://x:1", api_key="k") == ("http://x:1", "k")


def test_a_key_goes_only_to_the_address_that_it_was_set_for() -> None:
    assert found(AQUEDUCT | OPENAI, base_url="http://x:1") == ("http://x:1", None)
    assert found(AQUEDUCT | OPENAI, base_url="http://a:1/x/") == ("http://a:1/x/", "aqk")
    assert found(AQUEDUCT | OPENAI, base_url="http://a:1/x", api_key="") == ("http://a:1/x", "")


def test_the_variables_come_in_their_order() -> None:
    assert found(AQUEDUCT | OPENAI | HUB) == ("http://a:1/x", "aqk")
    assert found(OPENAI | HUB) == ("http://o:1/v1", "sk")
    assert found({"OPENAI_API_KEY": "sk"} | HUB) == ("https://api.openai.com/v1", "sk")
    assert found(HUB) == ("http://127.0.0.1:9/user/ada", "hub")
    assert found({"AQUEDUCT_BASE_URL": "http://a", "AQUEDUCT_TOKEN": "t"}) == ("http://a", "t")


def test_the_parent_server_is_found_by_its_file(tmp_path: Path) -> None:
    said = {"url": "http://localhost:8888/base/", "token": "t"}
    (tmp_path / "jpserver-7.json").write_text(json.dumps(said))
    address = find_address(environment={"JPY_PARENT_PID": "7"}, runtime=tmp_path)
    assert (address.base_url, address.api_key) == ("http://localhost:8888/base", "t")
    assert "'t'" not in repr(address)


@pytest.mark.parametrize("text", [None, "", "{}", "not json"])
def test_without_any_it_says_what_to_do(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "jpserver-7.json").write_text(text)
    with pytest.raises(UnavailableError, match="No server was found"):
        find_address(environment={"JPY_PARENT_PID": "7"}, runtime=tmp_path)
