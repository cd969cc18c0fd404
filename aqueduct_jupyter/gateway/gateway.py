"""The gateway as one object, built from settings, stores and an environment.

HTTP and authentication are in the server. No file, connection or process is opened before it is
needed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, MutableMapping, Sequence

from ..protocol.errors import UnavailableError
from .configured_upstreams import (
    configured_upstreams,
    find_local_model,
    no_model,
    own_upstreams,
)
from .connected_services import ConnectedServices
from .documents.attachments import Attachments
from .documents.reader import DocumentReader
from .entry import Entry
from .key_files import KeyFiles
from .model_setup import ModelSetup
from .prices.prices import Prices
from .requests.administration import Administration
from .requests.admission import Admission
from .requests.agent_keys import AgentKeyring, AgentKeys
from .requests.background import BackgroundResponses
from .requests.chats import Chats
from .requests.forwarding import Forwarding
from .requests.keys import KernelKeys
from .requests.limits import Budgets, Keeper
from .requests.metrics import Metrics
from .requests.running import RunningRequests
from .requests.shared_agent_keys import SharedAgentKeys
from .requests.shared_budgets import SharedBudgets
from .requests.shared_running import SharedRunning
from .requests.turns import Turns
from .settings import GatewaySettings
from .stores.opening import FileLimits, Stores, open_folder
from .upstreams.catalog import Catalog
from .upstreams.deployments import read_deployments
from .upstreams.upstream import Upstream

__all__ = ["Gateway"]

PURGE_SECONDS = 3600.0
"""Seconds between two removals of expired files; they are invisible as soon as they expire."""

KEY_FILES_SECONDS = 10.0
"""How often it is checked whether an upstream's key file has changed, in seconds."""

_log = logging.getLogger(__name__)


