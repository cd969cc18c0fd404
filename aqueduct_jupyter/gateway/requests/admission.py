"""The steps that every request goes through, in order, and its record in the ledger.

A request is read, the operator's policy and limits are applied, budgets are checked, and its model
is resolved. However it ends, it is recorded. The caller has been authenticated before; the
operation makes the upstream request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from ...protocol.errors import AqueductError
from ...protocol.requests import APIRequest
from ..encoding import decode_json
from ..entry import Caller, Entry
from ..offload import off_the_loop
from ..policy import Policy, apply_policy
from ..prices.price import Price
from ..prices.prices import Prices
from ..upstreams.catalog import Catalog
from ..upstreams.deployments import Route
from .agent_keys import AgentKeyring
from .answers import ClientLeftError
from .forms import decode_form
from .limits import Keeper, bounded
from .operation import Operation
from .running import RunningRequests
from .turns import Turn

__all__ = ["Accepted", "Admission", "Admitted", "Asking"]

EXPECTED_TOKENS = 1000
"""How many tokens an answer is expected to have whose request sets no limit."""

MOST_EXPECTED_TOKENS = 8000
"""How many tokens an answer is expected to have at most: clients set limits that none reaches."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that is about to be sent upstream.

    Args:
        turn: what it continues; None if its API has no such thing.
        model: the name of its model.
        headers: response headers that say what is left of the caller's budgets.
    """

    turn: Turn | None
    model: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as it arrives.

    Args:
        pieces: the body from the client, split anywhere; the list is emptied.
        caller: who sent it.
        request_id: this server's id for the request.
        client_request_id: the client's own id, if it sent one.
        model: the model, which overrides the one in the body; None to use the body's.
        is_repeated: whether this is a client's own retry; it is then sent upstream only once.
        content_type: the body's content type.
        headers: the client's headers that go upstream, with names in lower case.
        conversation: the id of the conversation that it belongs to, if this server keeps it.
        accepted: called when the request is about to be sent, by who keeps the answer itself.
    """

    pieces: list[bytes]
    caller: Caller
    request_id: str
    client_request_id: str | None = None
    model: str | None = None
    is_repeated: bool = False
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    conversation: str | None = None
    accepted: Callable[[Accepted], Awaitable[None]] | None = None


@dataclass(slots=True)
class Admitted:
    """A request that may be sent upstream.

    Args:
        request: the request after policy and limits were applied.
        route: the upstream and its model.
        headers: response headers that say what is left of the caller's budgets.
        size: the size of its body, in bytes.
        tokens: its estimated tokens.
    """

    request: APIRequest
    route: Route
    headers: Mapping[str, str]
    size: int
    tokens: int


class Admission:
    """Admits requests, step by step.

    Args:
        catalog_for: returns the models that members of groups may use.
        budgets: the budgets of users, kernels and agents.
        max_tokens: the limit of the tokens of an answer, if there is one.
        agent_keys: the agents' keys, which may have limits of their own.
        running: the running requests, which can be stopped from elsewhere.
        prices: the prices of models.
        finished: called with each finished request, however it ended.
        policy: the operator's own rules, if there are any.
    """

    def __init__(
        self,
        catalog_for: Callable[[frozenset[str]], Catalog],
        budgets: Keeper,
        agent_keys: AgentKeyring,
        running: RunningRequests,
        prices: Prices,
        finished: Sequence[Callable[[Entry], None]],
        policy: Policy | None = None,
        max_tokens: int | None = None,
    ) -> None:
        self._catalog_for = catalog_for
        self._budgets = budgets
        self._agent_keys = agent_keys
        self._running = running
        self._prices = prices
        self._finished = tuple(finished)
        self._policy = policy
        self._max_tokens = max_tokens

    @contextmanager
    def entered(self, operation: Operation, asking: Asking) -> Iterator[Entry]:
        """List a request as running, and record it once it is finished.

        Raises:
            RequestStoppedError: the request was stopped.
        """
        caller = asking.caller
        entry = Entry(
            asking.request_id,
            caller.owner,
            caller.kernel,
            api=operation.name,
            groups=caller.groups,
            client_id=asking.client_request_id,
        )
        try:
            with self._running.running(entry):
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
        """Read a request and admit it.

        Raises:
            AqueductError: it is refused; the error says why.
        """
        size = sum(map(len, asking.pieces))
        request = await off_the_loop(size, _read, operation, asking)
        entry.model, entry.is_stream = request.model, _streams(operation, request)
        request = await apply_policy(self._policy, operation.read, request, asking.caller, size)
        entry.is_stream = _streams(operation, request)
        request = bounded(request, operation.length_fields, self._max_tokens)
        await self._agent_keys.admit(entry)
        route = await self._catalog_for(entry.groups).resolve(request.model)
        self.choose(operation, request.model, route, entry)
        tokens = await off_the_loop(size, operation.count_input, request)
        headers = await self._budgets.admit(entry, partial(_expected, operation, request, tokens))
        return Admitted(request, route, headers, size, tokens)

    async def priced(self, route: Route) -> None:
        """Wait for the price of a model that has just been used for the first time."""
        await self._prices.known(route.upstream.settings.base_url, route.model)

    def choose(self, operation: Operation, name: str | None, route: Route, entry: Entry) -> None:
        """Note which upstream and model a request is sent to, and find the model's price.

        Args:
            operation: the operation.
            name: the client's name for the model, if it gave one.
            route: the upstream and its model.
            entry: the request.
        """
        entry.model, entry.upstream = route.model, route.upstream.name
        entry.upstream_api = entry.price = None
        if not operation.has_json:  # other answers never say how many tokens they took
            return

        def give(price: Price | None) -> None:
            # It may come after another deployment was chosen.
            if (entry.model, entry.upstream) == (route.model, route.upstream.name):
                entry.price = price

        own = (route.full_name, route.model)
        # Deployments of one name may have prices of their own.
        names = (name, *own) if route.group is None else (*own, name, route.group.name)
        self._prices.get(names, route.model, route.upstream.settings.base_url, give)


# A model may think for minutes, so large bodies are freed as soon as possible, and in the thread
# that works on them, because freeing megabytes takes time.
def _read(operation: Operation, asking: Asking) -> APIRequest:
    body = b"".join(asking.pieces)
    asking.pieces.clear()
    fields = decode_form(body, asking.content_type) if operation.is_form else decode_json(body)
    return operation.read(fields if asking.model is None else {**fields, "model": asking.model})


def _expected(operation: Operation, request: APIRequest, tokens: int) -> tuple[int, int]:
    """Return the tokens that will be read and written; who counts tokens uses none."""
    if operation.count_here is not None:
        return 0, 0
    asked = [request.body.get(name) for name in operation.length_fields]
    most = max((value for value in asked if isinstance(value, int)), default=EXPECTED_TOKENS)
    return tokens, min(most, MOST_EXPECTED_TOKENS) if asked else 0


def _streams(operation: Operation, request: APIRequest) -> bool:
    return operation.stream is not None and request.is_stream
