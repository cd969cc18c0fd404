"""What a disk does on bad days: full, limited, read-only, in the way; and a damaged database.

Where this machine lets a process have its own mounts, a server gets a small or a read-only disk of
its own, which is gone when the process is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..real_server import RealServer, campus, real_server, until
from ..standin import StandIn

OWN_MOUNTS = [
    "unshare",
    *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]),
    "--mount",
    "--",
]
LARGE, SMALL = bytes(6 * 2**20), b"small"


def can_mount() -> bool:
    command = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@dataclass(frozen=True)
class Disk:
    """A disk: how a server gets it, and what it says to 6 MB and to a few bytes."""

    name: str
    command: str
    large: tuple[int, str | None]
    small: tuple[int, str | None]
    says: str

    def __str__(self) -> str:
        return self.name

    def python(self, folder: Path, data: Path) -> str:
        """Write the interpreter that has this disk at the data folder."""
        script = folder / "python"
        mounts = " ".join(OWN_MOUNTS)
        command = self.command.format(data=data, mounts=mounts)
        script.write_text(f'#!/bin/sh\n{command} {sys.executable} "$@"\n')
        script.chmod(0o700)
        return str(script)


FULL, REFUSED = (503, "disk_full"), (503, "storage_unavailable")
TAKEN = (200, None)
SMALL_DISK = Disk(
    "full",
    "exec {mounts} sh -c 'mount -t tmpfs -o size=4m tmpfs {data} && exec \"$@\"' sh",
    FULL,
    TAKEN,
    "No space left",
)
IN_THE_WAY = Disk("in the way", "rmdir {data}; touch {data}; exec", REFUSED, REFUSED, "exists")
READ_ONLY = Disk(
    "read-only",
    "exec {mounts} sh -c 'mount -t tmpfs -o ro tmpfs {data} && exec \"$@\"' sh",
    REFUSED,
    REFUSED,
    "Read-only",
)
# A limit on the size of each file is what comes next to a full disk without own mounts.
LIMITED = Disk("limited", "exec prlimit --fsize=4000000 --", REFUSED, TAKEN, "File too large")
HAS_OWN_MOUNTS = can_mount()
DISKS = [IN_THE_WAY, *([SMALL_DISK, READ_ONLY] if HAS_OWN_MOUNTS else [LIMITED])]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "disk"
    data.mkdir(mode=0o700)
    return data


class Seen(RealServer):
    """A server whose data folder only it can see; looked at through its process."""

    def _ledger(self) -> Path:
        # SQLite would follow the link that leads to the process's folders, and leave them again.
        copy = Path(tempfile.mkdtemp(dir=self.process.log.parent))
        for file in self.data.glob("aqueduct.sqlite*"):
            shutil.copy(file, copy)
        return copy / "aqueduct.sqlite"


def seen(server: RealServer) -> RealServer:
    """The server's data folder as the server sees it."""
    folder = Path(f"/proc/{server.process.process.pid}/root{server.data}")
    return Seen(server.process, folder, server.http)


def outcome(response: httpx.Response) -> tuple[int, str | None]:
    said = response.json()
    message = said.get("error", {}).get("message", "")
    assert "/" not in message, "no path of the server's"
    return response.status_code, said.get("error", {}).get("code")


@pytest.mark.parametrize("disk", DISKS, ids=str)
def test_a_disk_that_refuses_is_said_and_everything_else_goes_on(
    disk: Disk, standin: StandIn, tmp_path: Path, data: Path
) -> None:
    python = disk.python(tmp_path, data)
    upstreams = {"campus": campus(standin)}
    with real_server(tmp_path, upstreams, data=data, python=python) as server:
        server = seen(server)
        for _ in range(2):
            assert outcome(server.upload(LARGE)) == disk.large
            assert outcome(server.upload(SMALL)) == disk.small
            assert not server.incoming, "what could not be kept is gone"
            for is_stream in (False, True):
                answer = server.ask(stream=is_stream)
                assert answer.status_code == 200
                assert "lo" in answer.text
                if disk.small == TAKEN:
                    assert server.row(answer)["outcome"] == "whole"
        assert outcome(server.http.get("v1/files")) in (TAKEN, disk.small)
        assert server.http.get("aqueduct/status").status_code == 200
        assert server.running == []
        if disk.small != TAKEN:
            assert "aqueduct.sqlite could not be used" in server.log
            assert disk.says in server.log


