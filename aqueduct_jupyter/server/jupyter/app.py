"""The server extension: its settings, the gateway that it builds, and its routes.

The handlers say what each address does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, default

from ...gateway.entry import Entry
from ...gateway.gateway import Gateway
from ...gateway.requests.hub_documents import HubDocuments
from ...gateway.upstreams.hub_service import HubService, find_hub_service
from ..http.relay import relayed
from ..http.routes import routes
from ..http.serving import Serving
from ..memory import freeze_loaded_objects, release_free_memory
from ..settings import GatewayTraits
from .authentication import JupyterAuthenticator
from .handlers import JupyterHost, for_jupyter, note_activity
from .provisioner import KernelEnvironment, use_for_kernels
from .reports import Reports

__all__ = ["AqueductApp"]


class AqueductApp(GatewayTraits, ExtensionApp):
    """An OpenAI-compatible gateway inside the Jupyter server."""

    name = "aqueduct_jupyter"
    load_other_extensions = True
    _is_assembled = False
    hub_service: HubService | None = None

    set_up_in_chat = Bool(
        help="""Whether the chat may download the small model and connect services. By default it
        may, except under JupyterHub, where users would bring keys of their own."""
    ).tag(config=True)
    load_magics = Bool(
        False, help="Load %%chat into each new Python kernel, so that no cell has to."
    ).tag(config=True)
    tune_memory = Bool(
        False,
        help="""Reduce pauses and memory use under heavy load: exempt loaded objects from garbage
        collection (gc.freeze), and return free memory to the system twice a minute (malloc_trim).
        Affects the whole server process, not only this extension.""",
    ).tag(config=True)

    @default("data_folder")
    def _default_data_folder(self) -> str:
        return str(Path(self.serverapp.data_dir if self.serverapp else self.data_dir, "aqueduct"))

    @default("set_up_in_chat")
    def _default_set_up_in_chat(self) -> bool:
        return not os.environ.get("JUPYTERHUB_API_TOKEN")

    def initialize_settings(self) -> None:
        """Build the gateway. No file, connection or process is opened before it is needed.

        Raises:
            ValueError: limits, prices, prompts, policy or the address of the hub's service are
                invalid; nothing is served then.
        """
        self._chores: list[asyncio.Task[None]] = []
        self._environment: KernelEnvironment | None = None
        self.gateway = Gateway(
            self.gateway_settings(set_up_in_chat=self.set_up_in_chat),
            os.environ,
            finished=self._finished(),
        )
        self.hub_service = find_hub_service(os.environ)
        self._is_assembled = True
        if self.hub_service is None:
            for notice in self.gateway.notices:
                self.log.warning(notice)
        elif self.upstreams:
            self.log.warning(
                "c.AqueductApp.upstreams is not used, because AQUEDUCT_HUB_URL is set: the hub's "
                "service answers all requests."
            )

    def _finished(self) -> list[Callable[[Entry], None]]:
        if self.serverapp and self.serverapp.event_logger:
            return [Reports(self.log, self.serverapp.event_logger).record]
        return []

    def _hub_documents(self) -> HubDocuments | None:
        if self.hub_service is None:
            return None
        most = self.gateway.settings.max_body_bytes
        return HubDocuments(self.hub_service, self.gateway.documents, max_body_bytes=most)

    def initialize_handlers(self) -> None:
        """Register every route below Jupyter's base URL."""
        owner = os.environ.get("JUPYTERHUB_USER", "")
        serving = Serving(
            self.gateway,
            JupyterAuthenticator(
                self.gateway.keys,
                self.gateway.agent_keys,
                self._is_alive,
                owner,
                has_service=self.hub_service is not None,
            ),
            JupyterHost(),
            base_url=self.serverapp.base_url if self.serverapp else "/",
            writes_directly=self.direct_writes,
            hub_service=self.hub_service,
            hub_documents=self._hub_documents(),
            log=self.log,
        )
        table = list(routes() if self.hub_service is None else relayed(routes()))
        handlers = {handler: for_jupyter(handler) for _, handler in table}
        for pattern, handler in table:
            self.handlers.append((f"/{pattern}", handlers[handler], {"serving": serving}))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Give kernels the address and their keys, now that the server's port is known."""
        if not self._is_assembled:
            return
        if self.hub_service is None:
            self.gateway.start()
        note = partial(note_activity, serverapp.web_app.settings)
        self.gateway.background.note_activity = self.gateway.chats.note_activity = note
        if self.tune_memory:
            self._chores.append(asyncio.create_task(release_free_memory()))
            freeze_loaded_objects()
        if serverapp.sock or not serverapp.port:
            where = "a UNIX socket" if serverapp.sock else "an unknown port"
            self.log.warning(
                "This server listens on %s, which OpenAI clients cannot reach, so kernels get no "
                "OPENAI_BASE_URL. To set it, start the server on a fixed port.",
                where,
            )
            return
        self._environment = KernelEnvironment(
            _url_for_kernels(serverapp),
            self.gateway.keys,
            self.gateway.running.stop_kernel,
            loads_magics=self.load_magics,
        )
        self._environment.put_fallback(os.environ)
        use_for_kernels(serverapp.kernel_manager, self._environment)

    async def stop_extension(self) -> None:
        """Close connections, child processes and the database."""
        if not self._is_assembled:
            return
        if self._environment:
            self._environment.remove_fallback(os.environ)
        for chore in self._chores:
            chore.cancel()
        if self.hub_service is not None:
            await self.hub_service.close()
        await self.gateway.close()

    def _is_alive(self, kernel_id: str) -> bool:
        return bool(self.serverapp and kernel_id in self.serverapp.kernel_manager)


def _url_for_kernels(serverapp: Any) -> str:
    """Build the URL at which a kernel on this machine reaches the server."""
    scheme = "https" if serverapp.certfile else "http"
    ip = serverapp.ip
    if ip in ("", "*", "0.0.0.0", "::"):  # noqa: S104  # compared, not bound
        ip = "127.0.0.1"
    host = f"[{ip}]" if ":" in ip else ip
    return f"{scheme}://{host}:{serverapp.port}{serverapp.base_url}".rstrip("/")
