"""What the gateway makes of its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from aqueduct_jupyter.gateway.gateway import Gateway
from aqueduct_jupyter.gateway.requests.shared_limits import read_shared_limits
from aqueduct_jupyter.gateway.settings import GatewaySettings
from aqueduct_jupyter.protocol.errors import PermissionDeniedError

from ..standin import StandIn


async def test_without_a_model_the_notice_names_the_option_of_these_settings(
    tmp_path: Path,
) -> None:
    gateway = Gateway(GatewaySettings(section="AqueductHub", data_folder=tmp_path), {})
    assert gateway.notices == [gateway.no_model]
    assert "set c.AqueductHub.upstreams" in gateway.no_model
    await gateway.close()


async def test_no_models_are_not_all_models(standin: StandIn, tmp_path: Path) -> None:
    settings = GatewaySettings(
        data_folder=tmp_path,
        upstreams={"campus": {"base_url": standin.url}},
        shared_limits=read_shared_limits({"models": []}),
    )
    gateway = Gateway(settings, {})
    with pytest.raises(PermissionDeniedError):
        await gateway.catalog_for(frozenset()).resolve("campus/real-name")
    await gateway.close()
