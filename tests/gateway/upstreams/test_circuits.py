"""A circuit opens after failures in a row, and closes by itself."""

from __future__ import annotations

import logging

import pytest

from aqueduct_jupyter.gateway.upstreams.circuits import (
    COOL_DOWN,
    FAILURES,
    LONGEST_COOL_DOWN,
    LONGEST_RETRY_AFTER,
    Circuit,
    Trial,
)
from aqueduct_jupyter.protocol.errors import (
    AqueductError,
    DocumentError,
    InvalidRequestError,
    RateLimitError,
    UpstreamError,
    UpstreamUnavailableError,
)

from .test_catalog import Clock

DOWN = UpstreamUnavailableError("The upstream 'campus' cannot be reached.")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit("campus/llama", clock=clock)


def enter(circuit: Circuit) -> Trial:
    trial = circuit.enter()
    assert trial is not None
    return trial


def fail(circuit: Circuit, times: int = FAILURES, error: AqueductError = DOWN) -> None:
    for _ in range(times):
        enter(circuit).fail(error)


def refused(error: AqueductError) -> AqueductError:
    error.upstream = "campus"
    return error


def test_failures_in_a_row_open_it(circuit: Circuit, caplog: pytest.LogCaptureFixture) -> None:
    fail(circuit, FAILURES - 1)
    assert circuit.state == "closed"
    fail(circuit, 1)
    assert (circuit.state, circuit.seconds_left) == ("open", COOL_DOWN)
    assert circuit.enter() is None
    assert circuit.last_error == "upstream_unavailable"
    assert "'campus/llama' is passed over for 15 seconds (upstream_unavailable, 3" in caplog.text


def test_an_answer_in_between_begins_the_count_anew(circuit: Circuit, clock: Clock) -> None:
    for _ in range(3 * FAILURES):
        fail(circuit, FAILURES - 1)
        clock.now += 1
        answered = enter(circuit)
        answered.begin()
        answered.succeed()
    assert circuit.state == "closed"


def test_answers_that_begin_and_break_are_failures_in_a_row(circuit: Circuit, clock: Clock) -> None:
    for number in range(FAILURES):
        assert circuit.state == "closed", number
        clock.now += 1
        broken = enter(circuit)
        broken.begin()
        broken.fail(UpstreamError("It broke."))
    assert circuit.state == "open"
    clock.now += COOL_DOWN
    probe = enter(circuit)
    probe.begin()
    assert circuit.state == "closed"
    probe.fail(UpstreamError("It broke."))
    assert circuit.seconds_left == 2 * COOL_DOWN, "the one that closed it broke, too"


def test_an_answer_to_an_earlier_request_does_not(circuit: Circuit, clock: Clock) -> None:
    before = enter(circuit)
    clock.now += 1
    fail(circuit, FAILURES - 1)
    before.begin()
    before.succeed()
    fail(circuit, 1)
    assert circuit.state == "open"


def test_after_a_time_one_request_is_let_through_and_its_answer_closes_it(
    circuit: Circuit, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fail(circuit)
    clock.now += COOL_DOWN - 0.1
    assert circuit.enter() is None
    clock.now += 0.1
    assert circuit.state == "half_open"
    probe = enter(circuit)
    assert circuit.enter() is None, "only one"
    probe.begin()
    assert (circuit.state, circuit.seconds_left) == ("closed", 0)
    assert circuit.enter() is not None
    assert "'campus/llama' answers again" in caplog.text


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_bound(
    circuit: Circuit, clock: Clock
) -> None:
    fail(circuit)
    spans = [circuit.seconds_left]
    for _ in range(5):
        clock.now += circuit.seconds_left
        fail(circuit, 1)
        spans.append(circuit.seconds_left)
    assert spans == [15, 30, 60, 120, 120, 120]


def test_one_that_was_well_for_long_begins_with_the_short_time_again(
    circuit: Circuit, clock: Clock
) -> None:
    def reopen(after: float) -> float:
        clock.now += circuit.seconds_left
        enter(circuit).begin()
        clock.now += after
        fail(circuit)
        return circuit.seconds_left

    fail(circuit)
    assert reopen(1) == 2 * COOL_DOWN
    assert reopen(LONGEST_COOL_DOWN + 1) == COOL_DOWN


def test_a_probe_that_is_stopped_leaves_the_place_to_another(
    circuit: Circuit, clock: Clock
) -> None:
    fail(circuit)
    clock.now += COOL_DOWN
    enter(circuit).abandon()
    assert circuit.enter() is not None


def test_late_failures_do_not_keep_it_open_for_longer(circuit: Circuit, clock: Clock) -> None:
    late = [enter(circuit) for _ in range(10)]
    fail(circuit)
    clock.now += COOL_DOWN - 1
    for trial in late:
        trial.fail(DOWN)
    assert circuit.seconds_left == 1


def test_failures_of_requests_that_began_before_it_closed_do_not_open_it_again(
    circuit: Circuit, clock: Clock
) -> None:
    early = [circuit.enter() for _ in range(2 * FAILURES)]
    for trial in early[:FAILURES]:
        circuit.failed(trial, DOWN)
    clock.now += COOL_DOWN
    probe = circuit.enter()
    clock.now += 1
    circuit.begun(probe)
    for trial in early[FAILURES:]:
        circuit.failed(trial, DOWN)
    assert circuit.state == "closed"


def test_who_is_let_in_anyway_can_close_it(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now += 1
    circuit.enter_anyway().begin()
    assert circuit.state == "closed"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("asked", "given"), [(7.0, 7.0), (86_400.0, LONGEST_RETRY_AFTER)])
def test_it_opens_at_once_for_as_long_as_the_deployment_asks(
    circuit: Circuit, status: int, asked: float, given: float
) -> None:
    kind = RateLimitError if status == 429 else UpstreamUnavailableError
    fail(circuit, 1, refused(kind("Later.", retry_after=asked)))
    assert (circuit.state, circuit.seconds_left) == ("open", given)


def test_a_429_without_a_time_counts_as_any_failure(circuit: Circuit) -> None:
    fail(circuit, FAILURES - 1, refused(RateLimitError("Quota.", code="insufficient_quota")))
    assert circuit.state == "closed"
    fail(circuit, 1)
    assert circuit.state == "open"


def test_a_request_that_is_wrong_itself_shows_that_the_deployment_answers(
    circuit: Circuit, clock: Clock
) -> None:
    fail(circuit)
    clock.now += COOL_DOWN
    enter(circuit).fail(refused(InvalidRequestError("No.")))
    assert circuit.state == "closed"


def test_what_fails_here_shows_nothing(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now += COOL_DOWN
    enter(circuit).fail(DocumentError("It has no text."))
    assert circuit.state == "half_open"
    for _ in range(2 * FAILURES):
        enter(circuit).fail(RateLimitError("The limit for you is used up.", retry_after=5))
    assert circuit.state == "half_open"


def test_breaks_within_answers_count_too(circuit: Circuit) -> None:
    running = [enter(circuit) for _ in range(FAILURES)]
    for trial in running:
        trial.begin()
    for trial in running:
        trial.fail(UpstreamError("It broke."))
    assert circuit.state == "open", "all answers of a process that dies break"
