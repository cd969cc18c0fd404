"""A forked process is like a started one, for what runs in it and for whoever watches it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.gateway.children.commands import module_command
from aqueduct_jupyter.gateway.children.programs import serving

from .forked_servers import ForkedProcess
from .real_server import until

SHOW = """
import json, os, random, signal, sys, tempfile, threading, uuid
print("to the same file", file=sys.stderr, flush=True)
print(json.dumps({
    "name": __name__, "words": sys.argv[1:], "folder": os.getcwd(), "variables": dict(os.environ),
    "temporary": tempfile.gettempdir(), "path": sys.path, "flags": str(sys.flags),
    "signals": {number: str(signal.getsignal(number)) for number in signal.valid_signals()},
    "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "group": os.getpgrp(),
    "open": [os.readlink(f"/proc/self/fd/{number}")[:4] for number in range(3)],
    "threads": threading.active_count(), "process": os.getpid(), "random": random.random(),
}), flush=True)
"""
WAIT = "import time\nprint('waits', flush=True)\ntime.sleep(60)\n"

Popen = Callable[..., subprocess.Popen[bytes]]
OWN = {"process", "random"}
BOTH = pytest.mark.parametrize("popen", [subprocess.Popen, ForkedProcess])


class Place:
    """A folder of scripts, each of which runs as a module; all of them are forked from one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"

    @contextmanager
    def running(
        self, popen: Popen, script: str, *words: str, **more: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        name = f"script_{len(list(self.folder.iterdir()))}"
        (self.folder / f"{name}.py").write_text(script)
        command = module_command(name, *words)
        variables = {**os.environ, "PYTHONPATH": str(self.folder), **more}
        with serving(command, self.folder, variables, self.log, popen=popen) as process:
            yield process

    def shown(self, popen: Popen) -> dict[str, Any]:
        with self.running(popen, SHOW, "a", "-b", TMPDIR="/", ODD="ä\n") as process:
            assert process.wait(20) == 0
        first, second = self.log.read_text().splitlines()
        assert first == "to the same file"
        said: dict[str, Any] = json.loads(second)
        assert said["process"] == process.pid
        return said


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("scripts"))


def test_what_runs_in_it_finds_the_same(place: Place) -> None:
    started, *forked = map(place.shown, (subprocess.Popen, ForkedProcess, ForkedProcess))
    assert started["variables"]["ODD"] == "ä\n"
    for said in forked:
        assert {name: said[name] for name in said.keys() - OWN} == {
            name: started[name] for name in started.keys() - OWN
        }
    assert len({said["random"] for said in (started, *forked)}) == 3


@BOTH
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it_and_is_its_status(
    popen: Popen, place: Place, number: signal.Signals
) -> None:
    with place.running(popen, WAIT) as process:
        until(lambda: "waits" in place.log.read_text(), "its start")
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.send_signal(number)
        assert process.wait(20) == process.poll() == process.returncode == -number
        assert not Path(f"/proc/{process.pid}").exists()
        process.terminate()  # which nobody gets


@BOTH
@pytest.mark.parametrize(
    ("script", "status"), [("raise SystemExit(3)", 3), ("1 / 0", 1), ("import os; os._exit(4)", 4)]
)
def test_its_own_end_is_its_status(popen: Popen, place: Place, script: str, status: int) -> None:
    with place.running(popen, script) as process:
        assert process.wait(20) == status
    assert ("ZeroDivisionError" in place.log.read_text()) == (status == 1)


@BOTH
def test_what_is_to_run_at_an_exit_does(popen: Popen, place: Place) -> None:
    script = "import atexit\natexit.register(print, 'over')\nprint('not flushed')\n"
    with place.running(popen, script) as process:
        assert process.wait(20) == 0
    assert place.log.read_text() == "not flushed\nover\n"


@BOTH
def test_its_input_ends_with_whoever_began_it(popen: Popen, place: Place) -> None:
    with place.running(popen, "import sys\nprint(sys.stdin.read())\n") as process:
        assert process.stdin
        process.stdin.write(b"words")
        process.stdin.close()
        assert process.wait(20) == 0
    assert place.log.read_text() == "words\n"


def test_it_ends_with_a_process_of_tests_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from tests.forked_servers import throwaway_server\n"
        "with throwaway_server(Path(sys.argv[1])) as server:\n"
        "    print(server.process.pid, os.getpid(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as parent:
        assert parent.stdout
        said = parent.stdout.readline()
        below = {int(word) for word in said.split()}
        assert len(below) == 2
        parent.kill()
    until(lambda: not any(Path(f"/proc/{one}").exists() for one in below), "its servers' end")
