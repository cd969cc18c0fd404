"""``aqueduct/status``, ``aqueduct/usage`` and ``aqueduct/metrics``.

None of them contains a key, an upstream's address or any text of a conversation.
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

MAX_DAYS = 3660


class StatusHandler(AqueductHandler):
    """Reports the gateway's status."""

    # Monitoring is not use of the server: JupyterHub may still stop it when idle.
    tracks_activity = False

    @web.authenticated
    async def get(self) -> None:
        """Answer with the version, upstreams, models, documents' sandbox, notices and limits."""
        catalog = self.gateway.catalog_for(self.caller.groups)
        local_model = self.gateway.local_model
        answering = await catalog.answering()
        models = (await catalog.models()).data
        self.answer(
            {
                "version": version("aqueduct-jupyter"),
                "upstreams": [
                    {"name": name, "answers": error is None, "error": error and error.message}
                    for name, error in answering.items()
                ],
                "deployments": {
                    group.name: [one.told() for one in group.deployments]
                    for group in catalog.groups()
                },
                "models": [model.id for model in models],
                # The most tokens of a model's context, where its upstream tells.
                "context_tokens": {
                    model.id: model.context_tokens for model in models if model.context_tokens
                },
                # Whether a model's service reads documents itself; a user's server asks this.
                "document_modes": {
                    model.id: mode for model in models if (mode := catalog.document_mode(model.id))
                },
                # In the order of their groups in a list to choose from.
                "owners": {model.id: catalog.owner(model.id) for model in models},
                "default_model": await catalog.default_model(),
                "local_model": local_model
                and {"model": local_model.name, "state": local_model.state},
                # The sandbox of the document processes: landlock, seccomp, memory_limit.
                "documents": asdict(self.gateway.documents.confinement),
                "notices": list(self.gateway.notices),
                "prompts": [
                    {"name": name, "text": text}
                    for name, text in self.gateway.settings.prompts.items()
                ],
                # Whether the chat may set a model up, and the notice that says there is none.
                "setup": {
                    "is_allowed": self.gateway.setup.is_allowed,
                    "notice": self.gateway.no_model
                    if self.gateway.no_model in self.gateway.notices
                    else None,
                },
                "limits": {
                    "file_bytes": self.gateway.settings.max_file_bytes,
                    "attachment_bytes": MAX_FILE_BYTES,
                    "attachments_bytes": MAX_REQUEST_BYTES,
                },
            }
        )


class UsageHandler(AqueductHandler):
    """Reports how much was used."""

    tracks_activity = False  # the status bar of an open page polls this

    @web.authenticated
    async def get(self) -> None:
        """Answer with the totals of the last ``days`` (default 30) by day, model and kernel."""
        days = self.integer_argument("days", 30)
        if not 1 <= days <= MAX_DAYS:
            raise InvalidRequestError(f"days must be between 1 and {MAX_DAYS}.", param="days")
        self.answer(await self.gateway.ledger.sums(self.caller.owner, days=days))


class MetricsHandler(AqueductHandler):
    """Serves the metrics."""

    is_for_kernels = False
    is_for_admins = True
    tracks_activity = False  # a monitoring system polls this every few seconds

    @web.authenticated
    async def get(self) -> None:
        """Answer in Prometheus's text format."""
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self.gateway.metrics.text())
