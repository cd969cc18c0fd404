"""This file is the server extension: its settings, the assembly of the gateway, its routes.

What an address does is left to the handlers, what the gateway does to the gateway.
"""

from __future__ import annotations

import asyncio
import os
from ast import literal_eval
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, Integer, Unicode, default

from ...gateway.configured_upstreams import assemble_upstreams, find_local_model
from ...gateway.documents.attachments import Attachments
from ...gateway.documents.reader import DocumentReader
from ...gateway.policy import read_policy
from ...gateway.requests.chat import Chat
from ...gateway.requests.keys import KernelKeys
from ...gateway.requests.limits import Budgets, read_limits
from ...gateway.requests.metrics import Metrics
from ...gateway.requests.running import RunningRequests
from ...gateway.stores.conversations import CONVERSATIONS_SCHEMA, ConversationStore
from ...gateway.stores.database import Database
from ...gateway.stores.files import FILES_SCHEMA, FileStore
from ...gateway.stores.ledger import LEDGER_SCHEMA, Ledger
from ...gateway.upstreams.catalog import Catalog
from ...protocol.errors import UnavailableError
from ..http.base import Door, UnknownAddressHandler
from ..http.chat import ChatCompletionsHandler
from ..http.conversations import (
    ConversationExportHandler,
    ConversationHandler,
    ConversationsHandler,
)
from ..http.files import FileContentHandler, FileHandler, FilesHandler
from ..http.models import ModelHandler, ModelsHandler
from ..http.openapi import OpenAPIHandler
from ..http.requests import RequestHandler, RequestsHandler
from ..http.status import MetricsHandler, Setup, StatusHandler, UsageHandler
from .memory import give_back_free_memory, leave_alone_what_is_loaded
from .provisioner import KernelEnvironment, use_for_kernels
from .reports import Reports

__all__ = ["AqueductApp"]

PURGE_SECONDS = 3600.0
"""How often expired files are removed; they are invisible from the moment they expire."""

_FILE_ID = r"(file-[A-Za-z0-9]{24,64})"
_ANY_ID = r"([^/]+)"

_PREFIXES = ("", "v1/", "openai/", "openai/v1/")
"""Below which the API is served; Azure's clients put theirs before it."""

_DEPLOYMENT = "openai/deployments/([^/]+)/chat/completions"
"""Azure's address of a chat, which names the model."""

_LIKE_OURS = (
    "v1|openai|aqueduct|api/v1|chat|responses|messages|embeddings|completions|moderations|rerank"
    "|images|audio|batches|uploads|vector_stores|fine_tuning|assistants|threads|realtime"
    "|conversations"
)
"""How addresses begin that a client of these APIs asks for, and that Jupyter does not have."""


