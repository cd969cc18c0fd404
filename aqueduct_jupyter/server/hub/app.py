"""The hub's service: its settings, the gateway that it builds, its routes, its start and its end.

It runs on plain Tornado, without a Jupyter server, behind the hub's proxy. The handlers say what
each address does.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import secrets
import signal
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyter_core.paths import jupyter_data_dir
from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from traitlets import Float, Unicode, default, validate
from traitlets.config import Application as ConfiguredApplication

from ...gateway.entry import Entry
from ...gateway.gateway import Gateway
from ...gateway.requests.shared_limits import read_shared_limits
from ...gateway.settings import GatewaySettings
from ...gateway.stores.opening import FileLimits, Replica, Stores, open_folder, open_shared
from ...protocol.plain_text import plain_text
from ..http.serving import Serving
from ..memory import tune_memory
from ..settings import CheckedLater, GatewayTraits
from .authentication import HubAuthenticator
from .host import HubHost
from .routes import service_routes

__all__ = ["AqueductHub"]

DEFAULT_NAME = "aqueduct"
"""The name of the service in the hub's settings, unless the hub says another."""

MAX_UNREAD_BYTES = 2**20
"""Bytes of a body that nobody asks for: Tornado reads it before anything is known of its sender.
Handlers that take bodies set limits of their own."""

DEFAULT_URL = "http://127.0.0.1:10101"


