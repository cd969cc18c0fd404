"""The program that runs somebody else's Python module, and ends it when its parent has gone.

Starting it is left to :mod:`.child`, which holds the other end of its standard input; where that
end closes, because the parent closed it or is dead, this process is asked to end, and then made to.
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
"""Seconds in which the module must have ended what it does."""


def main() -> None:
    """Run the module that the first argument names, with the arguments after it."""
    del sys.argv[0]
    threading.Thread(target=_end_with, args=(_tether(),), daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _tether() -> int:
    """Take standard input away from the module, which reads nothing there."""
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
