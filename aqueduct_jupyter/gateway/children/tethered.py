"""The program that runs a third party's Python module, and ends it with its parent.

The parent holds the other end of its standard input. If that closes, because the parent closed it
or died, this process sends itself SIGTERM and, after a while, exits.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

__all__: list[str] = []

GRACE_SECONDS = 20.0
"""How long the module may take to end after SIGTERM, in seconds."""


def main() -> None:
    """Run the module that the first argument names, with the other arguments."""
    del sys.argv[0]
    threading.Thread(target=_end_with, args=(_tether(),), daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _tether() -> int:
    """Replace the module's standard input with an empty one, and return the original."""
    tether = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return tether


def _end_with(tether: int) -> None:
    while os.read(tether, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
