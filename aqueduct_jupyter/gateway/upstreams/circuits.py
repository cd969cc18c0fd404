"""The circuit of one deployment: whether it is asked, or passed over for a while.

A circuit is closed while the deployment answers. It opens after some failures in a row, or for as
long as the deployment asks for with ``Retry-After``. Then it is half open: one request is let
through, whose answer closes the circuit, and whose failure opens it again for twice as long, even
if it comes in the middle of that answer. Only an answer's good end says that there are no failures
in a row: a deployment may begin every answer and end none.

Each process has circuits of its own and nothing is stored: what another replica knows, this one
finds out with a few requests. What counts as a failure is decided in :mod:`.faults`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ...protocol.errors import AqueductError
from .faults import fault_of

__all__ = ["Circuit", "CircuitState", "Trial"]

CircuitState = Literal["closed", "open", "half_open"]

FAILURES = 3
"""How many failures in a row open a circuit: one or two may be the requests' own bad luck."""

COOL_DOWN = 15.0
"""For how many seconds it opens first: a service that restarts is soon asked again."""

LONGEST_COOL_DOWN = 120.0
"""For how many seconds it opens at most, after it was doubled several times."""

LONGEST_RETRY_AFTER = 600.0
"""For how many seconds it opens at most because the deployment asks for it: a quota that ends at
midnight may be raised before, and one request in ten minutes is not too many."""

_log = logging.getLogger(__name__)


class Circuit:
    """The circuit of one deployment.

    Args:
        name: the deployment's name, for the log.
        clock: a monotonic clock in seconds; for tests.

    Attributes:
        last_error: the code of the last failure, once there was one.
    """

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._failures = self._openings = 0
        self._failed_at = self._closed_at = float("-inf")
        self._opens_until: float | None = None
        self._probe: Trial | None = None
        self._closed_by: Trial | None = None
        self.last_error: str | None = None

    @property
    def state(self) -> CircuitState:
        """Whether the deployment is asked."""
        if self._opens_until is None:
            return "closed"
        return "open" if self._clock() < self._opens_until else "half_open"

    @property
    def seconds_left(self) -> float:
        """For how many seconds the deployment is still passed over."""
        return 0.0 if self._opens_until is None else max(0.0, self._opens_until - self._clock())

    def enter(self) -> Trial | None:
        """Let a request through; None if the deployment is to be passed over."""
        state = self.state
        if state == "open" or (state == "half_open" and self._probe is not None):
            return None
        trial = self.enter_anyway()
        if state == "half_open":
            self._probe = trial
        return trial

    def enter_anyway(self) -> Trial:
        """Let a request through for which there is nothing better."""
        return Trial(self, self._clock())

    def begun(self, trial: Trial) -> None:
        """Note that the deployment has begun to answer a request."""
        if not self._end_probe(trial) and trial.started_at < self._failed_at:
            return  # it says nothing of what came after
        if self._opens_until is not None:
            self._opens_until = None
            self._failures = 0
            self._closed_at, self._closed_by = self._clock(), trial
            _log.info("The deployment '%s' answers again.", self._name)

    def succeeded(self, trial: Trial) -> None:
        """Note that the deployment has answered a request to the end."""
        if trial.started_at >= self._failed_at:
            self._failures = 0
        if trial is self._closed_by:
            self._closed_by = None

    def failed(self, trial: Trial, error: AqueductError) -> None:
        """Note that the deployment has failed, before or within its answer."""
        was_probe = self._end_probe(trial) or trial is self._closed_by
        self.last_error = error.code
        if self._opens_until is not None and not was_probe:
            return  # it was sent before the circuit opened, or all the same
        if trial.started_at < self._closed_at and not was_probe:
            return  # the deployment has answered since
        self._closed_by = None
        self._failed_at = self._clock()
        self._failures += 1
        if error.retry_after is not None and error.status in (429, 503):
            self._open(min(error.retry_after, LONGEST_RETRY_AFTER))
        elif was_probe or self._failures >= FAILURES:
            if not was_probe and self._failed_at - self._closed_at > LONGEST_COOL_DOWN:
                self._openings = 0  # it has been well for long enough
            self._open(min(COOL_DOWN * 2**self._openings, LONGEST_COOL_DOWN))
            self._openings += 1

    def abandoned(self, trial: Trial) -> None:
        """Note that a request ended without saying anything of the deployment."""
        self._end_probe(trial)

    def _end_probe(self, trial: Trial) -> bool:
        was_probe = trial is self._probe
        if was_probe:
            self._probe = None
        return was_probe

    def _open(self, seconds: float) -> None:
        self._opens_until = self._clock() + seconds
        _log.warning(
            "The deployment '%s' is passed over for %.0f seconds (%s, %d in a row).",
            self._name,
            seconds,
            self.last_error,
            self._failures,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One request to a deployment: what becomes of it is told to the circuit, as it goes on.

    Args:
        circuit: the deployment's circuit.
        started_at: when it was let through, in seconds of the circuit's clock.
    """

    circuit: Circuit
    started_at: float

    def begin(self) -> None:
        """Note that the answer has begun."""
        self.circuit.begun(self)

    def succeed(self) -> None:
        """Note that the answer has ended well."""
        self.circuit.succeeded(self)

    def fail(self, error: AqueductError) -> None:
        """Note an error, which may be the request's fault instead of the deployment's."""
        match fault_of(error):
            case "deployment":
                self.circuit.failed(self, error)
            case "request":
                self.circuit.begun(self)  # it has answered
                self.circuit.succeeded(self)
            case "unsuited" | "here":
                self.circuit.abandoned(self)

    def abandon(self) -> None:
        """Note that the request ended for reasons of ours or the client's."""
        self.circuit.abandoned(self)