class AqueductHub(GatewayTraits, ConfiguredApplication):
    """One gateway for all users of a JupyterHub, as its service."""

    name = "aqueduct-hub"

    bind_url = Unicode(
        help="""The address that the service listens on; by default the one that the hub gave to it
        (JUPYTERHUB_SERVICE_URL), or http://127.0.0.1:10101."""
    ).tag(config=True)
    prefix = Unicode(
        help="""The path above all addresses; by default the one that the hub gave to the service
        (JUPYTERHUB_SERVICE_PREFIX), or /services/aqueduct/."""
    ).tag(config=True)
    database_url = Unicode(
        help="""A PostgreSQL database for several replicas, such as
        postgresql://user:password@host/name; by default AQUEDUCT_DATABASE_URL. Without it, one
        process keeps everything in data_folder."""
    ).tag(config=True)
    objects_url = Unicode(
        help="""An object store for the bytes of files, such as s3://bucket/folder, gs://... or
        az://..., or the path of a folder that all replicas share. By default, they are in
        data_folder."""
    ).tag(config=True)
    limits = CheckedLater(
        {},
        help="""Budgets and models: {"user": budget, "kernel": budget, "agent": budget, "everyone":
        budget, "groups": {"students": {"member": budget, "together": budget, "models": [...]}},
        "models": [...], "max_tokens": 1024}. A budget may have requests_per_minute, _day and
        _month, tokens_per_minute, _day and _month, usd_per_day and _month, requests_in_flight and
        carry_over.""",
    ).tag(config=True)
    identity_seconds = Float(
        60.0,
        help="""How long, in seconds, the hub's answer about a token is trusted. For as long, a
        revoked token still works, and a known one works while the hub is away.""",
    ).tag(config=True)
    replica_seconds = Float(
        30.0,
        help="""After how many seconds without a sign of life a replica counts as dead. Another one
        then ends its requests and releases what they had reserved.""",
    ).tag(config=True)
    drain_seconds = Float(
        300.0,
        help="""How long, in seconds, running answers may go on after SIGTERM. The service takes no
        new requests then.""",
    ).tag(config=True)

    @default("bind_url")
    def _default_bind_url(self) -> str:
        return os.environ.get("JUPYTERHUB_SERVICE_URL") or DEFAULT_URL

    @default("prefix")
    def _default_prefix(self) -> str:
        return os.environ.get("JUPYTERHUB_SERVICE_PREFIX") or f"/services/{DEFAULT_NAME}/"

    @validate("prefix")
    def _with_slashes(self, proposal: Any) -> str:
        inner = str(proposal["value"]).strip("/")
        return f"/{inner}/" if inner else "/"

    @default("database_url")
    def _default_database_url(self) -> str:
        return os.environ.pop("AQUEDUCT_DATABASE_URL", "")

    @default("data_folder")
    def _default_data_folder(self) -> str:
        return str(Path(jupyter_data_dir(), "aqueduct"))

    @default("log_level")
    def _default_log_level(self) -> int:
        return 20

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, and for as long after it as answers run.

        Raises:
            ValueError: a setting is invalid; the message names it.
            OSError: the address cannot be listened on.
        """
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        settings = self.gateway_settings()
        gateway = Gateway(
            settings, os.environ, stores=self._open_stores(settings), finished=[self._report]
        )
        for notice in gateway.notices:
            self.log.warning(notice)
        hub = self._hub()
        host = HubHost(hub)
        serving = Serving(
            gateway,
            HubAuthenticator(hub, gateway.agent_keys, seconds=self.identity_seconds),
            host,
            base_url=self.prefix,
            writes_directly=self.direct_writes,
            log=self.log,
        )
        # A client's address and scheme come from the proxy in front of us.
        server = HTTPServer(
            self._application(serving), xheaders=True, max_body_size=MAX_UNREAD_BYTES
        )
        server.add_sockets(self._sockets())
        gateway.start()
        tuning = asyncio.create_task(tune_memory())
        self.log.info("The service listens on %s%s.", self.bind_url.rstrip("/"), self.prefix)
        await _signalled()
        await self._drain(server, host, gateway)
        tuning.cancel()
        await gateway.close()

    def _sockets(self) -> list[socket.socket]:
        url = urlsplit(self.bind_url)
        try:
            return bind_sockets(url.port or 80, url.hostname)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OSError(
                error.errno,
                f"The service cannot listen on {self.bind_url}: {reason}. Another address is set "
                "with c.AqueductHub.bind_url; the hub sets that of a service with a command, as "
                "its url.",
            ) from error

    async def _drain(self, server: HTTPServer, host: HubHost, gateway: Gateway) -> None:
        """Let what runs come to its end, for a time; a second signal ends it at once."""
        server.stop()
        self.log.info("The service takes no new requests, and ends when the running ones have.")
        # An open page follows its conversation all the time; it begins again at another replica.
        gateway.chats.reading.end_listening()
        again = asyncio.create_task(_signalled())
        ended = asyncio.create_task(_ended(host, gateway))
        done, _ = await asyncio.wait(
            (ended, again), timeout=self.drain_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if ended not in done:
            self.log.warning("The service ends although requests, or their rows, are not done.")
        for left in (again, ended):
            left.cancel()
        await server.close_all_connections()

    def _hub(self) -> HubOAuth:
        name = os.environ.get("JUPYTERHUB_SERVICE_NAME") or DEFAULT_NAME
        named: dict[str, Any] = {}
        if not os.environ.get("JUPYTERHUB_OAUTH_ACCESS_SCOPES"):
            named["access_scopes"] = {f"access:services!service={name}"}
        if not os.environ.get("JUPYTERHUB_CLIENT_ID"):
            named["oauth_client_id"] = f"service-{name}"
        hub = HubOAuth(parent=self, base_url=self.prefix, api_token=self._token(), **named)
        if hub.has_trait("pkce_enabled"):
            # What it remembers, the replica that ends a login may not know.
            hub.pkce_enabled = False
        return hub

    def _token(self) -> str:
        """Return the service's own token of the hub.

        Raises:
            ValueError: there is none.
        """
        if not (token := os.environ.get("JUPYTERHUB_API_TOKEN", "")):
            raise ValueError(
                "The service has no token of the hub. Set JUPYTERHUB_API_TOKEN to the api_token "
                "of the service in c.JupyterHub.services."
            )
        return token

    def _open_stores(self, settings: GatewaySettings) -> Stores:
        limits = FileLimits(
            settings.max_file_bytes, settings.max_total_file_bytes, settings.file_expiry_seconds
        )
        name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        replica = Replica(name, self.replica_seconds)
        if not self.database_url:
            return open_folder(
                settings.data_folder,
                limits,
                response_expiry_seconds=settings.response_expiry_seconds,
                notify=self.log.warning,
                replica=replica,
            )
        if not self.objects_url:
            self.log.warning(
                "database_url is set, but objects_url is not: each replica keeps the bytes of "
                "files in a folder of its own, where the others do not find them. Set "
                "c.AqueductHub.objects_url to an object store or to a folder that all share."
            )
        return open_shared(
            self.database_url,
            self.objects_url,
            settings.data_folder,
            limits,
            replica=replica,
            response_expiry_seconds=settings.response_expiry_seconds,
        )

    def read_limits(self, section: str) -> dict[str, Any]:
        """Return the limits, as the arguments of the gateway's settings.

        Args:
            section: the name of the configuration's section, for messages.

        Raises:
            ValueError: they are invalid; the message names the option.
        """
        return {"shared_limits": read_shared_limits(self.limits, section)}

    def _application(self, serving: Serving) -> Application:
        # All replicas have the hub's token for the service, so each reads the others' cookies.
        secret = hmac.digest(self._token().encode(), b"cookies", "sha256")
        return Application(
            list(service_routes(serving)), log_function=self._log_response, cookie_secret=secret
        )

    def _log_response(self, handler: RequestHandler) -> None:
        request, status = handler.request, handler.get_status()
        # Without the query, which may contain what nobody should read in a log.
        level = self.log.debug if status < 500 else self.log.warning
        milliseconds = round(1000 * request.request_time())
        level("%d %s %s %dms", status, request.method, plain_text(request.path), milliseconds)

    def _report(self, entry: Entry) -> None:
        self.log.info("request %s", json.dumps({"owner": entry.owner, **entry.report()}))


async def _ended(host: HubHost, gateway: Gateway) -> None:
    """Wait for all answers, and for a database that is away and has not got their rows."""
    await asyncio.gather(host.drain(), gateway.running.ended())
    await gateway.ledger.written()


async def _signalled() -> None:
    """Wait for SIGTERM or SIGINT."""
    received, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received.set)
    await received.wait()
