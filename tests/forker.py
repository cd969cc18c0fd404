"""The program from which the tests' servers are forked, for it has imported what they need.

It is run by its path and knows nothing of the tests, since not every interpreter can import them.
Its arguments are what it imports; its standard input is a socket, on which it says that it is
ready, and then gets commands. It never has a second thread, which would be missing in a fork.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

__all__: list[str] = []

MESSAGE_BYTES = 2**20


def main() -> None:
    """Serve commands to the end of the socket; a fork comes out of it and runs its command."""
    for name in sys.argv[1:]:
        importlib.import_module(name)
    (_,) = Path("/proc/self/task").iterdir()  # no import has started a thread
    gc.freeze()  # so that no collection in a fork copies what all of them have
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes that watch
    with socket.socket(fileno=os.dup(0)) as requests:
        requests.send(b"ready")
        while True:
            message, descriptors, _, _ = socket.recv_fds(requests, MESSAGE_BYTES, 3)
            if not message:
                os._exit(0)
            if os.fork() == 0:
                break
            for descriptor in descriptors:
                os.close(descriptor)
    _become(json.loads(message), *descriptors)


def _become(command: dict[str, Any], stdin: int, output: int, report: int) -> None:
    """Run the command in a fork, and say its number and then its exit status, as its parent."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if process_id := os.fork():
        for descriptor in (0, stdin, output):
            os.close(descriptor)
        with suppress(BrokenPipeError), Connection(report) as watcher:  # its tests may be killed
            watcher.send(process_id)
            _, status = os.waitpid(process_id, 0)
            watcher.send(os.waitstatus_to_exitcode(status))
        os._exit(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for source, target in ((stdin, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    for descriptor in (stdin, output, report):
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(command["variables"])
    os.chdir(command["folder"])
    sys.argv[:] = command["words"]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
