"""``aqueduct/setup`` and below: set models up in the chat, while the server runs.

Only the server's token opens these addresses. The work is in
:mod:`aqueduct_jupyter.gateway.model_setup`.
"""

from __future__ import annotations

from tornado import web

from ...protocol.model_setup import ServiceWords
from ...protocol.requests import read_model
from .base import AqueductHandler
from .body import JSONBodyHandler, authenticated_after_body

__all__ = ["EmbeddedModelHandler", "ModelSetupHandler", "ServiceHandler", "ServicesHandler"]

MAX_BODY_BYTES = 64 * 2**10
"""Bytes of a service's description."""


class ModelSetupHandler(AqueductHandler):
    """What is set up."""

    is_for_kernels = False
    tracks_activity = False  # an open page polls this during a download

    @web.authenticated
    async def get(self) -> None:
        """Answer with the embedded model's state and the connected services, without their keys."""
        self.answer(await self.gateway.setup.state())


class EmbeddedModelHandler(AqueductHandler):
    """The embedded model's download."""

    is_for_kernels = False

    @web.authenticated
    async def post(self) -> None:
        """Begin it, and answer with the state; it goes on without the client."""
        self.answer(await self.gateway.setup.download())


class ServicesHandler(JSONBodyHandler):
    """The connected services."""

    is_for_kernels = False

    @property
    def max_body_bytes(self) -> int:
        """The largest body, in bytes."""
        return MAX_BODY_BYTES

    @authenticated_after_body
    async def post(self) -> None:
        """Connect a service that answers with its models, and answer with them."""
        words = read_model(ServiceWords, b"".join(self.pieces()))
        self.answer(await self.gateway.setup.connect(words))


class ServiceHandler(AqueductHandler):
    """One connected service."""

    is_for_kernels = False

    @web.authenticated
    async def delete(self, name: str) -> None:
        """Forget it and its key, and answer with what is left."""
        await self.gateway.setup.disconnect(name)
        self.answer(await self.gateway.setup.state())