class _CheckedLater(AnyTrait):
    """A setting of any type; on a command line it is written as in Python.

    Jupyter goes on without a setting whose type is wrong, and a limit that is not understood must
    not become none. So the type is looked at where the gateway is assembled.
    """

    def from_string(self, s: str) -> Any:
        """Read what stands on a command line."""
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
        help="""The OpenAI-compatible services to ask: a dict of names, each with base_url and,
        as needed, api_key_file (or api_key_env), models, timeout, idle_timeout, connect_timeout,
        documents ("text", "inline" or "native") and ca_bundle."""
    ).tag(config=True)
    aliases = Dict(help="Other names for models: {'main': 'campus/llama'}.").tag(config=True)
    default_model = Unicode(help="The model of requests that name none.").tag(config=True)
    local_model_path = Unicode(
        help="A GGUF file to run as the embedded model; it is then offered beside upstreams."
    ).tag(config=True)
    demo_models = Bool(False, help="Offer the scripted demo models.").tag(config=True)
    limits = _CheckedLater(
        {},
        help="""What may be used: {"user": budget, "kernel": budget, "models": [...], "max_tokens":
        1024}; a budget has requests_per_minute, tokens_per_minute, tokens_per_day and
        requests_in_flight, as needed.""",
    ).tag(config=True)
    policy = _CheckedLater(
        None,
        help="""Called with each chat request, see aqueduct_jupyter.gateway.policy: returns to allow
        it, changes its body, or raises refusal("why").""",
    ).tag(config=True)
    data_folder = Unicode(
        help="Where files, the ledger and the weights lie; <Jupyter's data>/aqueduct by default."
    ).tag(config=True)
    max_body_bytes = Integer(
        64 * 2**20, help="Largest body of a chat request: 32 MB of files in base64, and text."
    ).tag(config=True)
    max_file_bytes = Integer(64 * 2**20, help="Largest file that can be uploaded.").tag(config=True)
    max_total_file_bytes = Integer(2**30, help="Largest sum of a user's files.").tag(config=True)
    file_expiry_seconds = Integer(
        7 * 86_400, help="How long a file is kept that names no time itself; 0 is for ever."
    ).tag(config=True)

    tune_memory = Bool(
        False,
        help="""Keep this Jupyter server's pauses and memory small under heavy load: freeze what the
        garbage collector has loaded (gc.freeze), and give free memory back twice a minute
        (malloc_trim). Affects the whole process, not only this extension.""",
    ).tag(config=True)

    @default("data_folder")
    def _default_data_folder(self) -> str:
        return str(Path(self.serverapp.data_dir if self.serverapp else self.data_dir, "aqueduct"))

    def initialize_settings(self) -> None:
        """Assemble the gateway. Nothing is asked, opened or started before it is needed.

        Raises:
            ValueError: the limits or the policy are not what they should be; without them nothing
                is served.
        """
        folder = Path(self.data_folder)
        self._notices: list[str] = []
        self._chores: list[asyncio.Task[None]] = []
        self._environment: KernelEnvironment | None = None
        self._keys = KernelKeys()
        try:
            limits, policy = read_limits(self.limits), read_policy(self.policy)
        except ValueError as error:
            self.log.critical("%s Nothing is served before that is mended.", error)
            raise
        self._local_model = find_local_model(folder, self.local_model_path, self._notices)
        upstreams = assemble_upstreams(
            self.upstreams,
            os.environ,
            self._notices,
            local_model=self._local_model,
            is_local_chosen=bool(self.local_model_path),
            lists_demo=self.demo_models,
        )
        self._catalog = Catalog(
            upstreams,
            aliases=self.aliases,
            default_model=self.default_model or None,
            allowed=limits.models,
        )
        owner = os.environ.get("JUPYTERHUB_USER", "")
        self._database = Database(
            folder / "aqueduct.sqlite",
            FILES_SCHEMA,
            LEDGER_SCHEMA,
            CONVERSATIONS_SCHEMA,
            notify=self._notices.append,
        )
        self._files = FileStore(
            folder,
            self._database,
            owner=owner,
            max_file_bytes=self.max_file_bytes,
            max_total_bytes=self.max_total_file_bytes,
            expiry_seconds=self.file_expiry_seconds,
        )
        self._conversations = ConversationStore(self._database, owner=owner)
        self._ledger = Ledger(self._database)
        self._running = RunningRequests()
        self._documents = DocumentReader()
        self._metrics = Metrics(self._running, self._local_model)
        finished = [self._ledger.record, self._metrics.record]
        if self.serverapp and self.serverapp.event_logger:
            finished.append(Reports(self.log, self.serverapp.event_logger).record)
        self._chat = Chat(
            self._catalog,
            Attachments(self._files, self._documents),
            Budgets(limits, self._ledger, self._running),
            self._running,
            finished=finished,
            policy=policy,
        )
        self._door = Door(self._keys, self._is_alive, owner)
        self._is_assembled = True
        for notice in self._notices:
            self.log.warning(notice)

    def initialize_handlers(self) -> None:
        """Hang every route under base_url, and the ones of the API under its prefixes as well."""
        for prefix in _PREFIXES:
            for pattern, handler, things in self._api_routes(_ANY_ID if prefix else _FILE_ID):
                self._add_route(prefix + pattern, handler, things)
        for pattern, handler, things in self._own_routes():
            self._add_route(pattern, handler, things)

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Give kernels their address and keys, now that the server's port is known."""
        if not self._is_assembled:
            return
        self._chores = [asyncio.create_task(self._purge())]
        if self.tune_memory:
            self._chores.append(asyncio.create_task(give_back_free_memory()))
            leave_alone_what_is_loaded()
        if serverapp.sock or not serverapp.port:
            where = "a UNIX socket" if serverapp.sock else "a port that it does not know"
            self.log.warning(
                "This server listens on %s, which OpenAI clients cannot reach: kernels are given "
                "no OPENAI_BASE_URL. Listen on a port of a fixed number to have it.",
                where,
            )
            return
        self._environment = KernelEnvironment(
            _url_for_kernels(serverapp), self._keys, self._running.stop_kernel
        )
        self._environment.put_fallback(os.environ)
        use_for_kernels(serverapp.kernel_manager, self._environment)

    async def stop_extension(self) -> None:
        """Close whatever is open: connections, child processes, the database."""
        if not self._is_assembled:
            return
        if self._environment:
            self._environment.remove_fallback(os.environ)
        for chore in self._chores:
            chore.cancel()
        await self._catalog.close()
        await self._documents.close()
        await self._database.close()

    def _add_route(self, pattern: str, handler: type, things: dict[str, Any]) -> None:
        self.handlers.append((f"/{pattern}", handler, {"door": self._door, **things}))

    def _api_routes(self, file_id: str) -> list[tuple[str, type, dict[str, Any]]]:
        files = {"files": self._files}
        return [
            ("chat/completions", ChatCompletionsHandler, self._chat_things),
            ("files", FilesHandler, {**files, "max_file_bytes": self.max_file_bytes}),
            (f"files/{file_id}", FileHandler, files),
            (f"files/{file_id}/content", FileContentHandler, files),
            ("models", ModelsHandler, {"catalog": self._catalog}),
            ("models/(.+)", ModelHandler, {"catalog": self._catalog}),
        ]

    def _own_routes(self) -> list[tuple[str, type, dict[str, Any]]]:
        setup = Setup(
            self._catalog,
            self._local_model,
            self._documents,
            self._notices,
            max_file_bytes=self.max_file_bytes,
        )
        running, store = {"running": self._running}, {"store": self._conversations}
        chat = self._chat_things
        return [
            ("aqueduct/status", StatusHandler, {"setup": setup}),
            ("aqueduct/usage", UsageHandler, {"ledger": self._ledger}),
            ("aqueduct/metrics", MetricsHandler, {"metrics": self._metrics}),
            (r"aqueduct/openapi\.json", OpenAPIHandler, {}),
            ("aqueduct/requests", RequestsHandler, running),
            (f"aqueduct/requests/{_ANY_ID}", RequestHandler, running),
            ("aqueduct/conversations", ConversationsHandler, store),
            (f"aqueduct/conversations/{_ANY_ID}", ConversationHandler, store),
            (f"aqueduct/conversations/{_ANY_ID}/export", ConversationExportHandler, store),
            (_DEPLOYMENT, ChatCompletionsHandler, chat),
            (f"(?:{_LIKE_OURS})(?:/.*)?", UnknownAddressHandler, {}),
            # A base URL with a slash too many.
            (f"(?:/+)(?:{_LIKE_OURS}|models|files)(?:/.*)?", UnknownAddressHandler, {}),
        ]

    @property
    def _chat_things(self) -> dict[str, Any]:
        return {"chat": self._chat, "max_body_bytes": self.max_body_bytes}

    def _is_alive(self, kernel_id: str) -> bool:
        return bool(self.serverapp and kernel_id in self.serverapp.kernel_manager)

    async def _purge(self) -> None:
        while True:
            try:
                await self._files.purge()
            except UnavailableError as error:
                self.log.warning("Expired files stay for now: %s", error)
            await asyncio.sleep(PURGE_SECONDS)


def _url_for_kernels(serverapp: Any) -> str:
    """Build the address under which a kernel on this machine reaches the server."""
    scheme = "https" if serverapp.certfile else "http"
    ip = serverapp.ip
    if ip in ("", "*", "0.0.0.0", "::"):  # noqa: S104  # compared with, not listened on
        ip = "127.0.0.1"
    host = f"[{ip}]" if ":" in ip else ip
    return f"{scheme}://{host}:{serverapp.port}{serverapp.base_url}".rstrip("/")
