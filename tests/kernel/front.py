"""A panel's front end, as far as a kernel knows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from aqueduct_jupyter.kernel.panel import ChatPanel

__all__ = ["Front", "Shown", "until"]


class Front:
    """What the browser would be: it says things, and keeps what it is told."""

    def __init__(self, panel: ChatPanel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.panel = panel
        self.told: list[dict[str, Any]] = []
        monkeypatch.setattr(panel, "send", self.told.append)

    def say(self, *buffers: bytes, **message: Any) -> None:
        self.panel._handle_custom_msg(message, [memoryview(data) for data in buffers])

    def ask(self, prompt: str, request: str = "r1", **more: Any) -> None:
        words = {"contexts": [], "files": [], "model": None, "before": None}
        words |= {"continues": False, **more}
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


class Shown:
    """The turns as a front end shows them: what it was told, put together."""

    def __init__(self, front: Front) -> None:
        self.turns: dict[str, dict[str, Any]] = {}
        self.running: str | None = None
        self._answering: str | None = None
        for message in list(front.told):
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "turns":
            known = self.turns | {turn["id"]: dict(turn) for turn in message["turns"]}
            self.turns = {turn: known[turn] for turn in message["ids"]}
            self.running, self._answering = message["running"], message["answering"]
        elif message.get("request") == self.running and self._answering in self.turns:
            turn = self.turns[self._answering]
            if message["type"] == "delta":
                turn["answer"] += message["text"]
            elif message["type"] == "ended":
                turn |= message["turn"]
                self.running = None

    @property
    def answers(self) -> list[tuple[str, str]]:
        return [(turn["state"], turn["answer"]) for turn in self.turns.values()]
