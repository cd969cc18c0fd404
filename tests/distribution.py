"""Which tests run where and when: whole modules on a worker, long ones and slow tests first.

A module's tests share servers, so one worker gets all of them. Nothing depends on the order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

__all__ = ["ModuleScheduling", "arrange"]

TOGETHER = ("tests/hub/",)
"""Folders with something that is too dear to be started by each worker."""

LONG = (
    *TOGETHER,
    "tests/browser/test_panel.py",
    "tests/browser/",
    "tests/soak/",
    "tests/docs/",
    "tests/test_notebooks.py",
    "tests/server/http/test_openapi.py",
    "tests/server/http/test_operations.py",
    "tests/server/http/test_chat.py",
    "tests/server/jupyter/test_provisioner.py",
    "tests/testing/",
    "tests/test_",
)
"""Modules that take ten seconds or more; they come first, so that no worker is left with one.

The first of the browser's makes the environment that others wait for, and a hub runs meanwhile.
A soak mostly waits, and others use the processors.
"""


def arrange(items: list[pytest.Item]) -> None:
    """Put tests in the order in which they begin."""

    def turn(item: pytest.Item) -> tuple[int, bool]:
        places = (place for place, name in enumerate(LONG) if item.nodeid.startswith(name))
        place = next(places, len(LONG))
        return place, place == len(LONG) and item.get_closest_marker("slow") is None

    items.sort(key=turn)


class ModuleScheduling(LoadScopeScheduling):
    """Gives workers what stands together: a module's slow tests, and later its others."""

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        # A worker finds a test by its name, and would run the first of two for both.
        twice = [name for name, count in Counter(collection).items() if count > 1]
        assert not twice, f"several tests have one name: {twice}"
        runs = enumerate(groupby(collection, key=_place))
        self._units = {name: f"{place} {number}" for number, (place, run) in runs for name in run}
        super().add_node_collection(node, collection)

    def _split_scope(self, nodeid: str) -> str:
        return self._units[nodeid]


def _place(nodeid: str) -> str:
    together = [folder for folder in TOGETHER if nodeid.startswith(folder)]
    return together[0] if together else nodeid.partition("::")[0]
