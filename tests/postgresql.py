"""A PostgreSQL server of the tests' own: in a temporary folder, on a socket, gone at the end.

Its programs are Debian's, which `make` installs. They refuse to run as root, so root has them run
as another user.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine

__all__ = ["PostgreSQLServer", "postgresql_server", "programs"]

FAST = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"
"""What makes a server fast whose data nobody needs after a crash."""


@dataclass
class PostgreSQLServer:
    """A server that runs; ``folder`` holds its data and its socket."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)
    spare: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start it again, after :meth:`stop`."""
        options = f"-c listen_addresses= -k {self.folder} {FAST}"
        data, log = self.folder / "data", self.folder / "log"
        _run("pg_ctl", "-D", str(data), "-w", "-l", str(log), "-o", options, "start")

    def stop(self, *, mode: str = "fast") -> None:
        """Stop it, whoever is connected; with the mode "immediate", it keeps nothing."""
        _run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    def url(self, database: str) -> str:
        """Give the address of a database."""
        return f"postgresql+psycopg://tests@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """Make an empty database and give its address."""
        name = f"test_{next(self.numbers)}"
        _execute(self.url("postgres"), f"CREATE DATABASE {name}")
        return self.url(name)

    @contextmanager
    def lent_database(self) -> Iterator[str]:
        """Give the address of an empty database, for as long as nobody else needs it.

        To make one is to copy a thousand files, so it is emptied for the next test.
        """
        url = self.spare.pop() if self.spare else self.new_database()
        yield url
        # Whoever is still connected would hold it up for ever.
        emptied = "DROP SCHEMA public CASCADE", "CREATE SCHEMA public"
        _execute(url, "SET lock_timeout = '5s'", *emptied)
        self.spare.append(url)


@contextmanager
def postgresql_server() -> Iterator[PostgreSQLServer]:
    """Start a server, and stop it."""
    folder = Path(tempfile.mkdtemp(prefix="aqueduct-postgresql-"))
    data = folder / "data"
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    try:
        _run("initdb", "-D", str(data), "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")
        server = PostgreSQLServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop(mode="immediate")
    finally:
        shutil.rmtree(folder)


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def _run(program: str, *arguments: str) -> None:
    command = [*_another_user(), str(programs() / program), *arguments]
    # A server that goes on would hold a pipe open.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd="/")
        output.seek(0)
        assert done.returncode == 0, output.read().decode()


def programs() -> Path:
    """Find the folder of Debian's programs."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert folders, "PostgreSQL is not installed; `make test` installs Debian's"
    return folders[-1]


def _another_user() -> Sequence[str]:
    if os.geteuid() != 0:
        return ()
    user = pwd.getpwnam("postgres")
    ids = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return ("setpriv", *ids)
