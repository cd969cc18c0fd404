"""This file is the catalog: a model's name -> the upstream that has it, and the name it has there.

Asking the upstream is left to :mod:`.upstream`. A name is resolved in this order:

1. an alias stands for its target;
2. ``upstream/model`` names both, also where the upstream does not list that model;
3. a name that an upstream lists is that upstream's; of several, the one configured first;
4. with one upstream that tells no list, every name is passed on to it.

A model is listed under its bare name where that name resolves to it and no other upstream has the
same one, else as ``upstream/model``. So every listed name resolves to the model it was listed for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ...protocol.errors import (
    AqueductError,
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
)
from ...protocol.models import Model, ModelList
from .upstream import Upstream

__all__ = ["Catalog", "Route"]

LIST_LIFETIME = 60.0
"""Seconds for which an upstream's list is believed."""

RETRY_LIST_AFTER = 5.0
"""Seconds before an upstream that gave no list, or not the name asked for, is asked again."""

LIST_PATIENCE = 3.0
"""Seconds that a list of all models waits for slow upstreams; theirs come with a later list."""

CLOSE = 0.6
"""How much of a name must be the same for it to be suggested, 0 to 1; below that it is no help."""

LONGEST_COMPARED = 100
MOST_COMPARED = 500
"""Characters of a name, and how many names, that are compared with one that is unknown."""

MOST_NAMES = 5
"""How many names a message suggests."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """A model's name resolved: which upstream, and which of its models."""

    upstream: Upstream
    model: str


@dataclass(slots=True)
class _Listing:
    """What one upstream said last, and when; ``error`` where it did not answer."""

    models: Sequence[Model] = ()
    error: AqueductError | None = None
    asked_at: float = float("-inf")


