"""The running requests: list, count and stop them.

Requests are answered in :mod:`.forwarding` and recorded in the ledger.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from ...protocol.errors import NotFoundError, RequestStoppedError
from ..entry import Caller, Entry

__all__ = ["LONGEST_CLIENT_ID", "RunningRequests", "no_such_request"]

LONGEST_CLIENT_ID = 512
"""Characters of a client's own request id; the API's limit."""


@dataclass(slots=True)
class _Running:
    entry: Entry
    task: asyncio.Task[Any]
    is_stopped: bool = False

    def is_of(self, caller: Caller) -> bool:
        # The server's token identifies its owner; a kernel sees only its own requests.
        return self.entry.owner == caller.owner and caller.kernel in (None, self.entry.kernel)

    def stop(self) -> bool:
        # A complete answer cannot be stopped, and its stream must not get a second end.
        if not self.entry.is_answered:
            self.is_stopped = True
            self.task.cancel()
        return self.is_stopped

    def summary(self) -> dict[str, Any]:
        entry = self.entry
        return {
            "id": entry.request_id,
            "object": "request",
            "client_request_id": entry.client_id,
            "model": entry.model,
            "upstream": entry.upstream,
            "kernel": entry.kernel,
            "is_stream": entry.is_stream,
            "started_at": round(entry.time, 3),
            "seconds": round(perf_counter() - entry.started, 1),
            "state": "waiting" if entry.first_token_ms is None else "answering",
        }


class RunningRequests:
    """The requests that are running in this server."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}

    @contextmanager
    def running(self, entry: Entry) -> Iterator[None]:
        """List the current task's request as running, so that it can be stopped.

        Args:
            entry: the request.

        Raises:
            RequestStoppedError: it was stopped.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A request must run in a task.")
        running = self._running[entry.request_id] = _Running(entry, task)
        try:
            yield
        except asyncio.CancelledError:
            if not running.is_stopped:
                raise
            task.uncancel()
            raise RequestStoppedError("The request was stopped.") from None
        finally:
            del self._running[entry.request_id]

    def list_here(self, caller: Caller) -> list[dict[str, Any]]:
        """List a caller's requests of this process, the oldest first."""
        return [running.summary() for running in self._running.values() if running.is_of(caller)]

    def count(self, caller: Caller, *, since: float = float("-inf")) -> int:
        """Count the admitted and running requests of an owner, or of one kernel.

        Args:
            caller: the owner or the kernel.
            since: count only requests that began at or after this time, in seconds since 1970.
        """
        return sum(
            running.entry.is_admitted and running.entry.time >= since and running.is_of(caller)
            for running in self._running.values()
        )

    def start(self) -> None:
        """Start what runs beside requests; here, nothing."""

    async def close(self) -> None:
        """End what :meth:`start` started."""

    async def ended(self) -> None:
        """Wait until no request is running."""
        while self._running:
            await asyncio.wait({running.task for running in self._running.values()})

    def by_upstream(self) -> Counter[str | None]:
        """Count running requests by upstream; None if the upstream is not known yet."""
        return Counter(running.entry.upstream for running in self._running.values())

    def stop_kernel(self, kernel: str) -> None:
        """Stop all requests of a kernel that ended or restarts, or of an agent."""
        for running in self._running.values():
            if running.entry.kernel == kernel:
                running.stop()

    async def list_all(self, caller: Caller) -> list[dict[str, Any]]:
        """List a caller's running requests, in whichever process they run."""
        return self.list_here(caller)

    async def stop_anywhere(self, caller: Caller, request_id: str) -> str:
        """Stop a request, in whichever process it runs.

        Args:
            caller: who stops it.
            request_id: this server's id for it, or the client's own.

        Returns:
            This server's id.

        Raises:
            NotFoundError: the caller has no running request with this id; it may have just ended.
        """
        if (stopped := self.find_and_stop(caller, request_id)) is not None:
            return stopped
        raise no_such_request(request_id)

    def find_and_stop(self, caller: Caller, request_id: str) -> str | None:
        """Stop a request of this process, and return its id; None if there is none."""
        for running in self._running.values():
            ids = (running.entry.request_id, running.entry.client_id)
            if request_id in ids and running.is_of(caller) and running.stop():
                return running.entry.request_id
        return None

    def stop_here(self, request_id: str) -> None:
        """Stop a request of this process, if it is still running."""
        if running := self._running.get(request_id):
            running.stop()


def no_such_request(request_id: str) -> NotFoundError:
    """Return the error for a request that is not running."""
    return NotFoundError(
        f"No request '{request_id[:80]}' is running; it may have just ended. List the running "
        "requests with GET aqueduct/requests.",
        code="request_not_found",
    )
