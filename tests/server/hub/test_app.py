"""The service's settings: what its start says of them."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest

from aqueduct_jupyter.server.hub.app import AqueductHub

DATABASE = "postgresql://aqueduct:secret@127.0.0.1:9/aqueduct"


@pytest.mark.parametrize("has_objects", [False, True])
def test_a_database_without_an_object_store_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, has_objects: bool
) -> None:
    objects = {"objects_url": str(tmp_path / "shared")} if has_objects else {}
    app = AqueductHub(data_folder=str(tmp_path), database_url=DATABASE, **objects)
    app.log = logging.getLogger("of-the-service")
    app._open_stores(app.gateway_settings())
    said = [record.getMessage() for record in caplog.records]
    assert any("Set c.AqueductHub.objects_url" in words for words in said) != has_objects
    assert "secret" not in caplog.text


def test_an_address_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        app = AqueductHub(data_folder=str(tmp_path), bind_url=url)
        with pytest.raises(OSError, match=rf"{url}: address already in use.*AqueductHub\.bind_url"):
            app._sockets()
