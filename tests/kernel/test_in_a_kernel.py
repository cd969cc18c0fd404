"""``%%chat`` in real kernels: what is saved in the notebook, and what an interrupt leaves."""

from __future__ import annotations

import json
import os
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager, start_new_kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbclient.output_widget import OutputWidget

from ..standin import CUT, DONE, HANG, StandIn, chunk, usage_chunk

LOAD = "%load_ext aqueduct_jupyter"


def environment(standin: StandIn) -> dict[str, str]:
    return {**os.environ, "AQUEDUCT_BASE_URL": standin.url, "AQUEDUCT_API_KEY": "key"}


def run(standin: StandIn, folder: Path, *cells: str) -> Any:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in (LOAD, *cells)]
    )
    client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment(standin))
    return notebook


def test_the_saved_output_is_one_display_the_same_whether_streamed_or_not(
    standin: StandIn, tmp_path: Path
) -> None:
    for _ in range(2):
        standin.stream(*[chunk(f"word{n} ") for n in range(50)], usage_chunk(), DONE)
    notebook = run(standin, tmp_path, "%%chat\nHi", "%%chat --new\nHi", "print(repr(_chat))")
    _, first, second, printed = notebook.cells
    (output,) = first.outputs
    assert output.output_type == "display_data"
    text = "".join(f"word{n} " for n in range(50))
    assert output.data["text/markdown"].startswith(text)
    assert output.data["text/plain"].startswith(text)
    metadata = output.metadata["application/vnd.aqueduct.answer+json"]
    assert (metadata["tokens_out"], metadata["finish_reason"]) == (2, None)
    assert len(metadata["prompt"]) == 64
    assert second.outputs[0].metadata == output.metadata
    assert printed.outputs[0].text.strip() == repr(text)


def test_a_panel_is_saved_with_its_conversation_for_readers_without_a_kernel(
    standin: StandIn, tmp_path: Path
) -> None:
    cells = ("from aqueduct_jupyter import ChatPanel\nChatPanel()", "%%chat\nWhat?", "%%chat\nHow?")
    notebook = run(standin, tmp_path, *cells)
    live, kept = notebook.cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" in live.data
    assert live.data["text/plain"] == "ChatPanel(conversation='main')"
    assert kept.data["text/html"].count("<p>Hello</p>") == 2
    assert "What?" in kept.data["text/plain"]
    assert "How?" in kept.data["text/plain"]
    outputs = json.dumps(notebook.cells[1].outputs)
    assert len(outputs) < 2000, "saved notebooks stay small"


def test_run_all_stops_at_a_failing_cell(standin: StandIn, tmp_path: Path) -> None:
    standin.stream(chunk("half"), CUT)
    with pytest.raises(CellExecutionError, match="DisconnectedError"):
        run(standin, tmp_path, "%%chat\nHi", "open('reached', 'w')")
    assert not (tmp_path / "reached").exists()


class Kernel:
    """A kernel of our own, to interrupt."""

    def __init__(self, manager: KernelManager, client: Any) -> None:
        self.manager = manager
        self._client = client

    def start(self, code: str) -> str:
        return str(self._client.execute(code))

    def messages(self, request: str) -> Iterator[dict[str, Any]]:
        """Give what the cell says, until it has ended."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                message = self._client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            yield message
            content = message["content"]
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return
        raise AssertionError("the cell did not end")


@pytest.fixture
def kernel(standin: StandIn, tmp_path: Path) -> Iterator[Kernel]:
    manager, client = start_new_kernel(env=environment(standin), cwd=str(tmp_path))
    yield Kernel(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("after_first", [True, False])
def test_an_interrupt_keeps_the_part_frees_the_upstream_and_goes_on(
    standin: StandIn, kernel: Kernel, after_first: bool
) -> None:
    standin.stream(*([chunk("the part ")] if after_first else []), HANG)
    list(kernel.messages(kernel.start(LOAD)))
    shown: list[dict[str, Any]] = []
    raised = ""
    interrupted = False
    for message in kernel.messages(kernel.start("%%chat\nHi")):
        shown += [message["content"]["data"]] if "data" in message["content"] else []
        raised = message["content"].get("ename", raised)
        has_part = any("the part" in str(data) for data in shown)
        if not interrupted and (has_part or (shown and not after_first)):
            assert standin.has_chat.wait(10)
            kernel.manager.interrupt_kernel()
            interrupted = True
    assert raised == "KeyboardInterrupt"
    assert standin.chats[0].client_left.wait(5)
    assert "stopped" in shown[-1]["text/markdown"]
    assert ("the part" in shown[-1]["text/markdown"]) is after_first
    told = [
        message["content"].get("data", {}).get("text/plain", "")
        for message in kernel.messages(kernel.start("%chat history"))
    ]
    assert "Model (stopped)" in "".join(told)
    assert ("the part" in "".join(told)) is after_first


def test_an_output_widget_has_the_whole_answer(
    standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # nbclient's widget sends by the socket on which the client waits for the kernel's reply, and
    # may have it wait for a minute although the reply is there. Nobody reads what it sends.
    monkeypatch.setattr(OutputWidget, "send", lambda *_: None)
    standin.stream(*[chunk(f"word{n} ") for n in range(50)], usage_chunk(), DONE)
    notebook = run(
        standin,
        tmp_path,
        "import ipywidgets\nout = ipywidgets.Output()\nout",
        "with out:\n    get_ipython().run_cell_magic('chat', '', 'Hi')",
    )
    (state,) = notebook.metadata.widgets.values()
    (outputs,) = [
        widget["state"]["outputs"]
        for widget in state["state"].values()
        if widget["model_name"] == "OutputModel"
    ]
    text = "".join(f"word{n} " for n in range(50))
    assert [output["data"]["text/markdown"].startswith(text) for output in outputs] == [True]
