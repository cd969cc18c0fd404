"""Every process that we start, in a folder full of modules that want to be taken for others.

It is what a person has who clones a repository and opens Jupyter in it. Each module leaves a mark
when it is imported; afterwards there must be none, and each process must have done its work.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from aqueduct_jupyter.command.throwaway import throwaway_server
from aqueduct_jupyter.gateway.configured_upstreams import local_upstream
from aqueduct_jupyter.gateway.documents.reader import DocumentReader
from aqueduct_jupyter.gateway.embedded.model import LocalModel
from aqueduct_jupyter.gateway.embedded.weights import WEIGHTS_BYTES, pull_weights
from aqueduct_jupyter.kernel.commands import Commands

from ..gateway.documents import samples

MODULES = (
    "json.py",
    "sitecustomize.py",
    "usercustomize.py",
    "pip.py",
    "pip/__init__.py",
    "encodings/__init__.py",
    "asyncio.py",
    "runpy.py",
    "xllamacpp.py",
    "kreuzberg.py",
    "olefile.py",
    "pypdfium2.py",
    "jupyter_server.py",
    "jupyter_core/__init__.py",
    "tornado/__init__.py",
    "aqueduct_jupyter/__init__.py",
)
PROGRAMS = (
    "aqueduct_jupyter.gateway.embedded.process",
    "aqueduct_jupyter.gateway.documents.worker",
    "aqueduct_jupyter.command",
    "jupyter_server",
    "pip",
)
PYTHON_PATHS = ("{old}", ".", "{sep}{old}")
"""Values of PYTHONPATH: this process's own, and two that name the working folder."""


@dataclass(frozen=True, slots=True)
class Trap:
    """The folder; ``sprung`` are the modules in it that somebody imported."""

    folder: Path
    marks: Path

    @property
    def sprung(self) -> list[str]:
        return sorted(mark.name for mark in self.marks.iterdir())


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trap:
    """The working folder of this process, and so of all that it starts and that says no other."""
    trap = Trap(tmp_path / "clone", tmp_path / "marks")
    trap.marks.mkdir()
    for name in MODULES:
        path = trap.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        mark = os.fsencode(trap.marks / name.replace("/", "."))
        # "encodings" is imported before there are files, and any other import may be one of these.
        flags = os.O_CREAT | os.O_WRONLY
        path.write_text(f"import posix\nposix.close(posix.open({mark!r}, {flags}))\n")
    monkeypatch.chdir(trap.folder)
    for word in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{word}_DIR", str(tmp_path / word))
    return trap


@pytest.fixture(params=PYTHON_PATHS)
def python_path(
    request: pytest.FixtureRequest, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    old = os.environ.get("PYTHONPATH", "")
    value = request.param.format(sep=os.pathsep, old=old)
    monkeypatch.setenv("PYTHONPATH", value)
    yield value
    assert trap.sprung == []


@pytest.mark.usefixtures("python_path")
class TestWhatWeStart:
    async def test_the_embedded_model(self, weights: Path) -> None:
        upstream = local_upstream(LocalModel(weights, "model"))
        body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
        try:
            async with upstream.post(
                "chat/completions", json.dumps(body).encode(), request_id="r"
            ) as answer:
                said = json.loads(await answer.read())
        finally:
            await upstream.close()
        assert said["choices"][0]["message"]["content"].strip()

    async def test_a_reader_of_documents(self) -> None:
        data = samples.pdf("pdf words")
        sha256 = hashlib.sha256(data).hexdigest()
        reader = DocumentReader()
        try:
            text = await reader.read(data, filename="a", media_type="", sha256=sha256)
        finally:
            await reader.close()
        assert text == "pdf words"

    def test_pip(self, tmp_path: Path) -> None:
        assert pull_weights(tmp_path / "data").stat().st_size == WEIGHTS_BYTES

    def test_the_doctor_of_a_notebook(self, capsys: pytest.CaptureFixture[str]) -> None:
        Commands(cast(Any, None)).run("doctor")
        said = capsys.readouterr().out
        assert "extension: enabled" in said
        assert said.endswith("to fix.\n\n")

    def test_a_server_for_a_moment(self, tmp_path: Path) -> None:
        folder = tmp_path / "server"
        folder.mkdir()
        self.serve(folder)

    def test_a_server_for_a_moment_in_the_same_folder(self, trap: Trap) -> None:
        self.serve(trap.folder)

    def serve(self, folder: Path) -> None:
        with throwaway_server(folder) as server:
            headers = {"Authorization": f"Bearer {server.token}"}
            url = f"{server.url}/aqueduct/status"
            assert httpx.get(url, headers=headers, trust_env=False).json()["models"]


@pytest.mark.parametrize("words", ["status", "doctor", "pull", "demo"])
def test_what_a_person_types(trap: Trap, words: str) -> None:
    jupyter = Path(sys.executable).with_name("jupyter")
    done = subprocess.run(
        [str(jupyter), "aqueduct", words], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    assert trap.sprung == []


def start_badly(program: str, *flags: str, python_path: str | None = None) -> None:
    """Start a program as nobody should."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if python_path is not None:
        variables["PYTHONPATH"] = python_path
    command = [sys.executable, *flags, "-m", program, "1"]
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=variables,
        timeout=60,
        check=False,
    )


class TestThatTheTrapWouldSpring:
    @pytest.mark.parametrize("program", PROGRAMS)
    def test_without_the_flag(self, trap: Trap, program: str) -> None:
        start_badly(program)
        assert trap.sprung

    @pytest.mark.parametrize("program", PROGRAMS)
    def test_with_the_flag_and_an_unclean_path(self, trap: Trap, program: str) -> None:
        start_badly(program, "-P", python_path=".")
        assert trap.sprung
