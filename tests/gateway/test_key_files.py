"""Keys in files: a changed one is used without a restart, and one that cannot be read is not."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from aqueduct_jupyter.gateway.gateway import Gateway
from aqueduct_jupyter.gateway.key_files import KeyFiles
from aqueduct_jupyter.gateway.settings import GatewaySettings

from ..standin import StandIn


def write(path: Path, key: str, age: int) -> None:
    """Write a key, and give the file a time of its own, however coarse the disk's clock is."""
    path.write_text(key)
    os.utime(path, ns=(age, age))


def test_only_what_has_changed_is_read_again(tmp_path: Path) -> None:
    first, second = tmp_path / "first.key", tmp_path / "second.key"
    write(first, "sk-1", 1)
    files = KeyFiles(
        {
            "one": {"api_key_file": str(first)},
            "two": {"api_key_file": str(second)},
            "three": {"api_key": "sk-3"},
        }
    )
    assert files.changed() == []
    write(first, "sk-2", 2)
    write(second, "sk-2", 2)
    assert files.changed() == ["one", "two"]
    assert files.changed() == []
    first.unlink()
    assert files.changed() == []
    write(first, "sk-3", 3)
    assert files.changed() == ["one"]


async def test_the_next_request_has_the_new_key(
    standin: StandIn,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "campus.key"
    write(path, "sk-old", 1)
    settings = GatewaySettings(
        data_folder=tmp_path,
        upstreams={
            "campus": {"base_url": standin.url, "api_key_file": str(path)},
            "second": {"base_url": standin.url, "api_key": "sk-2"},
        },
    )
    gateway = Gateway(settings, {})

    def refuse(*_: object) -> None:
        raise RuntimeError("No.")

    gateway.key_files_seconds = 0.02

    async def key() -> str:
        standin.received.clear()
        (upstream,) = [one for one in gateway.catalog.upstreams if one.name == "campus"]
        await upstream.models()
        return standin.received[0].headers["authorization"]

    async def until(expected: str) -> None:
        for _ in range(1000):
            if await key() == expected:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(await key())

    gateway.start()
    try:
        assert await key() == "Bearer sk-old"
        write(path, "sk-new", 2)
        await until("Bearer sk-new")
        # The first one that lists a model is asked for it, so the order stays.
        assert [upstream.name for upstream in gateway.catalog.upstreams[:2]] == ["campus", "second"]
        # Whatever goes wrong once, the next change is seen.
        monkeypatch.setattr(gateway, "_connect", refuse)
        write(path, "sk-unlucky", 3)
        for _ in range(1000):
            if "were not read again" in caplog.text:
                break
            await asyncio.sleep(0.01)
        monkeypatch.undo()
        write(path, "", 4)
        for _ in range(1000):
            if "still used" in caplog.text:
                break
            await asyncio.sleep(0.01)
        assert "is empty. The key that it had is still used." in caplog.text
        assert await key() == "Bearer sk-new"
        assert "sk-" not in caplog.text
        write(path, "sk-last", 5)
        await until("Bearer sk-last")
    finally:
        await gateway.close()
