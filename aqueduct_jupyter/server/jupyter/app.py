"""The server extension: its settings, the gateway that it builds, and its routes.

The handlers say what each address does.
"""

from __future__ import annotations

import asyncio
import os
from ast import literal_eval
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, Integer, Unicode, default

from ...gateway.entry import Entry
from ...gateway.gateway import Gateway
from ...gateway.policy import read_policy
from ...gateway.prices.price import read_prices
from ...gateway.prompts import read_prompts
from ...gateway.requests.limits import read_limits
from ...gateway.settings import GatewaySettings
from ..http.routes import routes
from ..http.serving import Serving
from .authentication import JupyterAuthenticator
from .handlers import JupyterHost, for_jupyter, note_activity
from .memory import freeze_loaded_objects, release_free_memory
from .provisioner import KernelEnvironment, use_for_kernels
from .reports import Reports

__all__ = ["AqueductApp"]


class _CheckedLater(AnyTrait):
    """A setting of any type; on a command line it is written as a Python literal.

    Jupyter ignores a setting of the wrong type, but an invalid limit must not turn into no limit.
    So the type is checked when the gateway is built.
    """

    def from_string(self, s: str) -> Any:
        """Read a value from the command line."""
        try:
            return literal_eval(s)
        except (SyntaxError, ValueError):
            return s


