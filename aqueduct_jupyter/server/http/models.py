"""``models`` and ``models/{id}``; the models themselves are in the catalog."""

from __future__ import annotations

from tornado import web

from .base import AqueductHandler

__all__ = ["ModelHandler", "ModelsHandler"]


class ModelsHandler(AqueductHandler):
    """Lists the models of all upstreams."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the list."""
        self.answer(await self.gateway.catalog.models())


class ModelHandler(AqueductHandler):
    """Describes one model, whose name may contain slashes."""

    @web.authenticated
    async def get(self, name: str) -> None:
        """Answer with the model, or 404."""
        self.answer(await self.gateway.catalog.get(name))
