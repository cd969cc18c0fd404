"""The steps that every request goes through, in their order, and the row that it leaves.

A request is read, the operator's policy and limits are applied, budgets are asked, and its model is
resolved. Whichever way it ends, the ledger and whoever else wants to know are told. Who asks was
found out before; what is asked of the upstream is left to the operation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ...protocol.chat import ChatRequest
from ...protocol.errors import AqueductError
from ..encoding import decode_json
from ..entry import Caller, Entry
from ..offload import off_the_loop
from ..policy import Policy, apply_policy
from ..upstreams.catalog import Catalog, Route
from .answers import ClientLeftError
from .limits import Budgets
from .operation import Operation
from .running import RunningRequests

__all__ = ["Admission", "Admitted", "Asking"]


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as it comes in.

    Args:
        pieces: the JSON body as the client sent it, cut anywhere; no piece is left in the list.
        caller: who asks.
        request_id: this server's id of the request.
        client_request_id: the client's own, where it has one.
        model: who is asked, whatever the body says; None where the body says it.
        is_repeated: the client tries again by itself, so the upstream is asked once.
    """

    pieces: list[bytes]
    caller: Caller
    request_id: str
    client_request_id: str | None = None
    model: str | None = None
    is_repeated: bool = False


@dataclass(slots=True)
class Admitted:
    """A request that may be asked.

    Args:
        request: what is asked, as policy and limits left it.
        route: which upstream's model.
        headers: what is left of the caller's budgets, for the response.
        size: the bytes of the body that it came in.
    """

    request: ChatRequest
    route: Route
    headers: Mapping[str, str]
    size: int


class Admission:
    """Lets requests in, one step after the other.

    Args:
        catalog: which models there are.
        budgets: who is let in.
        running: where a request is while it runs, to be stopped from elsewhere.
        finished: told of each request that is over, whichever way: the ledger, and others.
        policy: the operator's own rules, if there are any.
    """

    def __init__(
        self,
        catalog: Catalog,
        budgets: Budgets,
        running: RunningRequests,
        finished: Sequence[Callable[[Entry], None]],
        policy: Policy | None = None,
    ) -> None:
        self._catalog = catalog
        self._budgets = budgets
        self._running = running
        self._finished = tuple(finished)
        self._policy = policy

    @contextmanager
    def entered(self, asking: Asking) -> Iterator[Entry]:
        """Have a request among those that run, and in the ledger once it is over.

        Raises:
            RequestStoppedError: somebody stopped it.
        """
        entry = Entry(asking.request_id, asking.caller.owner, asking.caller.kernel)
        try:
            with self._running.running(entry, asking.client_request_id):
                yield entry
        except AqueductError as error:
            entry.fail(error)
            raise
        except (asyncio.CancelledError, ClientLeftError):
            entry.cancel()
            raise
        finally:
            entry.finish()
            for record in self._finished:
                record(entry)

    async def admit(self, operation: Operation, asking: Asking, entry: Entry) -> Admitted:
        """Read a request and let it in.

        Raises:
            AqueductError: it is refused; the error says by what.
        """
        size = sum(map(len, asking.pieces))
        request = await off_the_loop(size, _read, operation, asking.pieces, asking.model)
        entry.model, entry.is_stream = request.model, request.is_stream
        request = await apply_policy(self._policy, operation.read, request, asking.caller, size)
        entry.is_stream = request.is_stream
        request = self._budgets.bounded(request)
        headers = await self._budgets.admit(entry)
        route = await self._catalog.resolve(request.model)
        entry.model, entry.upstream = route.model, route.upstream.name
        return Admitted(request, route, headers, size)


# A model may think for minutes, and giving megabytes back to the system takes the time of the
# thread that does it: what is not needed any more is let go of where the work on it is done.
def _read(operation: Operation, pieces: list[bytes], model: str | None) -> ChatRequest:
    body = b"".join(pieces)
    pieces.clear()
    fields = decode_json(body)
    return operation.read(fields if model is None else {**fields, "model": model})
