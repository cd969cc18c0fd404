"""Metrics of this server, in Prometheus's format.

They are counts and times by upstream, without names of users, kernels or models: clients choose
those, and each name would create a time series. Only deployments, which the operator configured,
have names. Requests are handled in :mod:`.forwarding`.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..embedded.model import LocalModel
from ..entry import Entry
from ..upstreams.deployments import Group
from .running import RunningRequests

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
"""Upper bounds of the histograms in seconds: from a cached answer to a slow model's long one."""

NO_UPSTREAM = "none"
"""The label of requests that were refused before an upstream was chosen."""


MOST_CODES = 100
"""How many error codes get their own time series; each takes memory permanently."""

OTHER_CODE = "other"


class Metrics:
    """The counters of one server.

    Args:
        running: the running requests.
        local_model: returns the embedded model, if there is one.
        groups: returns the models that have several deployments.
    """

    def __init__(
        self,
        running: RunningRequests,
        local_model: Callable[[], LocalModel | None] = lambda: None,
        groups: Callable[[], Sequence[Group]] = list,
    ) -> None:
        self._registry = CollectorRegistry()
        self._codes: set[str] = set()
        self._requests = Counter(
            "aqueduct_requests",
            "Finished requests.",
            ("upstream", "api", "outcome", "status"),
            registry=self._registry,
        )
        self._errors = Counter(
            "aqueduct_errors",
            "Failed requests, by error code.",
            ("upstream", "code"),
            registry=self._registry,
        )
        self._fallbacks = Counter(
            "aqueduct_fallbacks",
            "Deployments that did not answer a request for which another one was then asked.",
            ("upstream", "code"),
            registry=self._registry,
        )
        self._tokens = Counter(
            "aqueduct_tokens",
            "Tokens read and written by models.",
            ("upstream", "direction"),
            registry=self._registry,
        )
        self._dollars = Counter(
            "aqueduct_usd",
            "Costs in US dollars, as far as they are known.",
            ("upstream",),
            registry=self._registry,
        )
        self._first = Histogram(
            "aqueduct_first_token_seconds",
            "Time from the request to the first token of its answer.",
            ("upstream",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._total = Histogram(
            "aqueduct_request_seconds",
            "Time from the request to the end of its answer.",
            ("upstream",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._registry.register(_Now(running, local_model, groups))

    def record(self, entry: Entry) -> None:
        """Count a finished request."""
        upstream = entry.upstream or NO_UPSTREAM
        self._requests.labels(upstream, entry.api, entry.outcome, str(entry.status)).inc()
        if entry.error_code:
            self._errors.labels(upstream, self._known(entry.error_code)).inc()
        for other, code in entry.fell_back_from:
            self._fallbacks.labels(other, self._known(code or OTHER_CODE)).inc()
        self._tokens.labels(upstream, "in").inc(entry.tokens_in or 0)
        self._tokens.labels(upstream, "out").inc(entry.tokens_out or 0)
        self._dollars.labels(upstream).inc(entry.usd or 0)
        if entry.first_token_ms is not None:
            self._first.labels(upstream).observe(entry.first_token_ms / 1000)
        self._total.labels(upstream).observe(entry.total_ms / 1000)

    def _known(self, code: str) -> str:
        """Return the label for a code; upstreams may send any number of different codes."""
        if len(self._codes) < MOST_CODES:
            self._codes.add(code)
        return code if code in self._codes else OTHER_CODE

    def text(self) -> bytes:
        """Return all metrics as text."""
        return generate_latest(self._registry)


class _Now(Collector):
    """Metrics that are read when they are collected."""

    def __init__(
        self,
        running: RunningRequests,
        local_model: Callable[[], LocalModel | None],
        groups: Callable[[], Sequence[Group]],
    ) -> None:
        self._running = running
        self._local_model = local_model
        self._groups = groups

    def collect(self) -> Iterator[Metric]:
        in_flight = GaugeMetricFamily(
            "aqueduct_requests_in_flight", "Running requests.", labels=("upstream",)
        )
        for upstream, count in self._running.by_upstream().items():
            in_flight.add_metric((upstream or NO_UPSTREAM,), count)
        yield in_flight
        if groups := self._groups():
            circuits = GaugeMetricFamily(
                "aqueduct_deployment_circuit",
                "1 for the current state of a deployment's circuit.",
                labels=("deployment", "state"),
            )
            states = {
                one.route.full_name: one.circuit.state
                for group in groups
                for one in group.deployments
            }
            for name, state in states.items():
                circuits.add_metric((name, state), 1)
            yield circuits
        if local_model := self._local_model():
            embedded = GaugeMetricFamily(
                "aqueduct_embedded_model",
                "1 for the embedded model's current state.",
                labels=("state",),
            )
            embedded.add_metric((local_model.state,), 1)
            yield embedded