class AqueductApp(ExtensionApp):
    """An OpenAI-compatible gateway inside the Jupyter server."""

    name = "aqueduct_jupyter"
    load_other_extensions = True
    _is_assembled = False

    upstreams = Dict(
        help="""The OpenAI-compatible services, by name. Each needs base_url and may have
        api_key_file (or api_key_env), models, timeout, idle_timeout, connect_timeout,
        max_connections, http_client ("built-in" or "httpx"), documents ("text", "inline" or
        "native"), apis, key_header and ca_bundle."""
    ).tag(config=True)
    aliases = Dict(help="Aliases for models: {'main': 'campus/llama'}.").tag(config=True)
    default_model = Unicode(help="The model for requests that do not name one.").tag(config=True)
    local_model_path = Unicode(
        help="A GGUF file to run as the embedded model, which is then listed beside upstreams."
    ).tag(config=True)
    demo_models = Bool(False, help="List the scripted demo models.").tag(config=True)
    set_up_in_chat = Bool(
        help="""Whether the chat may download the small model and connect services. By default it
        may, except under JupyterHub, where users would bring keys of their own."""
    ).tag(config=True)
    load_magics = Bool(
        False, help="Load %%chat into each new Python kernel, so that no cell has to."
    ).tag(config=True)
    limits = _CheckedLater(
        {},
        help="""Usage limits: {"user": budget, "kernel": budget, "agent": budget, "models":
        [...], "max_tokens": 1024}. A budget may have requests_per_minute, tokens_per_minute,
        tokens_per_day, usd_per_day and requests_in_flight.""",
    ).tag(config=True)
    prices = _CheckedLater(
        {},
        help="""Prices of models in US dollars per million tokens: {"campus/llama": {"input": 0.1,
        "output": 0.4}}. A price may have cached_input. Other models have their published prices, if
        those are known.""",
    ).tag(config=True)
    prompts = _CheckedLater(
        {},
        help="""Prompts that the chat offers to everybody after a slash: {"Review": "Review this
        code:"}, with up to 80 characters in a name and 20,000 in a text.""",
    ).tag(config=True)
    policy = _CheckedLater(
        None,
        help="""A function that is called with each chat request: it returns to allow the request,
        changes its body, or raises refusal("why"). See aqueduct_jupyter.gateway.policy.""",
    ).tag(config=True)
    data_folder = Unicode(
        help="""The folder for files, the ledger and the weights; <Jupyter's data>/aqueduct by
        default."""
    ).tag(config=True)
    max_body_bytes = Integer(
        64 * 2**20,
        help="Maximum body of a chat request, in bytes: room for 32 MB of files in base64.",
    ).tag(config=True)
    max_file_bytes = Integer(64 * 2**20, help="Maximum size of an uploaded file, in bytes.").tag(
        config=True
    )
    max_total_file_bytes = Integer(
        2**30, help="Maximum total size of a user's files, in bytes."
    ).tag(config=True)
    file_expiry_seconds = Integer(
        7 * 86_400,
        help="""Default lifetime, in seconds, of files uploaded without expires_after. 0 keeps them
        forever.""",
    ).tag(config=True)
    response_expiry_seconds = Integer(
        30 * 86_400,
        help="""Lifetime, in seconds, of the answers and conversations that the Responses API
        keeps; of a conversation, after its last change. 0 keeps them forever.""",
    ).tag(config=True)

    direct_writes = Bool(
        True,
        help="""Write the chunks of a stream to the client's socket, past Tornado's buffers, which
        halves their cost. Turn it off to rule this out when streams arrive damaged.""",
    ).tag(config=True)
    tune_memory = Bool(
        False,
        help="""Reduce pauses and memory use under heavy load: exempt loaded objects from garbage
        collection (gc.freeze), and return free memory to the system twice a minute (malloc_trim).
        Affects the whole server process, not only this extension.""",
    ).tag(config=True)

    def flatten_flags(self) -> tuple[Any, Any]:
        """Give what a command line may set.

        Our ``aliases`` are names of models. traitlets would take them for options.
        """
        names_of_models, self.aliases = self.aliases, {}
        try:
            options: tuple[Any, Any] = super().flatten_flags()
        finally:
            self.aliases = names_of_models
        return options

    @default("data_folder")
    def _default_data_folder(self) -> str:
        return str(Path(self.serverapp.data_dir if self.serverapp else self.data_dir, "aqueduct"))

    @default("set_up_in_chat")
    def _default_set_up_in_chat(self) -> bool:
        return not os.environ.get("JUPYTERHUB_API_TOKEN")

    def initialize_settings(self) -> None:
        """Build the gateway. No file, connection or process is opened before it is needed.

        Raises:
            ValueError: limits, prices, prompts or policy are invalid; nothing is served then.
        """
        self._chores: list[asyncio.Task[None]] = []
        self._environment: KernelEnvironment | None = None
        self.gateway = Gateway(self._gateway_settings(), os.environ, finished=self._finished())
        self._is_assembled = True
        for notice in self.gateway.notices:
            self.log.warning(notice)

    def _gateway_settings(self) -> GatewaySettings:
        try:
            limits, prices = read_limits(self.limits), read_prices(self.prices)
            policy, prompts = read_policy(self.policy), read_prompts(self.prompts)
        except ValueError as error:
            self.log.critical("%s The gateway serves nothing until this is fixed.", error)
            raise
        return GatewaySettings(
            data_folder=Path(self.data_folder),
            upstreams=self.upstreams,
            aliases=self.aliases,
            default_model=self.default_model or None,
            local_model_path=self.local_model_path,
            demo_models=self.demo_models,
            set_up_in_chat=self.set_up_in_chat,
            prices=prices,
            prompts=prompts,
            limits=limits,
            policy=policy,
            max_body_bytes=self.max_body_bytes,
            max_file_bytes=self.max_file_bytes,
            max_total_file_bytes=self.max_total_file_bytes,
            file_expiry_seconds=self.file_expiry_seconds,
            response_expiry_seconds=self.response_expiry_seconds,
        )

    def _finished(self) -> list[Callable[[Entry], None]]:
        if self.serverapp and self.serverapp.event_logger:
            return [Reports(self.log, self.serverapp.event_logger).record]
        return []

    def initialize_handlers(self) -> None:
        """Register every route below Jupyter's base URL."""
        owner = os.environ.get("JUPYTERHUB_USER", "")
        serving = Serving(
            self.gateway,
            JupyterAuthenticator(self.gateway.keys, self.gateway.agent_keys, self._is_alive, owner),
            JupyterHost(),
            base_url=self.serverapp.base_url if self.serverapp else "/",
            writes_directly=self.direct_writes,
            log=self.log,
        )
        handlers = {handler: for_jupyter(handler) for _, handler in routes()}
        for pattern, handler in routes():
            self.handlers.append((f"/{pattern}", handlers[handler], {"serving": serving}))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Give kernels the address and their keys, now that the server's port is known."""
        if not self._is_assembled:
            return
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
