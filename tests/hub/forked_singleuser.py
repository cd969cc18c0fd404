"""Users' servers that need not import what each of them does: a hub's later ones are forks.

The first server of each user is started, as everywhere; what a system says of a process, as its
environment, is that of its start and not of a fork.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner
from jupyterhub.utils import random_port

from aqueduct_jupyter.gateway.children.commands import module_command

from ..forked_servers import MODULES, ForkedProcess

__all__ = ["ForkingSpawner"]


class ForkedServer(ForkedProcess):
    """A user's server; the hub closes what it might have opened."""

    stdout = stderr = None


fork = partial(
    ForkedServer, modules=(*MODULES, "jupyterhub.singleuser", "jupyterhub.singleuser.extension")
)


class ForkingSpawner(SimpleLocalProcessSpawner):
    """Starts a user's first server as a process, and the others as forks."""

    async def start(self) -> tuple[str, int]:
        """Start the server; its output goes to the hub's log."""
        if not self.name:
            started: tuple[str, int] = await super().start()
            return started
        self.port = self.port or random_port()
        self.proc = fork(
            module_command("jupyterhub.singleuser", *self.get_args()),
            stdin=subprocess.PIPE,
            stdout=sys.stdout.buffer,
            stderr=subprocess.STDOUT,
            cwd=Path(self.home_dir),
            env=self.get_env(),
        )
        self.pid = self.proc.pid
        return self.ip or "127.0.0.1", self.port
