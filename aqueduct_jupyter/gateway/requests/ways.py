"""The ways to answer a request: unchanged, continued from what is kept here, or over a bridge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...protocol.errors import AqueductError, InvalidRequestError
from ..upstreams.apis import ABSENT
from ..upstreams.upstream import Upstream
from .bridges import find_target
from .operation import Operation
from .turns import Turn

__all__ = ["Way", "find_ways"]

_PREVIOUS = "previous_response"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to answer.

    Args:
        target: the operation that the upstream is asked for.
        is_bridge: whether that is another one than the client asked for.
        is_continued: whether earlier items are sent along, because the upstream does not have them.
    """

    target: Operation
    is_bridge: bool = False
    is_continued: bool = False

    def leads_nowhere(self, error: AqueductError) -> bool:
        """Return whether an upstream's refusal means that the next way is to be tried."""
        if self.is_bridge:
            return False
        if error.status in ABSENT:
            return True
        said = f"{error.param} {error.code} {error.message}"
        return not self.is_continued and error.status == 400 and _PREVIOUS in said


def find_ways(operation: Operation, upstream: Upstream, turn: Turn | None) -> list[Way]:
    """Return the ways to answer, the best first.

    Raises:
        InvalidRequestError: the upstream neither has the operation nor one in its place.
    """
    ways = list(_ways(operation, upstream, turn))
    if not ways:
        raise InvalidRequestError(
            f"The upstream '{upstream.name}' has no {operation.path}, and nothing in its place. "
            "Choose another model.",
            param="model",
        )
    return ways


def _ways(operation: Operation, upstream: Upstream, turn: Turn | None) -> Iterator[Way]:
    mode = upstream.apis.mode(operation.api) if operation.api else "native"
    if mode != "bridge":
        is_continued = turn is not None and turn.is_continued
        # Conversations are kept here only; a response may also be known to its upstream.
        if not is_continued or (turn and turn.upstream == upstream.name):
            yield Way(operation)
        if is_continued:
            yield Way(operation, is_continued=True)
    if mode != "native" and (target := find_target(operation, upstream)):
        yield Way(target, is_bridge=True, is_continued=True)
