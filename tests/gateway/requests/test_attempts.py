"""One deployment after another is asked, in a bounded time, and the best error is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.requests.attempts import FALL_BACK_SECONDS, Attempts
from aqueduct_jupyter.gateway.upstreams.circuits import Circuit
from aqueduct_jupyter.gateway.upstreams.deployments import Deployment, Group, Route
from aqueduct_jupyter.protocol.errors import (
    AqueductError,
    InvalidRequestError,
    RateLimitError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamTimeoutError,
)

from ..upstreams.test_catalog import Clock, Lists, upstream

NAMES = ("a", "b", "c")


class Asked:
    """A request to deployments that fail as they are told."""

    def __init__(self, *names: str) -> None:
        self.clock = Clock()
        self.entry = Entry("req_1", "ada", None)
        deployments = tuple(
            Deployment(Route(upstream(name, Lists()), "llama"), 0, Circuit(name)) for name in names
        )
        route = Route(deployments[0].route.upstream, "llama", group=Group("gpt", deployments))
        self.attempts = Attempts(route, self.entry, b"key", clock=self.clock)
        self.tried: list[str] = []

    def fail(self, error_of: Callable[[str], AqueductError], seconds: float = 0) -> AqueductError:
        with pytest.raises(AqueductError) as caught:
            self._try_all(error_of, seconds)
        return caught.value

    def _try_all(self, error_of: Callable[[str], AqueductError], seconds: float) -> None:
        for attempt in self.attempts:
            self.tried.append(attempt.route.upstream.name)
            self.clock.now += seconds
            error = error_of(self.tried[-1])
            error.upstream = self.tried[-1]
            self.attempts.fail(attempt, error)


def test_all_are_tried_once_and_it_is_told_how_many() -> None:
    asked = Asked(*NAMES)
    error = asked.fail(lambda name: UpstreamError(f"'{name}' failed."))
    assert asked.tried == [*NAMES]
    assert error.message == "'a' failed. 3 of 3 deployments of 'gpt' were tried."
    assert asked.entry.upstream == "a", "as in the error"
    assert asked.entry.fell_back_from == [("a", "upstream_error"), ("b", "upstream_error")]


def test_none_is_asked_once_the_client_has_lost_patience() -> None:
    asked = Asked(*NAMES)
    error = asked.fail(lambda _: UpstreamTimeoutError("Too long"), FALL_BACK_SECONDS / 2)
    assert asked.tried == ["a", "b"]
    assert error.message == "Too long. 2 of 3 deployments of 'gpt' were tried."


def test_a_wrong_request_is_told_at_once() -> None:
    asked = Asked(*NAMES)
    errors = {"a": UpstreamError("No."), "b": InvalidRequestError("Wrong.")}
    error = asked.fail(errors.__getitem__)
    assert (asked.tried, error.message) == (["a", "b"], "Wrong.")


def test_the_error_that_goes_by_is_told_with_the_shortest_wait() -> None:
    errors: dict[str, AqueductError] = {
        "a": UpstreamAuthError("The key is wrong.", is_retryable=False),
        "b": RateLimitError("Too many.", retry_after=60),
        "c": RateLimitError("Far too many.", retry_after=7),
    }
    asked = Asked(*NAMES)
    error = asked.fail(errors.__getitem__)
    assert error is errors["b"]
    assert (error.status, error.retry_after, error.is_retryable) == (429, 7, None)
    assert asked.entry.upstream == "b"


def test_an_answer_that_has_been_written_is_not_written_again() -> None:
    asked = Asked(*NAMES)
    asked.entry.end_answer()
    assert asked.fail(lambda _: UpstreamError("Not understood.")).message == "Not understood."
    assert asked.tried == ["a"]


def test_a_single_deployment_is_like_none() -> None:
    asked = Asked("a")
    (attempt,) = asked.attempts
    assert attempt.is_only
    assert asked.fail(lambda _: UpstreamError("No.")).message == "No."


def test_what_only_this_one_cannot_do_is_asked_of_others_and_not_held_against_it() -> None:
    asked = Asked("a", "b")
    attempts = iter(asked.attempts)
    for attempt in attempts:
        with pytest.raises(InvalidRequestError), attempt.only_here():
            raise InvalidRequestError("It has no counterpart.")
        if attempt.is_last:
            break
        asked.attempts.fail(attempt, InvalidRequestError("It has no counterpart."))
    assert attempt.route.upstream.name == "b"
    assert asked.attempts._route.group is not None
    circuits = [one.circuit for one in asked.attempts._route.group.deployments]
    assert [circuit.last_error for circuit in circuits] == [None, None]
