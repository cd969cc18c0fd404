"""The sandbox of a document's reader: in a real reader, what it must not do is tried.

Each kind of system is made from this one: with all that it has, and without Landlock, without
seccomp and without both, which a filter of the test's own takes away as a container's would.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import json
import logging
import os
import platform
import re
import socket
import struct
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aqueduct_jupyter.gateway.children import sandbox, seccomp
from aqueduct_jupyter.gateway.children.refused_calls import REFUSED_CALLS
from aqueduct_jupyter.gateway.children.sandbox import Confinement
from aqueduct_jupyter.gateway.documents import text as document_text
from aqueduct_jupyter.gateway.documents.reader import DocumentReader

from ...hostile.test_documents import odt_words
from ..documents import samples

ATTEMPTS = """
import ctypes, json, os, queue, resource, socket, subprocess, sys, threading
from aqueduct_jupyter.gateway.documents import worker
from aqueduct_jupyter.gateway.children import seccomp

machine = seccomp._this_machine()
taken = [word for word in sys.argv.pop(1).split(",") if word]
if taken:
    calls = {"landlock": 444, "seccomp": machine.seccomp}
    refused = [seccomp._answered(seccomp._IF_EQUAL, calls[word], 0x50026) for word in taken]
    program = [(seccomp._LOAD, 0, 0, 0), *sum(refused, []), (seccomp._RETURN, 0, 0, 0x7FFF0000)]
    assert seccomp._install(machine, program)

library = ctypes.CDLL(None, use_errno=True)
number = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "keyctl": (250, 219), "bpf": (321, 280)
}
server, own, nobody = os.getppid(), os.getcwd(), 2**31 - 1
with open("unpacked", "w") as file:
    file.write("x")

def call(name, *arguments):
    if machine is None:
        raise PermissionError(1, "not tried here")
    if isinstance(name, str):
        name = number[name][machine.column]
    if library.syscall(name, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

def write(path):
    with open(path, "w") as file:
        file.write("x")

def fork():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)

def attempts(secret, port):
    buffer = ctypes.create_string_buffer(200)
    yield "read a system file", lambda: open("/etc/passwd").read()
    yield "read the server's environment", lambda: open(f"/proc/{server}/environ", "rb").read()
    yield "read its own environment", lambda: open("/proc/self/environ", "rb").read()
    yield "read a file of the data folder", lambda: open(secret).read()
    yield "list the data folder", lambda: os.listdir(os.path.dirname(secret))
    yield "reach a port", lambda: socket.create_connection(("127.0.0.1", port), 5).close()
    yield "open a port", lambda: socket.create_server(("127.0.0.1", 0)).close()
    yield "send by UDP", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    yield "open a local socket", lambda: socket.socketpair()
    yield "run a program", lambda: subprocess.run(["/bin/true"], check=True)
    yield "become a program", lambda: os.execv("/no/such/program", ["x"])
    yield "start a process", fork
    yield "signal the server", lambda: os.kill(server, 0)
    yield "limit the server", lambda: resource.prlimit(server, resource.RLIMIT_NOFILE)
    yield "trace somebody", lambda: call("ptrace", 16, nobody, 0, 0)
    memory = (nobody, buffer, 1, buffer, 1, 0)
    yield "read somebody's memory", lambda: call("process_vm_readv", *memory)
    yield "set up io_uring", lambda: call(425, 0, buffer)
    yield "use a key ring", lambda: call("keyctl", 99, 0, 0)
    yield "use bpf", lambda: call("bpf", 99, 0, 0)
    yield "use a call of tomorrow", lambda: call(468, -1, 0, 0, 0, 0)
    yield "call by x32", lambda: call(0x40000000 + 39)
    yield "open it to others", lambda: os.chmod(secret, 0o777)
    yield "date it", lambda: os.utime(secret, (0, 0))
    yield "make a folder", lambda: os.mkdir(own + "/folder")
    yield "remove what it unpacked", lambda: os.unlink(own + "/unpacked")
    yield "write in its own folder", lambda: write(own + "/mine")
    yield "write beside it", lambda: write(secret + ".new")
    yield "link to it", lambda: os.link(secret, secret + ".link")
    yield "change it", lambda: write(secret)
    yield "cut it", lambda: os.truncate(secret, 0)
    yield "rename it", lambda: os.rename(secret, secret + ".old")
    yield "remove it", lambda: os.unlink(secret)

