"""One request until a deployment begins to answer it: what is needed to ask one more.

It is sent in :mod:`.forwarding`. A model may think for minutes, so the megabytes of a request are
let go as soon as no other deployment can be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...protocol.files import DocumentMode
from ..documents.attachments import Attachments
from ..entry import Entry
from ..upstreams.deployments import Route
from .admission import Accepted, Admitted, Asking
from .affinity import affinity_key
from .attempts import Attempt, Attempts
from .exchange import Prepared
from .operation import Operation
from .turns import Turn

__all__ = ["Pending"]


@dataclass(slots=True)
class Pending:
    """A request that has been admitted.

    Args:
        operation: the operation.
        asking: the request as it arrived.
        entry: its entry in the ledger.
        attachments: converts file parts.
        admitted: the admitted request in a list, which is emptied.
        turn: what it continues; None if its API has no such thing.
        tokens: the estimated tokens of what is asked.
    """

    operation: Operation
    asking: Asking
    entry: Entry
    attachments: Attachments
    admitted: list[Admitted]
    turn: Turn | None
    tokens: int
    name: str | None = field(init=False)
    headers: Mapping[str, str] = field(init=False)
    _prepared: dict[DocumentMode, Prepared] = field(default_factory=dict)
    _is_accepted: bool = False

    def __post_init__(self) -> None:
        (admitted,) = self.admitted
        self.name, self.headers = admitted.request.model, admitted.headers

    def attempts(self) -> Attempts:
        """Return the attempts to have it answered."""
        (admitted,) = self.admitted
        entry, turn, route = self.entry, self.turn, admitted.route
        key = b""
        if route.group is not None:
            name, conversation = route.group.name, self.asking.conversation
            key = affinity_key(name, entry.owner, admitted.request, turn, conversation)
        return Attempts(route, entry, key, preferred=turn.upstream if turn else None)

    async def prepared(self, attempt: Attempt) -> Prepared:
        """Return the request in a form that a deployment's upstream can read.

        Raises:
            AqueductError: a file in it cannot be read.
        """
        mode = attempt.route.upstream.settings.documents
        found = self._prepared.get(mode)
        if found is None:
            found = await self._convert(self.admitted[0], mode)
        if attempt.is_last:
            self.free()
            return found
        self._prepared[mode] = found
        return found.copy()

    async def accept(self, route: Route, headers: Mapping[str, str]) -> None:
        """Tell who keeps the answer itself that the request is about to be sent; only once."""
        if self.asking.accepted is not None and not self._is_accepted:
            self._is_accepted = True
            await self.asking.accepted(Accepted(self.turn, route.model, headers))

    def free(self) -> None:
        """Let go of the request, which no other deployment will be sent."""
        self.admitted.clear()
        self._prepared.clear()

    async def _convert(self, admitted: Admitted, mode: DocumentMode) -> Prepared:
        request, turn, operation = admitted.request, self.turn, self.operation
        owner, size = self.entry.owner, admitted.size
        body, earlier = request.body, turn.earlier if turn else ()
        notes: list[str] = []
        if operation.files_in and isinstance(body.get(operation.files_in), list):
            collected = await self.attachments.collect(
                body[operation.files_in], mode, owner, operation.files
            )
            written = await self.attachments.write(collected)
            size += collected.size
            notes += collected.notes
            if written is not body[operation.files_in]:
                body = {**body, operation.files_in: written}
        if earlier:
            collected = await self.attachments.collect(earlier, mode, owner, operation.files)
            earlier = await self.attachments.write(collected)
            size += collected.size
        return Prepared(type(request)(body), earlier, size, notes)
