"""Setting models up while the server runs: the embedded model, and services by address and key.

The server's operator says whether the chat may do this. What is set up is used at once, and again
after a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from ..protocol.errors import (
    AqueductError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
)
from ..protocol.model_setup import EmbeddedModel, ModelSetupState, Service, ServiceWords
from ..protocol.own_upstreams import LABELS
from .connected_services import ConnectedServices
from .embedded.engine import is_engine_installed
from .embedded.weights import MODEL_NAME, WEIGHTS_BYTES, pull_weights, weights_path
from .upstreams.settings import read_settings
from .upstreams.upstream import Upstream

__all__ = ["ModelSetup"]

NO_ENGINE = (
    "The model's engine is not installed. Run pip install 'aqueduct-jupyter[local]' in the "
    "server's environment, and restart the server."
)


class ModelSetup:
    """Sets models up.

    Args:
        folder: the data folder.
        services: the services that were connected before.
        is_allowed: whether the chat may set models up.
        configured: the names of the upstreams that the operator configured.
        connected: called with a service that is to be used from now on.
        disconnected: called with the name of one that is not.
        downloaded: called when the embedded model is there.
        pull: downloads the weights into a data folder; for tests.
    """

    def __init__(
        self,
        folder: Path,
        services: ConnectedServices,
        *,
        is_allowed: bool,
        configured: frozenset[str],
        connected: Callable[[Upstream], None],
        disconnected: Callable[[str], None],
        downloaded: Callable[[], None],
        pull: Callable[[Path], Path] = pull_weights,
    ) -> None:
        self.is_allowed = is_allowed
        self._folder = folder
        self._services = services
        self._configured = configured
        self._connected = connected
        self._disconnected = disconnected
        self._downloaded = downloaded
        self._pull = pull
        self._download: asyncio.Task[None] | None = None
        self._error: str | None = None

    async def state(self) -> ModelSetupState:
        """Return what is set up, and how far the download is."""
        addresses = await asyncio.to_thread(self._services.addresses)
        return ModelSetupState(
            is_allowed=self.is_allowed,
            embedded=await asyncio.to_thread(self._embedded),
            services=[Service(name=name, base_url=url) for name, url in addresses.items()],
        )

    async def download(self) -> ModelSetupState:
        """Begin to download the embedded model, unless that is under way.

        Raises:
            PermissionDeniedError: the operator does not want it.
            ConflictError: its engine is not installed.
        """
        self._check()
        if not is_engine_installed():
            raise ConflictError(NO_ENGINE, code="engine_missing")
        if self._download is None or self._download.done():
            self._error = None
            self._download = asyncio.create_task(self._downloading())
        return await self.state()

    async def connect(self, words: ServiceWords) -> Service:
        """Ask a service for its models, and use it from now on; a second one replaces the first.

        Raises:
            PermissionDeniedError: the operator does not want it.
            ConflictError: the operator's configuration has an upstream of that name.
            InvalidRequestError: the address or the key cannot be one, or the service does not
                answer with a list of models.
        """
        self._check()
        self._check_name(words.name)
        key = words.api_key.get_secret_value().strip()
        failure: AqueductError | None = None
        for base_url in _addresses(words.base_url):
            upstream = self._upstream(words.name, base_url, key)
            try:
                models = [model.id for model in await upstream.models()]
            except AqueductError as error:
                failure = failure or error
                await upstream.close()
                continue
            await asyncio.to_thread(self._services.add, words.name, base_url, key)
            self._connected(upstream)
            return Service(name=words.name, base_url=base_url, models=models)
        reason = failure.message.split(". ")[0].rstrip(".") if failure else "no answer"
        raise InvalidRequestError(
            f"The service did not list its models: {reason}. Check the address and the key.",
            param="base_url",
            code="service_not_reached",
        )

    async def disconnect(self, name: str) -> None:
        """Forget a service and its key.

        Raises:
            PermissionDeniedError: the operator does not want it.
            NotFoundError: no service of that name was connected here.
        """
        self._check()
        if not await asyncio.to_thread(self._services.remove, name):
            raise NotFoundError(f"No service '{name[:80]}' was connected in the chat.")
        self._disconnected(name)

    async def close(self) -> None:
        """Stop waiting for the download."""
        if self._download is not None:
            self._download.cancel()

    def _check(self) -> None:
        if not self.is_allowed:
            raise PermissionDeniedError(
                "This server does not let the chat set models up. Ask its administrator, who can "
                "allow it with c.AqueductApp.set_up_in_chat = True.",
                code="setup_not_allowed",
            )

    def _check_name(self, name: str) -> None:
        if name in self._configured or name in LABELS:
            raise ConflictError(
                f"This server already has an upstream '{name}'. Choose another name.",
                param="name",
                code="name_taken",
            )

    def _upstream(self, name: str, base_url: str, key: str) -> Upstream:
        settings = {"base_url": base_url, **({"api_key": key} if key else {})}
        try:
            return Upstream(name, read_settings(name, settings, {}))
        except ValueError as error:
            raise InvalidRequestError(str(error), param="base_url") from None

    def _embedded(self) -> EmbeddedModel:
        done = 0
        state = "missing"
        target = weights_path(self._folder)
        if self._download is not None and not self._download.done():
            state, done = "downloading", _bytes_below(target.parent)
        elif self._error is not None:
            state = "failed"
        elif target.is_file() and is_engine_installed():
            state, done = "ready", WEIGHTS_BYTES
        fields = {"state": state, "bytes": min(done, WEIGHTS_BYTES), "error": self._error}
        return EmbeddedModel.model_validate(
            {"model": MODEL_NAME, "total_bytes": WEIGHTS_BYTES, **fields}
        )

    async def _downloading(self) -> None:
        try:
            await asyncio.to_thread(self._pull, self._folder)
        except AqueductError as error:
            self._error = error.message
            return
        self._downloaded()


def _addresses(given: str) -> list[str]:
    """Return the addresses to try: people often leave out the last part."""
    address = given.rstrip("/")
    return [address] if address.endswith("/v1") else [address, f"{address}/v1"]


def _bytes_below(folder: Path) -> int:
    """Return the size of everything in a folder, which changes meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total