def outcome(attempt):
    try:
        attempt()
    except OSError as error:
        return error.errno
    return 0

def tried(data):
    words = json.loads(data[data.index(b"{"):])
    return {name: outcome(attempt) for name, attempt in attempts(**words)}

# A thread as kreuzberg has them: started while the reader makes ready, used when it reads.
asked, answered = queue.Queue(), queue.Queue()

def serve():
    while True:
        answered.put(tried(asked.get()))

real = worker.read

def read(kind, data, charset=None):
    if data is worker._SAMPLE:
        threading.Thread(target=serve, daemon=True).start()
    if b"attempt" in data:
        outcomes = tried(data)
        asked.put(data)
        return json.dumps({"main": outcomes, "thread": answered.get()})
    return real(kind, data, charset)

worker.read = read
worker.main()
"""

# What the layers refuse by themselves. Landlock says EACCES, seccomp EPERM.
BY_LANDLOCK = {
    1: {
        "read a system file",
        "read the server's environment",
        "read its own environment",
        "read a file of the data folder",
        "list the data folder",
        "run a program",
        "write beside it",
        "change it",
        "remove it",
    },
    3: {"cut it"},
    4: {"reach a port", "open a port"},
}
BY_LANDLOCK_AFTER_THE_START = {
    "make a folder",
    "remove what it unpacked",
    "write in its own folder",
}
BY_SECCOMP = {
    "reach a port",
    "open a port",
    "send by UDP",
    "open a local socket",
    "run a program",
    "become a program",
    "start a process",
    "signal the server",
    "limit the server",
    "trace somebody",
    "read somebody's memory",
    "set up io_uring",
    "use a key ring",
    "use bpf",
    "open it to others",
    "date it",
    "make a folder",
    "remove what it unpacked",
    "write in its own folder",
    "write beside it",
    "link to it",
    "change it",
    "cut it",
    "rename it",
    "remove it",
}
WITHOUT_EITHER = {
    "read a system file",
    "read the server's environment",
    "read a file of the data folder",
    "list the data folder",
    "reach a port",
    "open a port",
    "send by UDP",
    "open a local socket",
    "run a program",
    "start a process",
    "signal the server",
    "limit the server",
    "open it to others",
    "date it",
    "cut it",
}
"""What succeeds then, so that a refusal means something; a limit still keeps files from growing."""


def landlock_version() -> int:
    """Ask the system, and not the module that is tested."""
    if sys.platform != "linux":
        return 0
    return max(0, int(ctypes.CDLL(None).syscall(444, None, 0, 1)))


def has_seccomp() -> bool:
    """The same for filters of system calls."""
    actions = Path("/proc/sys/kernel/seccomp/actions_avail")
    is_known = platform.machine() in ("x86_64", "aarch64")
    return is_known and actions.exists() and "errno" in actions.read_text().split()


TAKEN = ["", "landlock", "seccomp", "landlock,seccomp"] if has_seccomp() else [""]


@contextlib.asynccontextmanager
async def reader(script: str | None, *arguments: str) -> AsyncIterator[DocumentReader]:
    more = {"command": (sys.executable, "-c", script, *arguments)} if script else {}
    reader = DocumentReader(workers=1, **more)
    try:
        yield reader
    finally:
        await reader.close()


async def read(reader: DocumentReader, data: bytes, filename: str = "a") -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    return await reader.read(data, filename=filename, media_type="", sha256=sha256)


@pytest.mark.parametrize("taken", TAKEN)
async def test_a_reader_is_kept_from_all_but_reading_and_says_by_what(
    taken: str, tmp_path: Path
) -> None:
    secret = tmp_path / "aqueduct.sqlite"
    secret.write_text("secret")
    version = 0 if "landlock" in taken else landlock_version()
    is_filtered = has_seccomp() and "seccomp" not in taken
    async with reader(ATTEMPTS, taken) as documents:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            words = {"secret": str(secret), "port": listener.getsockname()[1]}
            data = b"%PDF- attempt " + json.dumps(words).encode()
            outcomes: dict[str, dict[str, int]] = json.loads(await read(documents, data))
        memory_limit = sys.platform == "linux"
        expected = Confinement(version > 0, is_filtered, memory_limit)
        assert documents.confinement == expected
    check(outcomes["thread"], version, is_filtered, is_main=False)
    check(outcomes["main"], version, is_filtered, is_main=True)
    if version and is_filtered:
        assert contents(tmp_path) == {"aqueduct.sqlite": "secret"}


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def check(outcomes: dict[str, int], version: int, is_filtered: bool, *, is_main: bool) -> None:
    by_landlock = {
        name for least, names in BY_LANDLOCK.items() if version >= least for name in names
    }
    if version and is_main:
        by_landlock |= BY_LANDLOCK_AFTER_THE_START
    by_seccomp = BY_SECCOMP if is_filtered else set()
    for name in by_seccomp:
        assert outcomes[name] == errno.EPERM, name
    for name in by_landlock - by_seccomp:
        assert outcomes[name] == errno.EACCES, name
    if is_filtered:
        assert outcomes["use a call of tomorrow"] == errno.ENOSYS
        assert outcomes["call by x32"] in (errno.EPERM, errno.ENOSYS)
    if version >= 6:
        assert outcomes["signal the server"] == errno.EPERM
    if not version and not is_filtered and is_main:
        assert {name for name in WITHOUT_EITHER if outcomes[name]} == set()
    # Whatever there is, nothing is written.
    assert outcomes["write in its own folder"]
    assert outcomes["write beside it"]


DOCUMENTS = {
    "pdf": (samples.pdf("pdf words", "in two lines"), "a.pdf"),
    "docx": (samples.docx("word words", "R&D < 5"), "a.docx"),
    "pptx": (samples.pptx("slide words"), "a.pptx"),
    "xlsx": (samples.xlsx(["cell words", "other"]), "a.xlsx"),
    "odf": (odt_words(b"open words"), "a.odt"),
    "rtf": (b"{\\rtf1 rich words}", "a.rtf"),
    "html": (b"<title>Page</title><p>page words<table><tr><td>1", "a.html"),
    "koi8": ("<meta charset=koi8-r><p>слова".encode("koi8-r"), "a.html"),
}


async def test_every_kind_is_read_in_it_as_without_it() -> None:
    async with reader(None) as documents:
        for kind, (data, filename) in DOCUMENTS.items():
            known: Any = "html" if kind == "koi8" else kind
            assert await read(documents, data, filename) == document_text.read(known, data), kind
        assert documents.confinement == sandbox.available()


async def test_another_process_of_the_user_may_not_look_into_it() -> None:
    script = (
        "import ctypes\n"
        "from aqueduct_jupyter.gateway.documents import worker\n"
        "worker.read = lambda *_: str(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
        "worker.main()\n"
    )
    async with reader(script) as documents:
        assert await read(documents, b"%PDF-") == ("0" if sys.platform == "linux" else "1")


async def test_where_the_sandbox_is_in_the_way_documents_are_read_without_and_it_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    script = (
        "import sys\n"
        "from aqueduct_jupyter.gateway.documents import worker\n"
        "if 'open' not in sys.argv: sys.exit('cannot open libodd.so')\n"
        "worker.main()\n"
    )
    async with reader(script) as documents:
        with caplog.at_level(logging.WARNING):
            assert "words" in await read(documents, samples.pdf("words"))
        found = documents.confinement
        assert (found.landlock, found.seccomp) == (False, False)
    assert "cannot open libodd.so" in caplog.text
    assert "without Landlock and a filter of system calls (seccomp)" in caplog.text


class TestWhatTheSystemHas:
    def test_it_is_asked(self) -> None:
        assert sandbox.available() == Confinement(
            landlock=landlock_version() > 0,
            seccomp=has_seccomp(),
            memory_limit=sys.platform == "linux",
        )

    def test_before_a_reader_has_started_it_is_what_readers_will_have(self) -> None:
        assert DocumentReader().confinement == sandbox.available()

    @pytest.mark.parametrize("system", ["darwin", "win32"])
    def test_elsewhere_there_is_none(
        self, system: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(sys, "platform", system)
        assert sandbox.available() == Confinement(False, False, False)
        assert (sandbox.enter(tmp_path), sandbox.seal()) == (False, False)

    def test_on_an_unknown_machine_there_is_no_filter(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(platform, "machine", lambda: "riscv64")
        assert (seccomp.is_available(), seccomp.refuse_calls()) == (False, False)


def answer(program: list[tuple[int, int, int, int]], call: tuple[int, int, tuple[int, ...]]) -> int:
    """What a filter answers a call (machine, number, arguments), as the kernel computes it."""
    audit, number, arguments = call
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, audit, 0, *padded)
    word = place = 0
    while True:
        code, if_so, if_not, value = program[place]
        place += 1
        if code == 0x20:
            (word,) = struct.unpack_from("<I", data, value)
        elif code == 0x06:
            return value
        else:
            tests = {0x15: word == value, 0x35: word >= value, 0x45: bool(word & value)}
            place += if_so if tests[code] else if_not


ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
OWN = 4711


@pytest.mark.parametrize("name", seccomp._MACHINES)
class TestTheFilterOfEachMachine:
    """Also of the machine that the tests do not run on."""

    def ask(self, name: str, number: int, *arguments: int, audit: int = 0) -> int:
        machine = seccomp._MACHINES[name]
        program = seccomp._program(machine, OWN)
        return answer(program, (audit or machine.audit, number, arguments))

    def test_every_call_of_the_list_is_refused(self, name: str) -> None:
        column = seccomp._MACHINES[name].column
        for numbers in REFUSED_CALLS.values():
            if (number := numbers[column]) is not None:
                assert self.ask(name, number) == REFUSE

    def test_what_depends_on_words_depends_on_them(self, name: str) -> None:
        machine = seccomp._MACHINES[name]
        for call in (machine.kill, machine.tgkill):
            assert self.ask(name, call, OWN, 9) == ALLOW
            assert self.ask(name, call, 1, 9) == REFUSE
            assert self.ask(name, call, 2**64 - 1, 9) == REFUSE
        assert self.ask(name, machine.prlimit64, 0) == ALLOW
        assert self.ask(name, machine.prlimit64, 1) == REFUSE
        assert self.ask(name, machine.clone, 0x3D0F00) == ALLOW, "a thread of glibc's"
        assert self.ask(name, machine.clone, 17) == REFUSE, "a process"
        for flags, said in (
            (0, ALLOW),
            (0o2000000, ALLOW),
            (1, REFUSE),
            (2, REFUSE),
            (0x40, REFUSE),
        ):
            assert self.ask(name, machine.openat, 2**64 - 100, 0, flags) == said
            if machine.open is not None:
                assert self.ask(name, machine.open, 0, flags) == said

    def test_reading_and_computing_pass(self, name: str) -> None:
        numbers = {"x86_64": (0, 1, 3, 9, 11, 202, 231, 334), "aarch64": (63, 64, 57, 222, 215, 98)}
        for number in numbers[name]:
            assert self.ask(name, number) == ALLOW

    def test_other_interfaces_and_newer_calls_do_not(self, name: str) -> None:
        assert self.ask(name, 0x40000000) == REFUSE
        assert self.ask(name, 435) == self.ask(name, 437) == self.ask(name, 463) == UNKNOWN
        assert self.ask(name, 0, audit=0x40000003) == KILL

    def test_the_numbers_are_those_of_the_systems_headers(self, name: str) -> None:
        path, column = {
            "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0),
            "aarch64": ("/usr/include/asm-generic/unistd.h", 1),
        }[name]
        if not os.path.exists(path):  # noqa: PTH110  # a string is what the table has
            pytest.skip("this system has no headers")
        defined = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(path).read_text())
        known = {call: int(number) for call, number in defined}
        # fchmodat2 is newer than some headers.
        ours = {call: numbers[column] for call, numbers in REFUSED_CALLS.items()}
        assert {call: known.get(call, ours[call]) for call in ours} == ours
        machine = seccomp._MACHINES[name]
        for call in ("seccomp", "clone", "kill", "tgkill", "prlimit64", "openat"):
            assert getattr(machine, call) == known[call], call
