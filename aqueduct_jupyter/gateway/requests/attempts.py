"""The deployments that one request is sent to, one after another, until one begins to answer.

* Each deployment is sent the request once. A model without several deployments is the only attempt,
  with the retries of :mod:`aqueduct_jupyter.gateway.upstreams.upstream`.
* Another deployment is asked as long as the client has received nothing: an answer that breaks off
  after its first event stays broken off.
* What every deployment would refuse goes to the client at once.
* If all fail, the client gets the error that says the most about when to try again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ...protocol.errors import AqueductError, RequestError, UpstreamAuthError
from ..entry import Entry
from ..upstreams.circuits import Trial
from ..upstreams.deployments import Route
from ..upstreams.faults import fault_of

__all__ = ["Attempt", "Attempts"]

FALL_BACK_SECONDS = 600.0
"""Time after which no further deployment is asked, in seconds: the patience of OpenAI's clients,
and the default timeout of an upstream."""

PASSING = frozenset({429, 502, 503, 504})
"""The statuses of errors that go by."""


_log = logging.getLogger(__name__)


class Attempt:
    """One deployment that is asked.

    Args:
        route: the upstream and its model.
        trial: tells the deployment's circuit what becomes of it; None if there is no other.
        is_last: whether no other follows.

    Attributes:
        is_unsuited: whether the deployment turned out to be unable to answer such a request.
    """

    def __init__(self, route: Route, trial: Trial | None = None, *, is_last: bool = True) -> None:
        self.route = route
        self.is_last = is_last
        self.is_unsuited = False
        self._trial = trial

    @property
    def is_only(self) -> bool:
        """Whether the model has no other deployment."""
        return self._trial is None

    @contextmanager
    def only_here(self) -> Iterator[None]:
        """Note that what is refused within is refused by this deployment only."""
        try:
            yield
        except RequestError:
            self.is_unsuited = True
            raise

    def begin(self) -> None:
        """Note that the answer has begun, so that no other deployment will be asked."""
        if self._trial:
            self._trial.begin()

    def end(self, error: AqueductError | None) -> None:
        """Note how an answer that had begun has ended."""
        if self._trial is None:
            return
        if error is None:
            self._trial.succeed()
        elif fault_of(error) == "deployment":
            self._trial.fail(error)

    def fail(self, error: AqueductError) -> bool:
        """Note that there will be no answer, and return whether another deployment may give one."""
        if self._trial is None:
            return False
        if self.is_unsuited:
            self._trial.abandon()
            return True
        self._trial.fail(error)
        return fault_of(error) in ("deployment", "unsuited")

    def abandon(self) -> None:
        """Note that the request has ended for reasons of ours or the client's."""
        if self._trial:
            self._trial.abandon()


class Attempts:
    """All deployments that one request may be sent to; iterate over it to ask one after another.

    Args:
        route: the route to the model.
        entry: the request, in which failures are noted.
        key: what requests of the same conversation have in common.
        preferred: the upstream that is asked first, because it knows what is continued.
        clock: a monotonic clock in seconds; for tests.
    """

    def __init__(
        self,
        route: Route,
        entry: Entry,
        key: bytes,
        *,
        preferred: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._route = route
        self._entry = entry
        self._key = key
        self._preferred = preferred
        self._clock = clock
        self._started = clock()
        self._failures: list[tuple[AqueductError, Route]] = []

    def __iter__(self) -> Iterator[Attempt]:
        """Let the request into one deployment after another."""
        group = self._route.group
        if group is None or len(group.deployments) == 1:
            yield Attempt(self._route)
            return
        most = len(group.deployments)
        let_in = group.let_in(self._key, self._preferred)
        for number, (deployment, trial) in enumerate(let_in, 1):
            route = replace(deployment.route, group=group)
            yield Attempt(route, trial, is_last=number == most)

    def fail(self, attempt: Attempt, error: AqueductError) -> None:
        """Note that a deployment has not answered.

        Raises:
            AqueductError: no other is to be asked; this is what the client gets.
        """
        may_be_answered = attempt.fail(error)
        # A whole answer that cannot be used has been written, and maybe paid, all the same.
        if not may_be_answered or self._entry.is_answered:
            raise error
        self._failures.append((error, attempt.route))
        if attempt.is_last or self._clock() - self._started >= FALL_BACK_SECONDS:
            raise self._best() from None
        entry, route = self._entry, attempt.route
        entry.fell_back_from.append((route.upstream.name, error.code))
        _log.info("%s: '%s' failed (%s).", entry.request_id, route.full_name, error.code)

    def _best(self) -> AqueductError:
        """Return the error of a deployment that may answer soon, or else of the first one."""
        error, route = min(self._failures, key=lambda failure: _hopelessness(failure[0]))
        self._entry.model, self._entry.upstream = route.model, route.upstream.name
        waits = [failed.retry_after for failed, _ in self._failures if failed.retry_after]
        if error.retry_after is not None and waits:
            error.retry_after = min(waits)
        group = self._route.group
        if group is not None:
            tried, most = len(self._failures), len(group.deployments)
            said = error.message if error.message.endswith((".", "!", "?")) else f"{error.message}."
            error.message = f"{said} {tried} of {most} deployments of '{group.name}' were tried."
        return error


def _hopelessness(error: AqueductError) -> int:
    return int(error.status not in PASSING or isinstance(error, UpstreamAuthError))
