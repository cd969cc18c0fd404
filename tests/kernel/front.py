"""A panel's front end, as far as a kernel knows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from aqueduct_jupyter.kernel.panel import ChatPanel

__all__ = ["Front", "until"]


class Front:
    """What the browser would be: it says things, and keeps what it is told."""

    def __init__(self, panel: ChatPanel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.panel = panel
        self.told: list[dict[str, Any]] = []
        monkeypatch.setattr(panel, "send", self.told.append)

    def say(self, *buffers: bytes, **message: Any) -> None:
        self.panel._handle_custom_msg(message, [memoryview(data) for data in buffers])

    def ask(self, prompt: str, request: str = "r1", **more: Any) -> None:
        words = {"contexts": [], "files": [], "model": None, "before": None, **more}
        self.say(type="ask", request=request, prompt=prompt, **words)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["type"] == kind]

    def wait(self, kind: str, count: int = 1) -> dict[str, Any]:
        until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[-1]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)