class Catalog:
    """All models that clients may name.

    Args:
        upstreams: in the operator's order.
        aliases: other names, each for a name that resolves.
        default_model: the model of requests that name none.
        allowed: the only names that may be asked and are listed; None for all.
        clock: seconds that only grow; for tests.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        *,
        aliases: Mapping[str, str] | None = None,
        default_model: str | None = None,
        allowed: Collection[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.upstreams = tuple(upstreams)
        self.aliases = dict(aliases or {})
        self._by_name = {upstream.name: upstream for upstream in self.upstreams}
        self._default_model = default_model
        self._allowed = allowed
        self._clock = clock
        self._listed = [upstream for upstream in self.upstreams if upstream.is_listed]
        self._listings = {upstream.name: _Listing() for upstream in self._listed}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def resolve(self, name: str | None) -> Route:
        """Find the upstream and the model that a name stands for.

        Args:
            name: as the client wrote it; None asks for the default model.

        Raises:
            ModelNotFoundError: there is none; the message lists close names.
            InvalidRequestError: no name was given and there is no default.
            PermissionDeniedError: the operator does not allow it.
        """
        name = name or await self.default_model()
        if name is None:
            known = await self._listed_names()
            raise InvalidRequestError(f"model is required. {_suggest('', known)}", param="model")
        target = self.aliases.get(name, name)
        route = (
            self._by_full_name(target)
            or await self._by_listed_name(target)
            or await self._by_listed_name(target, max_age=RETRY_LIST_AFTER)
            or self._by_only_upstream(target)
            or await self._not_found(name)
        )
        full_name = f"{route.upstream.name}/{route.model}"
        if not self._is_allowed(name, route.model, full_name):
            raise PermissionDeniedError(
                f"The model '{name}' may not be asked here. "
                f"{_suggest(name, await self._listed_names())}",
                param="model",
                code="model_not_allowed",
            )
        return route

    async def default_model(self) -> str | None:
        """Give the name that stands for "no name": the operator's, an upstream's, the only one."""
        if self._default_model:
            return self._default_model
        for upstream in self._listed:
            if upstream.default_model:
                return self._listed_as(upstream, upstream.default_model, self._owners())
        known = await self._listed_names()
        return known[0] if len(known) == 1 else None

    async def models(self) -> ModelList:
        """List the models of every upstream that answers, then the aliases."""
        await self._wait_for_lists(LIST_LIFETIME)
        owners = self._owners()
        models = [
            model.model_copy(update={"id": self._listed_as(upstream, model.id, owners)})
            for upstream in self._listed
            for model in self._listings[upstream.name].models
            if self._is_allowed(model.id, f"{upstream.name}/{model.id}")
        ]
        models += [
            Model(id=alias, owned_by="alias")
            for alias, target in self.aliases.items()
            if self._is_allowed(alias, target)
        ]
        return ModelList(data=list({model.id: model for model in models}.values()))

    async def get(self, name: str) -> Model:
        """Describe one model, by any name that resolves.

        Raises:
            ModelNotFoundError: there is none of this name.
        """
        for model in (await self.models()).data:
            if model.id == name:
                return model
        route = await self.resolve(name)
        return Model(id=name, owned_by=route.upstream.name)

    async def answering(self) -> dict[str, AqueductError | None]:
        """Tell for each upstream whether it answers: None, or what is wrong with it."""
        await self._wait_for_lists(RETRY_LIST_AFTER)
        return {name: listing.error for name, listing in self._listings.items()}

    async def close(self) -> None:
        """Close every upstream's connections."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*(upstream.close() for upstream in self.upstreams))

    def _is_allowed(self, *names: str) -> bool:
        """Tell whether a model may be asked that has these names."""
        return self._allowed is None or any(name in self._allowed for name in names)

    def _by_full_name(self, name: str) -> Route | None:
        prefix, slash, model = name.partition("/")
        upstream = self._by_name.get(prefix)
        if not (slash and model and upstream):
            return None
        allowed = upstream.settings.models
        return Route(upstream, model) if allowed is None or model in allowed else None

    async def _by_listed_name(self, name: str, max_age: float = LIST_LIFETIME) -> Route | None:
        # A known name never waits for a list, and an unknown one only for the first that has it:
        # an upstream that is dead or slow delays nobody else's models.
        asking = self._refresh(max_age)
        found = self._by_known_lists(name)
        for asked in asyncio.as_completed(asking if not found else ()):
            await asked
            if found := self._by_known_lists(name):
                break
        return found

    def _by_known_lists(self, name: str) -> Route | None:
        for upstream in self._listed:
            if any(model.id == name for model in self._listings[upstream.name].models):
                return Route(upstream, name)
        return None

    def _by_only_upstream(self, name: str) -> Route | None:
        if len(self._listed) != 1 or self._listings[self._listed[0].name].models:
            return None
        only = self._listed[0]
        return Route(only, name) if only.settings.models is None else None

    async def _not_found(self, name: str) -> Route:
        message = f"There is no model '{name}'. {_suggest(name, await self._listed_names())}"
        silent = [name for name, listing in self._listings.items() if listing.error]
        if silent:
            message += f" Not answering at present: {', '.join(silent)}."
        raise ModelNotFoundError(message, param="model")

    async def _listed_names(self) -> list[str]:
        return [model.id for model in (await self.models()).data]

    def _owners(self) -> Counter[str]:
        """Count how many upstreams have each name."""
        return Counter(model.id for listing in self._listings.values() for model in listing.models)

    def _listed_as(self, upstream: Upstream, model: str, owners: Counter[str]) -> str:
        means_another = model in self.aliases or self._by_full_name(model) is not None
        if upstream.lists_full_names or owners[model] > 1 or means_another:
            return f"{upstream.name}/{model}"
        return model

    async def _wait_for_lists(self, max_age: float) -> None:
        if asking := self._refresh(max_age):
            await asyncio.wait(asking, timeout=LIST_PATIENCE)

    def _refresh(self, max_age: float) -> list[asyncio.Task[None]]:
        """Have each upstream asked whose list is older than this; give the asking under way."""
        for upstream in self._listed:
            known, asking = self._listings[upstream.name], self._asking.get(upstream.name)
            allowed = min(max_age, RETRY_LIST_AFTER) if known.error else max_age
            is_old = self._clock() - known.asked_at >= allowed
            if is_old and (asking is None or asking.done()):
                self._asking[upstream.name] = asyncio.create_task(self._ask(upstream))
        return [task for task in self._asking.values() if not task.done()]

    async def _ask(self, upstream: Upstream) -> None:
        listing = _Listing(asked_at=self._clock())
        try:
            listing.models = await upstream.models()
        except AqueductError as error:
            _log.warning("The upstream '%s' gave no list of models: %s", upstream.name, error)
            # What it had is believed on: a hiccup must not make its models unknown.
            listing.error, listing.models = error, self._listings[upstream.name].models
        self._listings[upstream.name] = listing


def _suggest(name: str, known: Sequence[str]) -> str:
    if not known:
        return "No upstream lists any model; ask the operator of this server."
    # Comparing takes time with the product of two lengths, and both may be anything.
    short = [model for model in known if len(model) <= LONGEST_COMPARED][:MOST_COMPARED]
    close = get_close_matches(name[:LONGEST_COMPARED], short, n=MOST_NAMES, cutoff=CLOSE)
    if close:
        return f"Close names: {', '.join(close)}."
    more = ", ..." if len(known) > MOST_NAMES else ""
    return f"There are: {', '.join(known[:MOST_NAMES])}{more}."
