"""What is counted takes a bounded amount of memory, whatever upstreams say."""

from __future__ import annotations

from aqueduct_jupyter.gateway.entry import Entry
from aqueduct_jupyter.gateway.requests.metrics import MOST_CODES, Metrics
from aqueduct_jupyter.gateway.requests.running import RunningRequests


def test_an_upstreams_own_codes_do_not_grow_the_metrics_without_end() -> None:
    metrics = Metrics(RunningRequests())
    for number in range(10 * MOST_CODES):
        entry = Entry("r", "", None, upstream="campus", outcome="failed", status=400)
        entry.error_code = f"code-{number}"
        metrics.record(entry)
    lines = [
        line for line in metrics.text().decode().splitlines() if "aqueduct_errors_total{" in line
    ]
    assert len(lines) == MOST_CODES + 1
    (other,) = (line for line in lines if 'code="other"' in line)
    assert float(other.split()[-1]) == 9 * MOST_CODES


def test_known_costs_are_summed_by_upstream() -> None:
    metrics = Metrics(RunningRequests())
    for usd in (0.25, None, 0.5):
        entry = Entry("r", "", None, upstream="campus")
        entry.usd = usd
        metrics.record(entry)
    assert 'aqueduct_usd_total{upstream="campus"} 0.75' in metrics.text().decode()
