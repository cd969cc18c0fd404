"""Every example of the README and the documentation, run against a real server.

Cells run in a kernel with a kernel's own key, one for each page; shell lines in a shell; settings
are loaded and the extension is assembled from them. What stands behind the server is the stand-in,
which answers in words, code or JSON, as it is asked.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from aqueduct_jupyter.gateway.embedded.weights import weights_path

from ..kernels import running_kernel
from ..real_server import campus, real_server
from .commands import commands_of, look_at, run_command
from .configuration import is_settings, load_settings
from .examples import PAGES, Example, examples, run_cells
from .place import Place, Upstream

import cells  # isort: skip  # the documentation's own, found by .examples

ALL = [example for page in PAGES for example in examples(page)]
NOT_RUN = [
    ("README.md", "opens a browser"),
    ("README.md", "installs"),
    ("docs/agents.md", "starts an agent"),
    ("docs/getting-started.md", "opens a browser"),
    ("docs/getting-started.md", "installs"),
    ("docs/hub.md", "installs"),
    ("docs/hub.md", "installs"),
    ("docs/jupyterhub.md", "installs"),
    ("docs/models.md", "opens a browser"),
]
"""The pages and reasons of examples that are not run; what they name must be there all the same."""

PAGES_AT_A_TIME = 3

CELLS = ("ipython3", "ipython", "python")
PARSED: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    data = folder / "data" / "aqueduct"
    target = weights_path(data)
    target.parent.mkdir(parents=True, mode=0o700)
    target.symlink_to(weights)
    data.chmod(0o700)
    more = {"default_model": "main", "demo_models": True}
    with (
        Upstream(["main", "llama"]) as upstream,
        real_server(folder, {"campus": campus(upstream)}, **more) as server,
        running_kernel(server.process.url, server.process.token) as kernel,
    ):
        key = kernel.run("import os\nprint(os.environ['AQUEDUCT_API_KEY'])").strip()
        yield Place(server, key, folder)


def test_only_these_examples_are_not_run() -> None:
    marked = [(example.page, example.reason) for example in ALL if example.reason]
    assert marked == NOT_RUN


def test_every_example_says_its_language() -> None:
    known = {*PARSED, *CELLS, "console", "dockerfile", "text", "diff"}
    assert [one.place for one in ALL if one.language not in known] == []


@pytest.fixture(scope="module")
def running(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Path, Future[None]]]:
    """Every page, run beside the others: most of the time each waits for a process of its own."""
    with ThreadPoolExecutor(PAGES_AT_A_TIME) as pool:
        yield {
            page: pool.submit(run_page, page, place, tmp_path_factory.mktemp(page.stem))
            for page in PAGES
        }


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_example_runs(page: Path, running: dict[Path, Future[None]]) -> None:
    running[page].result()


def run_page(page: Path, place: Place, tmp_path: Path) -> None:
    found = examples(page)
    given = cells.workplace(tmp_path / "page", place.server.process.url, place.key, "off")
    work = tmp_path / "page" / "work"
    startup = Path(given["IPYTHONDIR"], "profile_default", "startup", "token.py")
    startup.write_text(f"TOKEN = {place.token!r}\n")
    in_kernel = [example for example in found if is_cell(example) and not example.reason]
    if in_kernel:
        here = [replace(example, code=place.here(example.code)) for example in in_kernel]
        run_cells(here, work, {**os.environ, **given})
    for example in found:
        if example.language in ("console", "dockerfile"):
            for command in commands_of(example):
                if example.reason:
                    look_at(command)
                else:
                    run_command(command, place, work)
        elif example.language in PARSED:
            PARSED[example.language](example.code)
        elif is_settings(example):
            load_settings(place.here(example.code), tmp_path)
        elif is_test(example):
            names: dict[str, Any] = {}
            exec(compile(example.code, "<test>", "exec"), names)
            names["test_it_asks"](place.server.process)


def is_cell(example: Example) -> bool:
    if example.language not in CELLS:
        return False
    return not (is_settings(example) or is_test(example))


def is_test(example: Example) -> bool:
    return example.options.get("caption", "").startswith("test_")
