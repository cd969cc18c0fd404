"""This file is our own addresses ``aqueduct/status``, ``usage`` and ``metrics``.

They say what is and what was. No key, no address of an upstream and no word of a conversation is in
any of them.
"""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version

from tornado import web

from ...gateway.documents.attachments import MAX_FILE_BYTES, MAX_REQUEST_BYTES
from ...gateway.requests.metrics import CONTENT_TYPE
from ...protocol.errors import InvalidRequestError
from .base import AqueductHandler

__all__ = ["MetricsHandler", "StatusHandler", "UsageHandler"]

MOST_DAYS = 3660


class StatusHandler(AqueductHandler):
    """Says whether everything is as it should be."""

    # A monitor that asks does not make a server busy; JupyterHub may stop one that is idle.
    tracks_activity = False

    @web.authenticated
    async def get(self) -> None:
        """Answer with the version, the upstreams, the models, their state, readers and limits."""
        catalog, local_model = self.gateway.catalog, self.gateway.local_model
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
                "documents": asdict(self.gateway.documents.confinement),
                "notices": list(self.gateway.notices),
                "limits": {
                    "file_bytes": self.gateway.settings.max_file_bytes,
                    "attachment_bytes": MAX_FILE_BYTES,
                    "attachments_bytes": MAX_REQUEST_BYTES,
                },
            }
        )


class UsageHandler(AqueductHandler):
    """Says how much was asked and answered."""

    tracks_activity = False  # the status bar of an open page asks all the time

    @web.authenticated
    async def get(self) -> None:
        """Answer with the sums of the last ``days`` (30) by day, model and kernel."""
        days = self.integer_argument("days", 30)
        if not 1 <= days <= MOST_DAYS:
            raise InvalidRequestError(f"days must be between 1 and {MOST_DAYS}.", param="days")
        self.answer(await self.gateway.ledger.sums(self.caller.owner, days=days))


class MetricsHandler(AqueductHandler):
    """Says what a monitoring system counts."""

    is_for_kernels = False
    tracks_activity = False  # it is asked every few seconds, by a machine

    @web.authenticated
    async def get(self) -> None:
        """Answer in Prometheus' text format."""
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self.gateway.metrics.text())
