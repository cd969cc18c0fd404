"""The rows of the stores' tables, by transaction.

SQLAlchemy takes a quarter of a second to import, so the statements are imported at the first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .sql.administration_rows import AdministrationRows
    from .sql.agent_key_rows import AgentKeyRows
    from .sql.budget_rows import BudgetRows
    from .sql.conversation_item_rows import ConversationItemRows
    from .sql.conversation_rows import ConversationRows
    from .sql.file_rows import FileRows
    from .sql.request_rows import RequestRows
    from .sql.response_rows import ResponseRows
    from .sql.running_rows import RunningRows

__all__ = [
    "administration_rows",
    "agent_key_rows",
    "budget_rows",
    "conversation_item_rows",
    "conversation_rows",
    "file_rows",
    "request_rows",
    "response_rows",
    "running_rows",
]


def file_rows(db: Connection) -> FileRows:
    """Return the rows of files."""
    from .sql.file_rows import FileRows

    return FileRows(db)


def request_rows(db: Connection) -> RequestRows:
    """Return the rows of finished requests."""
    from .sql.request_rows import RequestRows

    return RequestRows(db)


def conversation_rows(db: Connection) -> ConversationRows:
    """Return the rows of conversations."""
    from .sql.conversation_rows import ConversationRows

    return ConversationRows(db)


def conversation_item_rows(db: Connection) -> ConversationItemRows:
    """Return the rows of conversations of the Responses API."""
    from .sql.conversation_item_rows import ConversationItemRows

    return ConversationItemRows(db)


def response_rows(db: Connection) -> ResponseRows:
    """Return the rows of stored responses."""
    from .sql.response_rows import ResponseRows

    return ResponseRows(db)


def running_rows(db: Connection) -> RunningRows:
    """Return the rows of running requests."""
    from .sql.running_rows import RunningRows

    return RunningRows(db)


def budget_rows(db: Connection) -> BudgetRows:
    """Return the windows of budgets."""
    from .sql.budget_rows import BudgetRows

    return BudgetRows(db)


def administration_rows(db: Connection) -> AdministrationRows:
    """Return changed budgets and the audit."""
    from .sql.administration_rows import AdministrationRows

    return AdministrationRows(db)


def agent_key_rows(db: Connection) -> AgentKeyRows:
    """Return the keys of agents."""
    from .sql.agent_key_rows import AgentKeyRows

    return AgentKeyRows(db)
