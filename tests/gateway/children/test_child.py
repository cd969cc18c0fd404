"""Child processes: real ones, which misbehave in every way that a child can."""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import signal
import stat
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from aqueduct_jupyter.gateway.children import programs
from aqueduct_jupyter.gateway.children.child import Child
from aqueduct_jupyter.gateway.children.commands import (
    environment,
    module_command,
    tethered_command,
    without_relative_paths,
)
from aqueduct_jupyter.gateway.children.output import OUTPUT_BYTES, LastOutput
from aqueduct_jupyter.gateway.children.programs import run, serving

ECHO = "import sys; sys.stdout.write(sys.stdin.readline()); sys.stdout.flush(); sys.stdin.read()"
STUBBORN = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\n"
    "time.sleep(3600)\n"
)
TALKS = (
    "import logging, os, signal, sys\n"
    "def stop(number, frame):\n"
    "    logging.critical('stopping')\n"
    "    sys.exit(3)\n"
    "signal.signal(signal.SIGTERM, stop)\n"
    "os.dup2(1, 2)\n"
    "while True:\n"
    "    logging.error('x' * 1000)\n"
)
PATIENCE = 20.0
"""Seconds after which something that had to happen is taken for one that never will."""

FOREIGN = "\x1b[31mred\x1b[0m\u202eevil\u2028\x00\n  line two\t\n"


def python(script: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script, *arguments)


def is_alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@contextlib.contextmanager
def started(
    command: tuple[str, ...], variables: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is killed at the end, also of a test that fails."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_the_end_of(process_id: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while is_alive(process_id):
        if time.monotonic() > deadline:
            os.kill(process_id, signal.SIGKILL)
            raise AssertionError("it lives on")
        time.sleep(0.02)


def wait_until_full(pipe: IO[bytes]) -> None:
    """Wait until a program has to wait for somebody to read what it writes."""
    count, before = array.array("i", [0]), -1
    while not count[0] or count[0] != before:
        before = count[0]
        time.sleep(0.2)
        fcntl.ioctl(pipe, termios.FIONREAD, count)


def folders(name: str) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"aqueduct-{name}-*"))


def is_private_and_empty(folder: Path) -> bool:
    return stat.S_IMODE(folder.stat().st_mode) == 0o700 and not list(folder.iterdir())


