"""This file is where the cells of the documentation's pages run, and what answers them.

While pages are built, ``%%chat`` answers from ``examples/work.chat.jsonl``, strictly, so a page
shows what a model really said and needs none; ``make notebooks`` records it anew. What asks a
server without ``%%chat`` is answered by a throwaway one with the scripted models.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sphinx.application import Sphinx

from aqueduct_jupyter.command.throwaway import throwaway_server

__all__ = ["EXAMPLES", "RECORDING", "setup", "workplace"]

EXAMPLES = Path(__file__).parents[1] / "examples"
"""The files that the cells of pages use."""

NOTEBOOK, RECORDING = "work.ipynb", "work.chat.jsonl"
"""The notebook in which the cells of all pages believe to be, and the answers beside it."""


def workplace(folder: Path, url: str, token: str, mode: str) -> dict[str, str]:
    """Make the folder in which the cells of a page run, so that they leave nothing in the tree.

    Args:
        folder: an empty one.
        url: the server that the cells ask.
        token: the key for it.
        mode: what is done with recorded answers: ``off``, ``record`` or ``strict``.

    Returns:
        The environment of the page's kernel.
    """
    work = Path(shutil.copytree(EXAMPLES, folder / "work"))
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    # A page's kernel starts in the folder of the page.
    (startup / "place.py").write_text(f"import os\nos.chdir({str(work)!r})\ndel os\n")
    (startup.parent / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 50\n")
    return {
        "AQUEDUCT_BASE_URL": url,
        "AQUEDUCT_API_KEY": token,
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": token,
        "AQUEDUCT_CHAT_RECORDING": mode,
        "IPYTHONDIR": str(folder / "ipython"),
        "JPY_SESSION_NAME": str(work / NOTEBOOK),
        "COLUMNS": "80",
    }


def setup(app: Sphinx) -> dict[str, Any]:
    """Have the server run as long as pages are read."""
    stack = ExitStack()
    app.connect("builder-inited", lambda _: _start(stack))
    app.connect("build-finished", lambda *_: stack.close())
    return {"parallel_read_safe": True}


def _start(stack: ExitStack) -> None:
    server_folder, page_folder = (
        Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)
    )
    server = stack.enter_context(throwaway_server(server_folder))
    variables = workplace(page_folder, server.url, server.token, "strict")
    # The kernels of pages inherit this process's environment.
    stack.enter_context(patch.dict(os.environ, variables))
