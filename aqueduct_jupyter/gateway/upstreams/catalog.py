"""The catalog: resolves a model's name to an upstream and the model's name there.

Requests to upstreams are in :mod:`.upstream`, their lists of models in :mod:`.listings`. A name is
resolved in this order:

1. an alias is replaced by its target;
2. a name with several deployments means all of them that there are; see :mod:`.deployments`;
3. ``upstream/model`` names both, even if the upstream does not list that model;
4. a listed name belongs to the upstream that lists it; if several do, to the first configured one;
5. if there is only one upstream and it lists no models, every name is passed on to it.

A model is listed under its bare name if that name resolves to it and no other upstream has the
same name; otherwise as ``upstream/model``. So every listed name resolves to its model.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from ...protocol.errors import (
    AqueductError,
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
)
from ...protocol.files import DocumentMode
from ...protocol.models import Model, ModelList
from .deployments import ConfiguredDeployment, Group, Groups, Route
from .listings import LIST_LIFETIME, RETRY_LIST_AFTER, Listings
from .suggestions import suggestion
from .upstream import Upstream

__all__ = ["Catalog"]


class Catalog:
    """All models that clients may use.

    Args:
        upstreams: the upstreams in the operator's order.
        aliases: other names for models, by alias.
        deployments: the deployments of names that have several, by name.
        default_model: the model for requests that do not name one.
        allowed: the names that may be used and are listed; None allows all.
        clock: a monotonic clock in seconds; for tests.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        *,
        aliases: Mapping[str, str] | None = None,
        deployments: Mapping[str, Sequence[ConfiguredDeployment]] | None = None,
        default_model: str | None = None,
        allowed: Collection[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.aliases = dict(aliases or {})
        self._groups = Groups(deployments or {}, self._by_full_name, clock=clock)
        self._default_model = default_model
        self.allowed = allowed
        self._listings = Listings(clock=clock)
        self.upstreams: tuple[Upstream, ...] = ()
        self._gone: list[Upstream] = []
        self.change(upstreams)

    def change(self, upstreams: Sequence[Upstream]) -> None:
        """Use these upstreams from now on; one that goes is left to its running requests."""
        self._gone += [upstream for upstream in self.upstreams if upstream not in upstreams]
        self.upstreams = tuple(upstreams)
        self._by_name = {upstream.name: upstream for upstream in self.upstreams}
        self._listings.change(self.upstreams)

    def with_allowed(self, allowed: Collection[str] | None) -> Catalog:
        """Return the same catalog for somebody who may use other models; None allows all."""
        other = copy(self)
        other.allowed = allowed
        return other

    async def resolve(self, name: str | None) -> Route:
        """Find the upstream and the model for a name.

        Args:
            name: the name from the client; None means the default model.

        Raises:
            ModelNotFoundError: there is no such model; the message suggests similar names.
            InvalidRequestError: no name was given and there is no default.
            PermissionDeniedError: the operator does not allow the model.
        """
        name = name or await self.default_model()
        if name is None:
            known = await self._listed_names()
            raise InvalidRequestError(f"model is required. {suggestion('', known)}", param="model")
        target = self.aliases.get(name, name)
        route = (
            self._by_deployments(name, target)
            or self._by_full_name(target)
            or await self._by_listed_name(target)
            or await self._by_listed_name(target, max_age=RETRY_LIST_AFTER)
            or self._by_only_upstream(target)
            or await self._not_found(name)
        )
        if not self._is_allowed(name, *route.names):
            raise PermissionDeniedError(
                f"The model '{name}' is not allowed on this server. "
                f"{suggestion(name, await self._listed_names())}",
                param="model",
                code="model_not_allowed",
            )
        return route

    async def default_model(self) -> str | None:
        """Return the default model: the operator's, an upstream's, or the only model."""
        if self._default_model:
            return self._as_listed(self._default_model)
        for upstream in self._listings.upstreams:
            if upstream.default_model:
                return self._listed_as(upstream, upstream.default_model, self._listings.owners())
        known = await self._listed_names()
        return known[0] if len(known) == 1 else None

    async def models(self) -> ModelList:
        """List the models of every upstream that answers, then the aliases."""
        await self._listings.wait(LIST_LIFETIME)
        owners = self._listings.owners()
        models = [
            model.model_copy(update={"id": self._listed_as(upstream, model.id, owners)})
            for upstream in self._listings.upstreams
            for model in self._listings.models(upstream)
            if self._is_allowed(model.id, f"{upstream.name}/{model.id}")
        ]
        told = self._context_lengths() | {model.id: _context_length(model) for model in models}
        for group in self.groups():
            routes = [deployment.route for deployment in group.deployments]
            if self._is_allowed(group.name, *(name for route in routes for name in route.names)):
                told[group.name] = _least(told.get(route.full_name, {}) for route in routes)
                models.append(Model(id=group.name, owned_by="deployments", **told[group.name]))
        models += [
            Model(id=alias, owned_by="alias", **told.get(target, {}))
            for alias, target in self.aliases.items()
            if self._is_allowed(alias, target)
        ]
        return ModelList(data=list({model.id: model for model in models}.values()))

    def _context_lengths(self) -> dict[str, dict[str, Any]]:
        """Return what is known of the models' contexts, by their full names."""
        return {
            f"{upstream.name}/{model.id}": _context_length(model)
            for upstream in self._listings.upstreams
            for model in self._listings.models(upstream)
        }

    async def get(self, name: str) -> Model:
        """Describe one model, by any name that resolves.

        Raises:
            ModelNotFoundError: there is no model with this name.
        """
        for model in (await self.models()).data:
            if model.id == name:
                return model
        route = await self.resolve(name)
        return Model(id=name, owned_by=route.upstream.name)

    def groups(self) -> list[Group]:
        """Return the names with several deployments, each with those that can be used."""
        return self._groups.all()

    def missing_deployments(self) -> list[str]:
        """Say which deployments cannot be used, because there is no such upstream or model."""
        return self._groups.missing()

    def owner(self, name: str) -> str:
        """Return the name of the upstream that a listed model belongs to; "" if not to one."""
        if name in self.aliases or name in self._groups:
            return ""
        route = self._by_full_name(name) or self._by_known_lists(name)
        return route.upstream.name if route else ""

    def document_mode(self, name: str) -> DocumentMode | None:
        """Return how documents are forwarded to a listed model; None if that differs or is open."""
        target = self.aliases.get(name, name)
        if target in self._groups:
            group = self._groups.find(target)
            routes = [one.route for one in group.deployments] if group else []
        else:
            route = self._by_full_name(target) or self._by_known_lists(target)
            routes = [route] if route else []
        modes = {route.upstream.settings.documents for route in routes}
        return modes.pop() if len(modes) == 1 else None

    async def answering(self) -> dict[str, AqueductError | None]:
        """Return each upstream's error, or None if it answers."""
        await self._listings.wait(RETRY_LIST_AFTER)
        return self._listings.errors()

    async def close(self) -> None:
        """Close every upstream's connections."""
        self._listings.close()
        used = (*self.upstreams, *self._gone)
        await asyncio.gather(*(upstream.close() for upstream in used))

    def _is_allowed(self, *names: str) -> bool:
        """Return whether a model with these names may be used."""
        return self.allowed is None or any(name in self.allowed for name in names)

    def _by_deployments(self, name: str, target: str) -> Route | None:
        """Return a route to all deployments of a name that may be used, by way of their first."""
        if target not in self._groups or (group := self._groups.find(target)) is None:
            return None
        if not self._is_allowed(name, target):
            routes = (deployment.route for deployment in group.deployments)
            group = group.only(route for route in routes if self._is_allowed(*route.names))
        return replace(group.deployments[0].route, group=group)

    def _by_full_name(self, name: str) -> Route | None:
        prefix, slash, model = name.partition("/")
        upstream = self._by_name.get(prefix)
        if not (slash and model and upstream):
            return None
        allowed = upstream.settings.models
        return Route(upstream, model) if allowed is None or model in allowed else None

    async def _by_listed_name(self, name: str, max_age: float = LIST_LIFETIME) -> Route | None:
        # A known name never waits for a list, and an unknown one only for the first list that has
        # it: a dead or slow upstream does not delay the models of others.
        asking = self._listings.refresh(max_age)
        found = self._by_known_lists(name)
        for asked in asyncio.as_completed(asking if not found else ()):
            await asked
            if found := self._by_known_lists(name):
                break
        return found

    def _by_known_lists(self, name: str) -> Route | None:
        for upstream in self._listings.upstreams:
            if self._listings.has(upstream, name):
                return Route(upstream, name)
        return None

    def _by_only_upstream(self, name: str) -> Route | None:
        if len(self._listings.upstreams) != 1:
            return None
        only = self._listings.upstreams[0]
        if self._listings.models(only):
            return None
        return Route(only, name) if only.settings.models is None else None

    async def _not_found(self, name: str) -> Route:
        message = f"There is no model '{name}'. {suggestion(name, await self._listed_names())}"
        silent = [name for name, error in self._listings.errors().items() if error]
        if silent:
            message += f" Upstreams that do not answer now: {', '.join(silent)}."
        raise ModelNotFoundError(message, param="model")

    async def _listed_names(self) -> list[str]:
        return [model.id for model in (await self.models()).data]

    def _listed_as(self, upstream: Upstream, model: str, owners: Counter[str]) -> str:
        is_taken = model in self.aliases or model in self._groups
        means_another = is_taken or self._by_full_name(model) is not None
        if upstream.lists_full_names or owners[model] > 1 or means_another:
            return f"{upstream.name}/{model}"
        return model

    def _as_listed(self, name: str) -> str:
        """Return the name under which a model is listed, so that no list has it twice."""
        route = self._by_full_name(name)
        if route is None or not route.upstream.is_listed:
            return name
        if name in self.aliases or name in self._groups:
            return name
        if not self._listings.has(route.upstream, route.model):
            return name
        return self._listed_as(route.upstream, route.model, self._listings.owners())


def _context_length(model: Model) -> dict[str, Any]:
    return {"context_length": model.context_tokens} if model.context_tokens else {}


def _least(lengths: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the shortest of the contexts that are known: a request must fit wherever it goes."""
    return min(filter(None, lengths), key=lambda length: int(length["context_length"]), default={})