class TestTheEnvironment:
    def test_it_has_named_variables_only(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in (
            "OPENAI_API_KEY",
            "PYTHONSTARTUP",
            "PYTHONHOME",
            "LD_PRELOAD",
            "PIP_INDEX_URL",
        ):
            monkeypatch.setenv(name, "/elsewhere")
        monkeypatch.setenv("LANG", "C.UTF-8")
        made = environment(tmp_path)
        assert made["LANG"] == "C.UTF-8"
        assert "/elsewhere" not in made.values()
        for name in ("HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE"):
            assert made[name] == str(tmp_path)

    def test_what_an_installer_needs_is_named_and_its_lower_case_twin_is_meant_too(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PIP_INDEX_URL", "https://index")
        monkeypatch.setenv("https_proxy", "http://proxy")
        monkeypatch.setenv("HOME", "/home/somebody")
        made = environment(tmp_path, "PIP_*", "HTTPS_PROXY", "HOME")
        assert made["PIP_INDEX_URL"] == "https://index"
        assert made["https_proxy"] == "http://proxy"
        assert (made["HOME"], made["TMPDIR"]) == ("/home/somebody", str(tmp_path))

    @pytest.mark.parametrize("name", ["PATH", "PYTHONPATH", "LD_LIBRARY_PATH"])
    @pytest.mark.parametrize(
        ("value", "kept"),
        [
            ("/a:/b", "/a:/b"),
            (":/a", "/a"),
            ("/a:", "/a"),
            (".:/a::b:../c:~/d", "/a"),
            (".", None),
            ("", None),
        ],
    )
    def test_paths_have_no_entry_that_depends_on_a_folder(
        self, name: str, value: str, kept: str | None
    ) -> None:
        assert without_relative_paths({name: value, "X": "."}).get(name) == kept
        assert without_relative_paths({name: value, "X": "."})["X"] == "."


@pytest.mark.parametrize(
    ("command", "flags"),
    [(module_command("json"), ("-P", "-m")), (tethered_command("json"), ("-P", "-u", "-m"))],
)
def test_python_is_told_to_leave_the_working_folder_out(
    command: tuple[str, ...], flags: tuple[str, ...]
) -> None:
    assert command[: len(flags) + 1] == (sys.executable, *flags)


class TestLastOutput:
    def test_they_are_bounded(self) -> None:
        words = LastOutput()
        for number in range(1000):
            words = words.then(b"%05d" % number * 10)
        assert len(words.raw) == OUTPUT_BYTES
        assert words.raw.endswith(b"00999")

    def test_they_are_one_printable_line(self) -> None:
        words = LastOutput(FOREIGN.encode() + b"\xff\xfe")
        for shown in (str(words), words.line):
            assert shown.isprintable()
            assert "\x1b" not in shown
        assert "evil" in str(words)
        assert str(words).index("red") < str(words).index("line two")

    def test_the_last_line_of_a_traceback_is_the_error(self) -> None:
        assert LastOutput(b"Traceback\n  File x\nValueError: no\n\n").line == "ValueError: no"
        assert LastOutput().line == str(LastOutput()) == ""


class TestAChild:
    async def test_it_has_a_private_folder_that_is_gone_with_it(self) -> None:
        script = "import os; print(os.getcwd(), os.environ['HOME'], os.environ['TMPDIR'])"
        child = await Child.start(python(script + "; input()"), "private")
        said = (await child.read_line()).decode().split()
        (folder,) = folders("private")
        assert set(said) == {str(folder)}
        assert is_private_and_empty(folder)
        await child.end()
        assert folders("private") == []

    async def test_two_have_two_folders(self) -> None:
        made = [await Child.start(python(ECHO), "two") for _ in range(2)]
        assert len(folders("two")) == 2
        for child in made:
            await child.end()
        assert folders("two") == []

    async def test_one_that_does_not_start_leaves_no_folder(self) -> None:
        with pytest.raises(OSError, match="no/such"):
            await Child.start(("/no/such/program",), "none")
        assert folders("none") == []

    async def test_it_is_asked_and_ends_when_its_input_does(self) -> None:
        child = await Child.start(python(ECHO), "asked")
        await child.write(b"wor", b"ds\n")
        assert await child.read_line() == b"words\n"
        assert child.is_alive
        await child.end()
        assert (child.is_alive, child.status) == (False, 0)
        assert await child.read_line() == b""
        with pytest.raises(EOFError):
            await child.read_bytes(1)

    async def test_a_line_has_a_bound(self) -> None:
        child = await Child.start(python("print('x' * 10_000_000)"), "line")
        with pytest.raises(ValueError, match="limit"):
            await child.read_line()
        child.kill()
        await child.ended

    async def test_a_stubborn_one_is_killed(self) -> None:
        child = await Child.start(python(STUBBORN), "stubborn")
        assert await child.read_line() == b"ready\n"
        await child.end(timeout=0.1)
        assert child.status == -signal.SIGKILL
        assert folders("stubborn") == []

    async def test_one_whose_end_nobody_waits_for_any_more_is_killed(self) -> None:
        child = await Child.start(python(STUBBORN), "left")
        assert await child.read_line() == b"ready\n"
        ending = asyncio.create_task(child.end(timeout=3600))
        await asyncio.sleep(0.05)
        ending.cancel()
        await child.ended
        assert child.status == -signal.SIGKILL

    async def test_killing_it_leaves_its_status_to_whoever_waits_for_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        child = await Child.start(python(ECHO), "killed")
        with monkeypatch.context() as watched:
            watched.setattr(subprocess.Popen, "poll", lambda _: pytest.fail("it is reaped"))
            child.kill()
        await child.ended
        assert child.status == -signal.SIGKILL
        child.kill()

    async def test_what_it_said_last_is_kept_however_much_it_says(self) -> None:
        script = "import sys\nfor n in range(200_000): print('noise', n, file=sys.stderr)"
        child = await Child.start(python(script), "noisy")
        words = await child.last_output()
        assert words.line == "noise 199999"
        assert len(words.raw) == OUTPUT_BYTES

    async def test_a_ctrl_c_in_the_servers_terminal_is_not_for_it(self) -> None:
        child = await Child.start(
            python("import os; print(os.getsid(0), flush=True); input()"), "c"
        )
        assert int(await child.read_line()) == child.process_id != os.getsid(0)
        await child.end()

    def test_it_ends_with_a_parent_that_is_killed(self) -> None:
        script = (
            "import asyncio, sys, time\n"
            "from aqueduct_jupyter.gateway.children.child import Child\n"
            "async def main():\n"
            "    child = await Child.start((sys.executable, '-c', 'input()'), 'orphan')\n"
            "    print(child.process_id, flush=True)\n"
            "    time.sleep(3600)\n"
            "asyncio.run(main())\n"
        )
        with started(python(script)) as parent:
            assert parent.stdout
            process_id = int(parent.stdout.readline())
            assert is_alive(process_id)
            parent.kill()
        wait_for_the_end_of(process_id)
        for folder in folders("orphan"):
            folder.rmdir()


class TestAProgramThatIsRun:
    def test_its_status_and_its_last_words_are_given(self, tmp_path: Path) -> None:
        script = "import sys; print('said'); print('complained', file=sys.stderr); sys.exit(3)"
        done = run(python(script), tmp_path, environment(tmp_path))
        assert done.status == 3
        assert {b"said", b"complained"} == set(done.output.raw.split())

    def test_it_may_say_more_than_a_pipe_holds(self, tmp_path: Path) -> None:
        script = "import sys\nprint('x' * 3_000_000, file=sys.stderr); print('the end')"
        done = run(python(script), tmp_path, environment(tmp_path))
        assert (done.status, len(done.output.raw)) == (0, OUTPUT_BYTES)

    def test_it_runs_in_the_folder_and_with_the_variables_given(self, tmp_path: Path) -> None:
        script = "import os; print(os.getcwd(), sorted(os.environ))"
        done = run(python(script), tmp_path, {"X": "y"})
        assert str(done.output).startswith(f"{tmp_path} ['")
        assert "PATH" not in str(done.output)

    def test_a_program_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="no/such"):
            run(["/no/such/program"], tmp_path, {})


class TestSomebodyElsesModule:
    @pytest.fixture
    def module(self, tmp_path: Path) -> dict[str, str]:
        """A module that says how it is run, and then waits, and where it is."""
        (tmp_path / "waits.py").write_text(
            "import os, sys, time\n"
            "reads_nothing = os.path.samestat(os.fstat(0), os.stat(os.devnull))\n"
            "print(__name__, *sys.argv[1:], reads_nothing, os.getpid(), flush=True)\n"
            "time.sleep(3600)\n"
        )
        return {**os.environ, "PYTHONPATH": str(tmp_path)}

    def test_it_runs_as_a_program_and_ends_when_the_tether_does(
        self, module: dict[str, str]
    ) -> None:
        command = tethered_command("waits", "a", "-b")
        with started(command, module) as process:
            assert process.stdin
            assert process.stdout
            said = process.stdout.readline().decode().split()
            assert said == ["__main__", "a", "-b", "True", str(process.pid)]
            process.stdin.close()
            assert process.wait(PATIENCE) == -signal.SIGTERM

    def test_one_that_does_not_listen_is_ended_all_the_same(self, tmp_path: Path) -> None:
        (tmp_path / "stubborn.py").write_text(STUBBORN)
        script = (
            "import sys\n"
            "from aqueduct_jupyter.gateway.children import tethered\n"
            "tethered.GRACE_SECONDS = 0.1\n"
            "sys.argv[:] = ['-c', 'stubborn']\n"
            "tethered.main()\n"
        )
        with started(python(script), {**os.environ, "PYTHONPATH": str(tmp_path)}) as process:
            assert process.stdin
            assert process.stdout
            process.stdout.readline()
            process.stdin.close()
            assert process.wait(PATIENCE) == 1

    def test_a_signal_while_it_writes_is_heard_by_a_handler_that_writes_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "talks.py").write_text(TALKS)
        monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
        variables = {**os.environ, "PYTHONPATH": str(tmp_path)}
        with started(tethered_command("talks"), variables) as process:
            assert process.stdout
            wait_until_full(process.stdout)
            process.terminate()
            late = threading.Timer(PATIENCE, process.kill)
            late.start()
            while process.stdout.read(OUTPUT_BYTES):
                pass
            late.cancel()
            assert process.wait(PATIENCE) == 3

    def test_its_exit_status_is_its_own(self, tmp_path: Path) -> None:
        done = run(tethered_command("no_such_module"), tmp_path, environment(tmp_path))
        assert done.status == 1
        assert done.output.line == "ImportError: No module named no_such_module"

    def test_it_ends_with_a_parent_that_is_killed(
        self, tmp_path: Path, module: dict[str, str]
    ) -> None:
        script = (
            "import os, pathlib, sys, time\n"
            "from aqueduct_jupyter.gateway.children.commands import tethered_command\n"
            "from aqueduct_jupyter.gateway.children.programs import serving\n"
            "folder = pathlib.Path(sys.argv[1])\n"
            "command = tethered_command('waits')\n"
            "with serving(command, folder, os.environ, folder / 'log') as server:\n"
            "    print(server.pid, flush=True)\n"
            "    time.sleep(3600)\n"
        )
        with started(python(script, str(tmp_path)), module) as parent:
            assert parent.stdout
            process_id = int(parent.stdout.readline())
            while not (tmp_path / "log").read_text():
                assert is_alive(process_id)
            parent.kill()
        wait_for_the_end_of(process_id)


class TestAServer:
    def test_it_runs_while_the_context_lasts_and_its_words_are_in_the_log(
        self, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        script = "import sys, time; print('out', flush=True); sys.exit(input())"
        with serving(python(script), tmp_path, dict(os.environ), log) as server:
            while not log.read_text():
                assert server.poll() is None
        assert server.returncode == -signal.SIGTERM
        assert log.read_text() == "out\n"

    def test_a_stubborn_one_is_killed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(programs, "SERVER_STOP_TIMEOUT", 0.1)
        log = tmp_path / "log"
        with serving(python(STUBBORN), tmp_path, dict(os.environ), log) as server:
            while not log.read_text():
                assert server.poll() is None
        assert server.returncode == -signal.SIGKILL
