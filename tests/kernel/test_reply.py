"""The line below an answer: it names the model that answered, also the server's default."""

from __future__ import annotations

from pathlib import Path

import pytest

from aqueduct_jupyter.kernel.client import Client
from aqueduct_jupyter.kernel.magics import ChatMagics

from ..forked_servers import throwaway_server
from ..standin import DONE, StandIn, chunk, usage_chunk
from .conftest import Shell


@pytest.mark.parametrize("options", ["", "--no-stream"])
def test_the_default_model_is_named_though_its_upstream_names_none(
    shell: Shell,
    standin: StandIn,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: str,
) -> None:
    upstreams = {"campus": {"base_url": standin.url}}
    with throwaway_server(tmp_path, [f"--AqueductApp.upstreams={upstreams}"]) as server:
        shell.shell.register_magics(ChatMagics(shell.shell, Client(server.url, server.token)))
        if options:
            message = {"role": "assistant", "content": "Hello"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            standin.reply({"id": "c1", "object": "chat.completion", "choices": [choice]})
        else:
            standin.stream(chunk("Hello"), usage_chunk(), DONE)
        shell.ask("Hi", options)
    assert "model" not in shell.sent[0] or shell.sent[0]["model"] == "real-name"
    assert "\n[real-name \u00b7 " in capsys.readouterr().out


def test_what_an_upstream_calls_its_model_comes_first(
    shell: Shell, standin: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    standin.stream(chunk("Hello", model="its-own-name"), DONE)
    shell.ask("Hi")
    assert "\n[its-own-name \u00b7 " in capsys.readouterr().out
