"""Notices between the replicas of a hub's service: what one has changed, another may have to tell.

They come with the commit of the transaction that sends them. Nothing may depend on them, because
they can be lost, and SQLite has none.
"""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["CHANNEL", "STOPPED", "Changed", "conversation_changed", "conversation_in", "notify"]

CHANNEL = "aqueduct"
"""The name under which replicas hear each other."""

STOPPED = "{}"
"""The notice that a request, or a budget, has changed: everybody looks at once."""

LARGEST = 7_900
"""Bytes of a notice; PostgreSQL takes 8,000."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A conversation that a replica has changed."""

    replica: str
    owner: str
    conversation: str


def notify(db: Connection, notice: str) -> None:
    """Send a notice with this transaction; one that is too large is left out."""
    if db.dialect.name == "postgresql" and len(notice.encode()) <= LARGEST:
        from sqlalchemy import func, select

        db.execute(select(func.pg_notify(CHANNEL, notice)))


def conversation_changed(replica: str, owner: str, conversation_id: str) -> str:
    """Write the notice that a replica has changed a conversation."""
    return json.dumps({"replica": replica, "owner": owner, "conversation": conversation_id})


def conversation_in(notice: str) -> Changed | None:
    """Read which conversation has changed; None for any other notice, whoever wrote it."""
    try:
        words = json.loads(notice)
        changed = Changed(words["replica"], words["owner"], words["conversation"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return changed if all(isinstance(word, str) for word in astuple(changed)) else None
