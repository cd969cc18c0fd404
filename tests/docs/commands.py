"""Shell lines of pages: run, or where they cannot be, looked at."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from aqueduct_jupyter.command import main

from .examples import ROOT, Example
from .place import Place

__all__ = ["commands_of", "look_at", "run_command"]


def commands_of(example: Example) -> list[str]:
    """Give the commands after the prompts; a backslash at the end of a line goes on with it."""
    prompt = "RUN " if example.language == "dockerfile" else "$ "
    joined = example.code.replace("\\\n", "\0")
    lines = [line for line in joined.splitlines() if line.startswith(prompt)]
    assert lines, f"{example.place}: no command after '{prompt}'"
    return [line.removeprefix(prompt).replace("\0", " ") for line in lines]


def words_of(command: str) -> list[str]:
    words = shlex.split(command, comments=True)
    while "=" in words[0]:
        words.pop(0)
    return words


def look_at(command: str) -> None:
    """Look whether there is what a command names that is not run."""
    words = words_of(command)
    if words[0] == "make":
        run("make", "--dry-run", *words[1:], cwd=ROOT)
    elif words[:2] == ["pip", "install"]:
        for requirement in map(Requirement, words[2:]):
            known = metadata(requirement.name)
            assert requirement.extras <= set(known.get_all("Provides-Extra") or ())
    elif words[:2] == ["jupyter", "aqueduct"]:
        own = words[2 : words.index("--")] if "--" in words else words[2:]
        with pytest.raises(SystemExit, match="0"):
            main([*own, "--help"])
    else:
        assert shutil.which("-".join(words[:2]), path=Path(sys.executable).parent), command


def run_command(command: str, place: Place, work: Path) -> None:
    """Run a command; what sqlite3 is told is told to Python's, as a machine may have no other."""
    if command in place.done:
        return
    place.done.add(command)
    words = words_of(command)
    if words[0] == "sqlite3":
        in_sqlite(place.here(words[2]), place)
        return
    said = in_shell(place.here(command), place, work)
    assert not re.match(r'(data: )?\{"error"', said), said


def in_sqlite(statement: str, place: Place) -> None:
    connection = sqlite3.connect(place.server.data / "aqueduct.sqlite")
    if backup := re.fullmatch(r"\.backup '(.+)'", statement):
        connection.backup(sqlite3.connect(backup[1]))
    else:
        connection.execute(statement)
    connection.close()


def in_shell(command: str, place: Place, work: Path) -> str:
    variables = {
        "TOKEN": place.token,
        "KEY": "sk-mine",
        "HOME": str(work),
        "AQUEDUCT_BASE_URL": place.server.process.url,
        "AQUEDUCT_API_KEY": place.token,
        **{f"JUPYTER_{word}_DIR": str(place.folder / word.lower()) for word in ("DATA", "RUNTIME")},
        "JUPYTER_CONFIG_DIR": str(work / "config"),
        # Loading what this environment has beside takes longer than the test.
        "PYTEST_ADDOPTS": "-p no:schemathesis -p no:hypothesispytest -p no:anyio",
    }
    return run("bash", "-c", command, cwd=work, **variables)


def run(*command: str, cwd: Path, **variables: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
