"""The running requests of all replicas of a hub's service: list and stop them from any replica.

Each replica looks every few seconds, or when another wakes it, which of its requests were stopped
elsewhere. The rows are in :mod:`aqueduct_jupyter.gateway.stores.running_requests`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from ...protocol.errors import UnavailableError
from ..entry import Caller
from ..stores.database import Database
from ..stores.notices import STOPPED, conversation_in
from ..stores.running_interfaces import RunningStore
from .running import RunningRequests, no_such_request

__all__ = ["SharedRunning"]

BEAT_SECONDS = 2.0
"""How often a replica shows that it lives, in seconds, and how late it hears of a stop at most."""

SWEEP_SECONDS = 10.0
"""How often it looks for replicas that died, in seconds."""

_log = logging.getLogger(__name__)


class SharedRunning(RunningRequests):
    """The requests that run in this replica, and those of all others.

    Args:
        store: the rows of all replicas.
        database: tells when another replica has stopped a request.

    Attributes:
        beaten: called at each sign of life, to read again what others may have changed.
        changed_elsewhere: called with the owner and the id of a conversation that another replica
            has changed.
    """

    beat_seconds = BEAT_SECONDS
    sweep_seconds = SWEEP_SECONDS

    def __init__(self, store: RunningStore, database: Database) -> None:
        super().__init__()
        self._store = store
        self._database = database
        self._beating: asyncio.Task[None] | None = None
        self._swept_at = self._seen_at = float("-inf")
        self._steady_since = float("inf")
        self._forgotten: set[str] = set()
        self.beaten: Callable[[], Awaitable[None]] = _nothing
        self.changed_elsewhere: Callable[[str, str], None] = _ignore

    def start(self) -> None:
        """Start to show signs of life."""
        self._beating = asyncio.create_task(self._beat())

    async def close(self) -> None:
        """Note that this replica has ended."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
            try:
                await self._store.leave()
            except Exception as error:  # whatever it is, the rest is closed all the same
                _log.warning("The others find out by themselves that this replica ends: %s", error)

    async def list_all(self, caller: Caller) -> list[dict[str, Any]]:
        """List a caller's running requests in all replicas, the oldest first."""
        here = {request["id"]: request for request in self.list_here(caller)}
        everywhere = {request["id"]: request for request in await self._store.list_of(caller)}
        # What runs here is known better here.
        found = {**everywhere, **here}
        return sorted(found.values(), key=lambda request: float(request["started_at"]))

    async def stop_anywhere(self, caller: Caller, request_id: str) -> str:
        """Stop a request, in whichever replica it runs."""
        if (stopped := self.find_and_stop(caller, request_id)) is not None:
            return stopped
        if (stopped := await self._store.stop(caller, request_id)) is not None:
            return stopped
        raise no_such_request(request_id)

    async def list_everyones(self) -> list[dict[str, Any]]:
        """List the running requests of all users, the oldest first."""
        return await self._store.list_of(None)

    async def stop_anyones(self, request_id: str) -> str | None:
        """Stop a request of any user, and return its id; None if there is none."""
        self.stop_here(request_id)
        return await self._store.stop(None, request_id)

    async def _beat(self) -> None:
        while True:
            began_at = monotonic()
            # Whatever fails, the next sign of life must come, or this replica counts as dead.
            try:
                await self._show_life()
            except UnavailableError as error:
                _log.warning("This replica cannot show that it lives: %s", error)
            except Exception:
                _log.exception("A sign of life has failed.")
            try:
                await self.beaten()
                await self._listen()
            except Exception:
                _log.exception("What others have changed was not read.")
                await asyncio.sleep(max(0.0, began_at + self.beat_seconds - monotonic()))

    async def _show_life(self) -> None:
        await self._look()
        now, before = monotonic(), self._seen_at
        self._seen_at = now
        # While the database was away, nobody could show a sign of life. So nobody counts as dead
        # before all have had the time for one.
        dead_seconds = self._store.dead_seconds
        if now - before > max(dead_seconds / 3, 2 * self.beat_seconds):
            self._steady_since = now
        is_steady = now - self._steady_since >= dead_seconds
        if is_steady and now - self._swept_at >= self.sweep_seconds:
            self._swept_at = now
            if lost := await self._store.sweep():
                _log.warning("%d requests of a replica that died were ended.", lost)

    async def _look(self) -> None:
        """Stop the requests that were stopped elsewhere, and give up those that nobody will end."""
        own = await self._store.show_life()
        for request_id, is_stopped in own.items():
            if is_stopped:
                self.stop_here(request_id)
        # A request runs here before it has a row. One that has ended is settled at once; if it is
        # not, the database began it after all, and nobody was told.
        forgotten = own.keys() - self._running.keys()
        if given_up := [*forgotten & self._forgotten]:
            _log.warning("%d requests that have ended were given up.", len(given_up))
            await self._store.give_up(given_up)
        self._forgotten = forgotten

    async def _listen(self) -> None:
        """Tell of what other replicas have changed, until it is time for a sign of life."""
        end = monotonic() + self.beat_seconds
        while (left := end - monotonic()) > 0:
            notices = await self._database.wait_for_notices(left)
            for changed in filter(None, map(conversation_in, notices)):
                if changed.replica != self._store.replica:
                    self.changed_elsewhere(changed.owner, changed.conversation)
            if STOPPED in notices:
                return


def _ignore(owner: str, conversation_id: str) -> None:
    """Tell nobody."""


async def _nothing() -> None:
    return
