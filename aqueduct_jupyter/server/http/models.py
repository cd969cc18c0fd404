"""``models`` and ``models/{id}``; the models themselves are in the catalog.

Anthropic's clients, which send ``anthropic-version``, get their own form.

Source: https://docs.anthropic.com/en/api/models-list
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tornado import web

from ...protocol.models import Model, ModelList
from .base import AqueductHandler

__all__ = ["ModelHandler", "ModelsHandler"]


class ModelsHandler(AqueductHandler):
    """Lists the models of all upstreams."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the list."""
        models = await self.gateway.catalog_for(self.caller.groups).models()
        self.answer(_as_anthropic(models) if _asks_as_anthropic(self) else models)


class ModelHandler(AqueductHandler):
    """Describes one model, whose name may contain slashes."""

    @web.authenticated
    async def get(self, name: str) -> None:
        """Answer with the model, or 404."""
        model = await self.gateway.catalog_for(self.caller.groups).get(name)
        self.answer(_described(model) if _asks_as_anthropic(self) else model)


def _asks_as_anthropic(handler: AqueductHandler) -> bool:
    return "anthropic-version" in handler.request.headers


def _as_anthropic(models: ModelList) -> dict[str, Any]:
    data = [_described(model) for model in models.data]
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"data": data, "has_more": False, "first_id": first, "last_id": last}


def _described(model: Model) -> dict[str, Any]:
    created = datetime.fromtimestamp(max(model.created, 0), UTC)
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
