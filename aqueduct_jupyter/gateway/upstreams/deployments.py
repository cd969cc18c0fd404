"""The deployments of a model: several upstreams that serve it, and the order to ask them in.

They are found by the catalog and asked in :mod:`aqueduct_jupyter.gateway.requests.attempts`.

* The order is weighted rendezvous hashing: each deployment's place depends only on its own name and
  the key of the request. So all requests with one key ask the same deployment, in every process and
  without anything stored, and if one goes or fails, only its own keys move, in proportion to the
  others' weights.
* A deployment of weight 0 comes after all others, in the operator's order.
* What has an open circuit is asked only after all others have failed. Asking is better than
  refusing: what is believed of a deployment may be wrong, and one client's odd requests must not be
  able to close a model for everybody.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from .circuits import Circuit, Trial
from .upstream import Upstream

__all__ = ["ConfiguredDeployment", "Deployment", "Group", "Groups", "Route", "read_deployments"]


class ConfiguredDeployment(BaseModel):
    """One deployment in ``c.AqueductApp.deployments``.

    ``model`` is its full name, ``upstream/model``. ``weight`` is its share of the conversations in
    proportion to the others'; with 0 it is asked only if all others fail.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(pattern=r"^[^/]+/.+$")
    weight: float = Field(default=1, ge=0, allow_inf_nan=False)


_DEPLOYMENTS = TypeAdapter(list[ConfiguredDeployment])


@dataclass(frozen=True, slots=True)
class Route:
    """A model's name resolved: which upstream, and which of its models.

    Args:
        upstream: the upstream.
        model: the upstream's name for the model.
        group: all deployments of the name, if it has several; this is then one of them.
    """

    upstream: Upstream
    model: str
    group: Group | None = None

    @property
    def full_name(self) -> str:
        """The name by which clients reach exactly this model."""
        return f"{self.upstream.name}/{self.model}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which an operator may allow it."""
        own = (self.model, self.full_name)
        return own if self.group is None else (*own, self.group.name)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment that can be asked."""

    route: Route
    weight: float
    circuit: Circuit

    def told(self) -> dict[str, Any]:
        """Return what may be told of it: an error's code, but no message, which may quote a prompt.

        ``seconds`` is for how long it is still passed over.
        """
        return {
            "model": self.route.full_name,
            "weight": self.weight,
            "state": self.circuit.state,
            "seconds": round(self.circuit.seconds_left, 1),
            "last_error": self.circuit.last_error,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """The deployments of one name.

    Args:
        name: the name that clients ask for.
        deployments: the deployments in the operator's order.
    """

    name: str
    deployments: tuple[Deployment, ...]

    def only(self, allowed: Iterable[Route]) -> Group:
        """Return a group with only these deployments; all, which are refused, if it is none."""
        kept = tuple(allowed)
        found = (one for one in self.deployments if one.route in kept)
        return Group(self.name, tuple(found) or self.deployments)

    def in_order(self, key: bytes, preferred: str | None = None) -> list[Deployment]:
        """Return all deployments in the order to ask them in, whatever their circuits say.

        Args:
            key: what requests have in common that are to go to the same deployment.
            preferred: the upstream that comes first, because it knows what is continued.
        """
        shared = [one for one in self.deployments if one.weight]
        shared.sort(key=lambda one: _distance(key, one))
        ordered = shared + [one for one in self.deployments if not one.weight]
        if preferred is not None:
            ordered.sort(key=lambda one: one.route.upstream.name != preferred)
        return ordered

    def let_in(
        self, key: bytes, preferred: str | None = None
    ) -> Iterator[tuple[Deployment, Trial]]:
        """Let a request into one deployment after another, until one has answered.

        Each is let in when it is taken from the iterator; what is passed over comes last.
        """
        passed_over = []
        for deployment in self.in_order(key, preferred):
            if (trial := deployment.circuit.enter()) is not None:
                yield deployment, trial
            else:
                passed_over.append(deployment)
        for deployment in passed_over:
            yield deployment, deployment.circuit.enter_anyway()


class Groups:
    """All names that have several deployments.

    Args:
        configured: the deployments by name.
        find_route: finds the route to a model by its full name.
        clock: a monotonic clock in seconds; for tests.
    """

    def __init__(
        self,
        configured: Mapping[str, Sequence[ConfiguredDeployment]],
        find_route: Callable[[str], Route | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configured = configured
        self._find_route = find_route
        # One for each deployment, in however many groups it is; it stays when its upstream is
        # replaced while the server runs.
        self._circuits = {
            one.model: Circuit(one.model, clock=clock)
            for deployments in configured.values()
            for one in deployments
        }

    def __contains__(self, name: str) -> bool:
        """Return whether a name is configured to have several deployments."""
        return name in self._configured

    def find(self, name: str) -> Group | None:
        """Return the deployments of a name whose upstreams there are; None if there are none."""
        found = [
            Deployment(route, one.weight, self._circuits[one.model])
            for one in self._configured[name]
            if (route := self._find_route(one.model)) is not None
        ]
        return Group(name, tuple(found)) if found else None

    def all(self) -> list[Group]:
        """Return the groups of all names that have deployments whose upstreams there are."""
        found = (self.find(name) for name in self._configured)
        return [group for group in found if group is not None]

    def missing(self) -> list[str]:
        """Say which deployments cannot be used."""
        return [
            f"deployments of '{name}': there is no upstream that has {one.model}."
            for name, deployments in self._configured.items()
            for one in deployments
            if self._find_route(one.model) is None
        ]


def _distance(key: bytes, deployment: Deployment) -> float:
    """Return a number that is the smallest for each deployment as often as its weight says."""
    name = deployment.route.full_name.encode()
    drawn = int.from_bytes(blake2b(name, key=key[:64], digest_size=8).digest())
    # The logarithm of a uniform number makes it an exponential one, whose rate is the weight.
    return -math.log((drawn + 0.5) / 2**64) / deployment.weight


def read_deployments(
    configured: Mapping[str, Any], aliases: Mapping[str, str], notices: list[str]
) -> Mapping[str, Sequence[ConfiguredDeployment]]:
    """Read ``c.AqueductApp.deployments``; a name with invalid deployments is left out.

    Args:
        configured: what the operator wrote.
        aliases: the aliases, which must have other names.
        notices: gets a message for each name that cannot be used.
    """
    read: dict[str, Sequence[ConfiguredDeployment]] = {}
    for name, entries in configured.items():
        try:
            read[name] = _read(name, entries, aliases)
        except ValueError as error:
            notices.append(f"deployments of '{name}': {error}")
    return read


def _read(name: str, entries: object, aliases: Mapping[str, str]) -> list[ConfiguredDeployment]:
    if name in aliases:
        raise ValueError("this name is also an alias. Choose another for one of them.")
    try:
        deployments = _DEPLOYMENTS.validate_python(entries)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        message = first["msg"]
        if first["type"] == "string_pattern_mismatch":
            message = "The model must be written as upstream/model"
        raise ValueError(f"{where}: {message}." if where else f"{message}.") from None
    if not deployments:
        raise ValueError("there are none. Name at least one.")
    models = [deployment.model for deployment in deployments]
    if twice := next((model for model in models if models.count(model) > 1), None):
        raise ValueError(f"{twice} is there twice. Give it a larger weight instead.")
    return deployments
