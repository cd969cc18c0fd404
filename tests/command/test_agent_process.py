"""The process of an agent: its exit status, and signals that come at an inconvenient moment."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from aqueduct_jupyter.command.agent_process import passed_signals
from aqueduct_jupyter.protocol.errors import UnavailableError

SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("", 0),
        ("raise SystemExit(5)", 5),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("import os; raise SystemExit(os.environ != {'LC_CTYPE': os.environ['LC_CTYPE']})", 0),
    ],
)
def test_its_exit_status_and_environment_are_as_they_were_made(code: str, status: int) -> None:
    with passed_signals() as process:
        assert process.run(python(code), {"LC_CTYPE": "C.UTF-8"}) == status


def test_a_signal_before_the_start_prevents_it() -> None:
    with passed_signals() as process:
        os.kill(os.getpid(), signal.SIGTERM)
        assert process.run(python("raise SystemExit(5)"), {}) == 128 + signal.SIGTERM


def test_ctrl_c_is_left_to_the_agent() -> None:
    with passed_signals() as process:
        os.kill(os.getpid(), signal.SIGINT)
        assert process.run(python("raise SystemExit(5)"), {}) == 5


def test_the_agent_is_interrupted_as_any_program() -> None:
    shown = "import signal; raise SystemExit(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    with passed_signals() as process:
        assert process.run(python(shown), {}) == 0


def test_afterwards_signals_mean_what_they_did() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with passed_signals() as process:
        assert [signal.getsignal(number) for number in SIGNALS] != before
        with pytest.raises(UnavailableError, match="could not be started"):
            process.run(["/no/such/program"], {})
    assert [signal.getsignal(number) for number in SIGNALS] == before