def fill(folder: Path) -> Path:
    """Take all the room that is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler


if HAS_OWN_MOUNTS:

    def test_a_disk_that_fills_up_stops_no_answer_and_the_ledger_goes_on_later(
        standin: StandIn, tmp_path: Path, data: Path
    ) -> None:
        python = SMALL_DISK.python(tmp_path, data)
        upstreams = {"campus": campus(standin)}
        with real_server(tmp_path, upstreams, data=data, python=python) as server:
            server = seen(server)
            kept = server.upload(bytes(100_000)).json()
            filler = fill(server.data)
            answers = [server.ask(stream=bool(number % 2)) for number in range(60)]
            assert {answer.status_code for answer in answers} == {200}
            assert outcome(server.upload(LARGE)) == FULL
            assert server.http.get(f"v1/files/{kept['id']}/content").content == bytes(100_000)
            until(lambda: "could not be used" in server.log, "a line in the log")
            assert server.http.delete(f"v1/files/{kept['id']}").status_code == 200, "to make room"
            filler.unlink()
            assert server.row(server.ask())["outcome"] == "whole"
            assert outcome(server.upload(SMALL)) == TAKEN
            assert len(server.files) == 1
            usage = server.http.get("aqueduct/usage").json()["total"]
            assert 0 < usage["requests"] <= 61


def beginning(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)


def half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("damage", "is_running"),
    [(beginning, False), (half, True)],
    ids=["another file at the start", "half of it while it runs"],
)
def test_a_damaged_database_is_moved_aside_said_and_replaced(
    standin: StandIn, tmp_path: Path, damage: Callable[[Path], None], is_running: bool
) -> None:
    upstreams = {"campus": campus(standin)}
    with real_server(tmp_path, upstreams) as server:
        assert server.upload(b"kept bytes").status_code == 200
        server.row(server.ask())
    data = server.data
    if not is_running:
        damage(data / "aqueduct.sqlite")
    with real_server(tmp_path, upstreams) as server:
        if is_running:
            assert len(server.files) == 1
            damage(data / "aqueduct.sqlite")
        assert server.files == []
        assert server.row(server.ask())["outcome"] == "whole"
        assert server.upload(SMALL).status_code == 200
        assert len(server.files) == 1
        (copy,) = data.glob("*.corrupt-*")
        (notice,) = server.http.get("aqueduct/status").json()["notices"]
        assert copy.name in notice
        assert str(tmp_path) not in notice
        assert f"was moved to {copy.name}" in server.log
        blobs = [blob.read_bytes() for blob in data.glob("blobs/*/*")]
        assert sorted(blobs) == [b"kept bytes", SMALL], "whoever mends the copy finds them"


def test_a_data_folder_that_is_deleted_is_made_again(standin: StandIn, tmp_path: Path) -> None:
    with real_server(tmp_path, {"campus": campus(standin)}) as server:
        lost = server.upload(b"lost").json()
        server.row(server.ask())
        shutil.rmtree(server.data)
        assert server.http.get(f"v1/files/{lost['id']}/content").status_code == 404
        assert server.row(server.ask())["outcome"] == "whole"
        kept = server.upload(SMALL).json()
        assert server.files == [kept]
        assert server.http.get(f"v1/files/{kept['id']}/content").content == SMALL
        assert server.data.stat().st_mode & 0o777 == 0o700


def test_two_servers_share_a_data_folder(standin: StandIn, tmp_path: Path) -> None:
    upstreams = {"campus": campus(standin)}
    data = tmp_path / "shared"
    ids: list[Any] = []
    with (
        real_server(tmp_path / "one", upstreams, data=data) as one,
        real_server(tmp_path / "two", upstreams, data=data) as two,
    ):
        servers = (one, two)
        for number in range(5):
            kept = [server.upload(b"%d" % (number % 3)).json()["id"] for server in servers]
            answers = [server.ask() for server in servers]
            assert two.row(answers[0])["outcome"] == one.row(answers[1])["outcome"] == "whole"
            # Each sees, reads and deletes what the other keeps.
            assert two.http.get(f"v1/files/{kept[0]}/content").content == b"%d" % (number % 3)
            assert one.http.delete(f"v1/files/{kept[1]}").status_code == 200
            ids.append(kept[0])
        assert [file["id"] for file in one.files] == ids[::-1]
        assert two.files == one.files
        usage = [server.http.get("aqueduct/usage").json()["total"] for server in servers]
        assert usage[0] == usage[1]
        assert usage[0]["requests"] == 10
