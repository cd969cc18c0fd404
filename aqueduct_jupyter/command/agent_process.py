"""An agent's process: in the same terminal, with the signals that this process gets.

This process must outlive the agent, because it has a key to revoke.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from ..protocol.errors import UnavailableError

__all__ = ["AgentProcess", "passed_signals"]

# A terminal sends these to all its foreground processes, so the agent gets them without our help.
# Sent twice, they would mean something else: many agents end at the second ctrl-C.
_FROM_TERMINAL = ("SIGINT", "SIGQUIT")
_PASSED = ("SIGTERM", "SIGHUP")

_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a process, to make an exit status."""


class AgentProcess:
    """One process, started at most once."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._received: int | None = None

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Start the process and wait for its end.

        Args:
            command: the program and its arguments.
            environment: all its environment variables.

        Returns:
            Its exit status; 128 and the number of the signal if a signal ended it.

        Raises:
            UnavailableError: it cannot be started.
        """
        if self._received is not None:
            return _SIGNALLED + self._received
        try:
            self._process = subprocess.Popen(command, env=environment)  # noqa: S603  # the user's own command
        except OSError as error:
            raise UnavailableError(
                f"{command[0]} could not be started: {error.strerror}."
            ) from None
        if self._received is not None:
            # The signal came while the process was being started.
            self._process.send_signal(self._received)
        status = self._process.wait()
        return _SIGNALLED - status if status < 0 else status

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """Pass a signal on; before the process has started, remember it."""
        self._received = number
        if self._process is not None:
            self._process.send_signal(number)


@contextmanager
def passed_signals() -> Iterator[AgentProcess]:
    """Yield a process that gets the signals of this one, which no longer end this one."""
    process = AgentProcess()
    # A handler, unlike SIG_IGN, is not inherited by the process.
    handlers = dict.fromkeys(_FROM_TERMINAL, _ignore) | dict.fromkeys(_PASSED, process.receive)
    numbers = {
        getattr(signal, name): handler
        for name, handler in handlers.items()
        if hasattr(signal, name)  # Windows has only some
    }
    before = {number: signal.signal(number, handler) for number, handler in numbers.items()}
    try:
        yield process
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    pass
