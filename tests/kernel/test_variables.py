"""The notebook's variables for a page, and that nobody notices when they are asked for."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from aqueduct_jupyter.kernel.context import Context, FilePart, ImagePart, Piece
from aqueduct_jupyter.kernel.variables import as_described, variables_of
from aqueduct_jupyter.protocol.variables import MEDIA_TYPE

MODULE = '__import__("importlib").import_module("aqueduct_jupyter.kernel.variables")'


class Shaped:
    """An object that says that it is numpy's."""

    shape = (3, 4)


Shaped.__module__ = "numpy.fake"


class Touchy:
    """An object whose own code is not to run."""

    @property
    def shape(self) -> Any:
        raise AssertionError("read")

    def __len__(self) -> int:
        raise AssertionError("counted")


def test_data_comes_first_and_what_a_user_did_not_define_is_left_out() -> None:
    hidden = {"exit": print, "replaced": print}
    names = {
        **hidden,
        "replaced": 1,
        "_private": 1,
        "os": os,
        "Path": Path,
        "join": os.path.join,
        "rows": [1, 2, 3],
        "array": Shaped(),
        "touchy": Touchy(),
        "report": Path("report.pdf"),
    }
    found = variables_of(names, hidden)
    assert [(one["name"], one["shape"]) for one in found] == [
        ("report", ""),
        ("array", "3 x 4"),
        ("replaced", ""),
        ("rows", "3"),
        ("touchy", ""),
    ]
    assert found[3]["type"] == "list"


def test_pictures_and_files_go_beside_the_text_and_what_is_cut_is_said() -> None:
    parts: list[ImagePart | FilePart] = [ImagePart(b"1"), FilePart("a.pdf", b"2"), ImagePart(b"3")]
    found = as_described(Context("fig", [Piece("2 pictures" + "x" * 30_000)], parts))
    assert found["text"].endswith("[the file fig.png]\n[the file a.pdf]\n[the file fig 3.png]")
    assert len(found["cut"]) == 1
    assert found["cut"][0].endswith("characters")
    assert [(file["name"], file["media_type"]) for file in found["files"]] == [
        ("fig.png", "image/png"),
        ("a.pdf", "application/pdf"),
        ("fig 3.png", "image/png"),
    ]
    assert base64.b64decode(found["files"][1]["data"]) == b"2"


@pytest.fixture(scope="module")
def kernel() -> Iterator[BlockingKernelClient]:
    manager, client = start_new_kernel()
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def evaluate(kernel: BlockingKernelClient, call: str) -> dict[str, Any]:
    """Ask as the page does."""
    expressions = {"found": f"{MODULE}.{call}"}
    message = kernel.execute("", silent=True, user_expressions=expressions)
    reply = kernel.get_shell_msg(timeout=60)
    while reply["parent_header"]["msg_id"] != message:
        reply = kernel.get_shell_msg(timeout=60)
    found: dict[str, Any] = reply["content"]["user_expressions"]["found"]["data"][MEDIA_TYPE]
    return found


def run(kernel: BlockingKernelClient, code: str) -> tuple[int, str]:
    """Run a cell; give its number and what it printed."""
    printed: list[str] = []

    def keep(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = kernel.execute_interactive(code, output_hook=keep, timeout=60)
    return reply["content"]["execution_count"], "".join(printed)


NEW = "sorted(name for name in set(globals()) - known if not name.startswith('_i'))"
STATE = f"import sys; print(len(In), sorted(Out), _, sys.last_value, {NEW})"


def test_a_kernel_does_not_notice_that_it_is_asked(kernel: BlockingKernelClient) -> None:
    run(kernel, "rows = [{'city': 'Segovia', 'arches': 167}]\nrows")
    run(kernel, "known = {'known', *globals()}\n1 / 0")
    before, state = run(kernel, STATE)
    assert "division by zero" in state
    names = [one["name"] for one in evaluate(kernel, "listed()")["variables"]]
    assert names == ["known", "rows"]
    assert "Segovia" in evaluate(kernel, 'described("rows")')["text"]
    assert "missing" in evaluate(kernel, 'described("missing")')["error"]
    assert "calls are not" in evaluate(kernel, 'described("print(1)")')["error"]
    after, later = run(kernel, STATE)
    assert after == before + 1
    assert later.split(" ", 1)[1] == state.split(" ", 1)[1]
