"""One server for all clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .clients import Bench, bench


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("clients")) as running:
        yield running
