"""This file is our own addresses ``aqueduct/status``, ``usage`` and ``metrics``.

They say what is and what was. No key, no address of an upstream and no word of a conversation is in
any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

from tornado import web

from ...gateway.documents.attachments import MAX_FILE_BYTES, MAX_REQUEST_BYTES
from ...gateway.documents.reader import DocumentReader
from ...gateway.embedded.model import LocalModel
from ...gateway.requests.metrics import CONTENT_TYPE, Metrics
from ...gateway.stores.ledger import Ledger
from ...gateway.upstreams.catalog import Catalog
from ...protocol.errors import InvalidRequestError
from .base import AqueductHandler

__all__ = ["MetricsHandler", "Setup", "StatusHandler", "UsageHandler"]

MOST_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Setup:
    """How this server was set up.

    Args:
        catalog: its upstreams and models.
        local_model: the embedded model, where there is one.
        documents: what reads documents.
        notices: sentences for the operator: settings that could not be used, models missing.
        max_file_bytes: the largest file that can be uploaded.
    """

    catalog: Catalog
    local_model: LocalModel | None
    documents: DocumentReader
    notices: Sequence[str] = ()
    max_file_bytes: int = 0


class StatusHandler(AqueductHandler):
    """Says whether everything is as it should be."""

    # A monitor that asks does not make a server busy; JupyterHub may stop one that is idle.
    _track_activity = False
    setup: Setup

    @web.authenticated
    async def get(self) -> None:
        """Answer with the version, the upstreams, the models, their state, readers and limits."""
        catalog, local_model = self.setup.catalog, self.setup.local_model
        answering = await catalog.answering()
        self.answer(
            {
                "version": version("aqueduct-jupyter"),
                "upstreams": [
                    {"name": name, "answers": error is None, "error": error and error.message}
                    for name, error in answering.items()
                ],
                "models": [model.id for model in (await catalog.models()).data],
                "default_model": await catalog.default_model(),
                "local_model": local_model
                and {"model": local_model.name, "state": local_model.state},
                # What keeps the processes in that read documents: landlock, seccomp, memory_limit.
                "documents": asdict(self.setup.documents.confinement),
                "notices": list(self.setup.notices),
                "limits": {
                    "file_bytes": self.setup.max_file_bytes,
                    "attachment_bytes": MAX_FILE_BYTES,
                    "attachments_bytes": MAX_REQUEST_BYTES,
                },
            }
        )


class UsageHandler(AqueductHandler):
    """Says how much was asked and answered."""

    _track_activity = False  # the status bar of an open page asks all the time
    ledger: Ledger

    @web.authenticated
    async def get(self) -> None:
        """Answer with the sums of the last ``days`` (30) by day, model and kernel."""
        days = self.integer_argument("days", 30)
        if not 1 <= days <= MOST_DAYS:
            raise InvalidRequestError(f"days must be between 1 and {MOST_DAYS}.", param="days")
        self.answer(await self.ledger.sums(self.caller.owner, days=days))


class MetricsHandler(AqueductHandler):
    """Says what a monitoring system counts."""

    is_for_kernels = False
    _track_activity = False  # it is asked every few seconds, by a machine
    metrics: Metrics

    @web.authenticated
    async def get(self) -> None:
        """Answer in Prometheus' text format."""
        self.finish(self.metrics.text(), set_content_type=CONTENT_TYPE)