class Gateway:
    """The gateway of one server.

    Args:
        settings: the operator's settings.
        environment: may contain upstreams' keys. Variables that are read are removed, because every
            kernel can read the server's variables.
        stores: the stores; by default, those in the settings' data folder.
        finished: called with each finished request, in addition to the ledger and the metrics.

    Attributes:
        notices: messages for the operator: invalid settings, missing models, damaged databases.
        no_model: the one of them that says that there is no model.
        catalog: the upstreams and their models.
        local_model: the embedded model, if there is one.
        setup: sets models up while the server runs.
        files, ledger, conversations, responses, response_conversations: the stores.
        running: the running requests.
        administration: what administrators see and do; None on a single server.
        budgets: the budgets of users, kernels and agents.
        documents: the document reader.
        metrics: the metrics.
        forwarding: answers the requests of all operations.
        background: answers those that are to be answered in the background.
        chats: the stored conversations in use: asks in them, and tells of every change.
        keys: the keys of kernels.
        agent_keys: the keys of agents.
    """

    key_files_seconds = KEY_FILES_SECONDS

    def __init__(
        self,
        settings: GatewaySettings,
        environment: MutableMapping[str, str],
        *,
        stores: Stores | None = None,
        finished: Sequence[Callable[[Entry], None]] = (),
    ) -> None:
        self.settings = settings
        self.no_model = no_model(settings.section)
        self.notices: list[str] = []
        self.local_model = find_local_model(
            settings.data_folder, settings.local_model_path, self.notices
        )
        services = ConnectedServices(settings.data_folder, self.notices)
        # What the operator configures comes before a service of the same name.
        configured = {**services.read(), **settings.upstreams}
        self._configured = configured_upstreams(configured, environment, self.notices)
        self._key_files = KeyFiles(settings.upstreams)
        self.catalog = Catalog(
            self._all_upstreams(),
            aliases=settings.aliases,
            deployments=read_deployments(settings.deployments, settings.aliases, self.notices),
            default_model=settings.default_model,
            allowed=_allowed(settings),
        )
        self._missing = self.catalog.missing_deployments()
        self.notices += self._missing
        self.setup = ModelSetup(
            settings.data_folder,
            services,
            is_allowed=settings.set_up_in_chat,
            configured=frozenset(settings.upstreams),
            connected=self._connect,
            disconnected=self._disconnect,
            downloaded=self._take_local_model,
        )
        self._stores = stores or open_folder(
            settings.data_folder,
            _file_limits(settings),
            response_expiry_seconds=settings.response_expiry_seconds,
            notify=self.notices.append,
        )
        self.files = self._stores.files
        self.ledger = self._stores.ledger
        self.conversations = self._stores.conversations
        self.responses = self._stores.responses
        self.response_conversations = self._stores.response_conversations
        self.running, self.administration = self._running_requests()
        self.documents = DocumentReader()
        self.metrics = Metrics(self.running, lambda: self.local_model, self.catalog.groups)
        self.keys = KernelKeys()
        shared_keys = self._stores.agent_keys
        self.agent_keys: AgentKeyring = (
            AgentKeys() if shared_keys is None else SharedAgentKeys(shared_keys)
        )
        self._prices = Prices(settings.prices)
        self.budgets = self._budgets()
        admission = Admission(
            self.catalog_for,
            self.budgets,
            self.agent_keys,
            self.running,
            self._prices,
            finished=[
                self.ledger.record,
                self.metrics.record,
                self.agent_keys.record,
                *finished,
            ],
            policy=settings.policy,
            max_tokens=settings.shared_limits.max_tokens or settings.limits.max_tokens,
        )
        turns = Turns(self.responses, self.response_conversations)
        self.forwarding = Forwarding(admission, Attachments(self.files, self.documents), turns)
        age = self._stores.database.age
        self.background = BackgroundResponses(self.forwarding, self.responses, turns, age=age)
        self.chats = Chats(self.forwarding, self.conversations, age=age)
        if isinstance(self.running, SharedRunning):
            self.running.changed_elsewhere = self.chats.reading.look_again
        self._chores: list[asyncio.Task[None]] = []

    def catalog_for(self, groups: frozenset[str]) -> Catalog:
        """Return the models that members of these groups may use; without a hub, all are equal."""
        limits = self.settings.shared_limits
        if not any(group.models is not None for group in limits.groups.values()):
            return self.catalog
        return self.catalog.with_allowed(limits.models_of(groups))

    def start(self) -> None:
        """Start the periodic work; call this on the event loop."""
        self._chores = [
            asyncio.create_task(self._purge()),
            asyncio.create_task(self._watch_key_files()),
        ]
        self.running.start()

    async def close(self) -> None:
        """Close connections, child processes and stores."""
        for chore in self._chores:
            chore.cancel()
        await self.setup.close()
        await self.background.close()
        await self.chats.close()
        await self.catalog.close()
        await self.documents.close()
        await self._prices.close()
        await self.running.close()
        await self._stores.close()

    def _running_requests(self) -> tuple[RunningRequests, Administration | None]:
        stores = self._stores
        if stores.running is None or stores.administration is None:
            return RunningRequests(), None
        running = SharedRunning(stores.running, stores.database)
        administration = Administration(stores.administration, running)
        running.beaten = administration.refresh
        return running, administration

    def _budgets(self) -> Keeper:
        settings, store, administration = self.settings, self._stores.running, self.administration
        if store is None or administration is None:
            return Budgets(settings.limits, self.ledger, self.running)
        return SharedBudgets(settings.shared_limits, store, lambda: administration.changed)

    def _all_upstreams(self) -> list[Upstream]:
        """Return all upstreams, and say it in the notices if there is no model."""
        settings, found = self.settings, self._configured
        has_others = bool(found or settings.upstreams)
        own = own_upstreams(
            self.local_model,
            has_others=has_others,
            is_local_chosen=bool(settings.local_model_path),
            lists_demo=settings.demo_models,
        )
        self.notices[:] = [notice for notice in self.notices if notice != self.no_model]
        if not has_others and self.local_model is None:
            self.notices.append(self.no_model)
        taken = {upstream.name for upstream in found} | set(settings.upstreams)
        return found + [upstream for upstream in own if upstream.name not in taken]

    def _change_upstreams(self) -> None:
        self.catalog.change(self._all_upstreams())
        missing = self.catalog.missing_deployments()
        self.notices[:] = [notice for notice in self.notices if notice not in self._missing]
        self.notices += missing
        self._missing = missing

    def _connect(self, upstream: Upstream) -> None:
        found = {other.name: other for other in self._configured}
        # In its old place, if it has one: the first upstream that lists a name is asked for it.
        self._configured = [*{**found, upstream.name: upstream}.values()]
        self._change_upstreams()

    def _disconnect(self, name: str) -> None:
        self._configured = [other for other in self._configured if other.name != name]
        self._change_upstreams()

    def _take_local_model(self) -> None:
        settings = self.settings
        self.local_model = find_local_model(
            settings.data_folder, settings.local_model_path, self.notices
        )
        self._change_upstreams()

    async def _watch_key_files(self) -> None:
        while True:
            await asyncio.sleep(self.key_files_seconds)
            try:
                for name in await asyncio.to_thread(self._key_files.changed):
                    self._read_key_again(name)
            except Exception:  # whatever it is, the next key is read all the same
                _log.exception("The keys of upstreams were not read again.")

    def _read_key_again(self, name: str) -> None:
        notices: list[str] = []
        for upstream in configured_upstreams({name: self.settings.upstreams[name]}, {}, notices):
            self._connect(upstream)
            _log.info("The key of the upstream '%s' was read again.", name)
        for notice in notices:
            _log.warning("%s The key that it had is still used.", notice)

    async def _purge(self) -> None:
        while True:
            try:
                await self.files.purge()
                await self.responses.purge()
                await self.response_conversations.purge()
            except UnavailableError as error:
                _log.warning("Expired files and responses were not removed: %s", error)
            except Exception:  # the next hour comes all the same
                _log.exception("Expired files and responses were not removed.")
            await asyncio.sleep(PURGE_SECONDS)


def _allowed(settings: GatewaySettings) -> Collection[str] | None:
    shared = settings.shared_limits.models
    return settings.limits.models if shared is None else shared


def _file_limits(settings: GatewaySettings) -> FileLimits:
    return FileLimits(
        settings.max_file_bytes, settings.max_total_file_bytes, settings.file_expiry_seconds
    )
