"""The current tables; the migrations bring older databases to them.

SQLite and PostgreSQL are used only through these tables, so their differences are handled here:
text that a database cannot store, and two functions that have different names.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

__all__ = [
    "METADATA",
    "agent_keys",
    "audit",
    "budget_windows",
    "budgets",
    "conversation_items",
    "conversations",
    "day_of",
    "files",
    "position_in",
    "replicas",
    "requests",
    "response_conversations",
    "response_events",
    "responses",
    "running_requests",
]

METADATA = MetaData()


class AnyText(TypeDecorator[str]):
    """Text from any client.

    Characters that the database cannot store are replaced: lone surrogates in both databases, and
    NUL in PostgreSQL.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """Return the text in a form that this database can store."""
        if value is None or (value.isascii() and dialect.name == "sqlite"):
            return value
        if dialect.name == "postgresql":
            value = value.replace("\0", "\ufffd")
        return value.encode(errors="replace").decode()


class day_of(GenericFunction[str]):  # noqa: N801  # an SQL function's name
    """The UTC day, such as 2026-01-31, of a time in seconds since 1970."""

    type = String()
    inherit_cache = True


@compiles(day_of, "sqlite")
def _day_in_sqlite(element: day_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"date({compiler.process(element.clauses, **options)}, 'unixepoch')"


@compiles(day_of, "postgresql")
def _day_in_postgresql(element: day_of, compiler: SQLCompiler, **options: Any) -> str:
    time = compiler.process(element.clauses, **options)
    return f"to_char(to_timestamp({time}) AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


class position_in(GenericFunction[int]):  # noqa: N801  # an SQL function's name
    """The position of a text in another, counted from 1; 0 if it is not found."""

    type = Integer()
    inherit_cache = True


@compiles(position_in, "sqlite")
def _position_in_sqlite(element: position_in, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(position_in, "postgresql")
def _position_in_postgresql(element: position_in, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


# SQLite's autoincrement works only with exactly this type.
_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")

files = Table(
    "files",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("owner", AnyText, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("filename", AnyText, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("blob", Text, nullable=False),
    Column("uploader", AnyText),
    Column("declared_type", AnyText),
    Index("files_by_owner", "owner", "sequence"),
    Index("files_by_hash", "sha256"),
    Index("files_by_blob", "blob"),
    sqlite_autoincrement=True,
)

requests = Table(
    "requests",
    METADATA,
    Column("request_id", Text, primary_key=True),
    Column("time", Double, nullable=False),
    Column("owner", AnyText, nullable=False),
    Column("kernel", AnyText),
    Column("model", AnyText),
    Column("upstream", AnyText),
    Column("is_stream", Boolean, nullable=False),
    Column("status", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_code", AnyText),
    Column("tokens_in", BigInteger),
    Column("tokens_out", BigInteger),
    Column("is_estimated", Boolean, nullable=False),
    Column("first_token_ms", Double),
    Column("total_ms", Double, nullable=False),
    Column("api", Text, nullable=False, server_default="chat"),
    Column("upstream_api", Text),
    Column("usd", Double),
    Column("groups", AnyText),
    Index("requests_by_time", "owner", "time"),
    Index("requests_of_all_by_time", "time"),
)

conversations = Table(
    "conversations",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("owner", AnyText, nullable=False),
    Column("name", AnyText, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("length", Integer, nullable=False),
    Column("turns", AnyText, nullable=False),
    Column("said", AnyText, nullable=False),
    Column("is_pinned", Boolean, nullable=False),
    Column("parameters", AnyText, nullable=False),
    Index("conversations_by_owner", "owner", "updated_at"),
    sqlite_autoincrement=True,
)

responses = Table(
    "responses",
    METADATA,
    Column("id", AnyText, primary_key=True),
    Column("owner", AnyText, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("previous_id", AnyText),
    Column("upstream", AnyText),
    Column("input", AnyText, nullable=False),
    Column("response", AnyText, nullable=False),
    Column("alive_at", Double),
    Index("responses_by_expiry", "expires_at"),
)

response_events = Table(
    "response_events",
    METADATA,
    Column("response_id", AnyText, primary_key=True),
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("events", LargeBinary, nullable=False),
)

response_conversations = Table(
    "response_conversations",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("owner", AnyText, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("metadata", AnyText, nullable=False),
    Index("response_conversations_by_expiry", "expires_at"),
)

conversation_items = Table(
    "conversation_items",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("conversation_id", Text, nullable=False),
    Column("id", AnyText, nullable=False),
    Column("item", AnyText, nullable=False),
    Index("conversation_items_by_id", "conversation_id", "id", unique=True),
    sqlite_autoincrement=True,
)

running_requests = Table(
    "running_requests",
    METADATA,
    Column("request_id", Text, primary_key=True),
    Column("replica", Text, nullable=False),
    Column("owner", AnyText, nullable=False),
    Column("kernel", AnyText),
    Column("client_id", AnyText),
    Column("api", Text, nullable=False),
    Column("model", AnyText),
    Column("upstream", AnyText),
    Column("is_stream", Boolean, nullable=False),
    Column("time", Double, nullable=False),
    Column("groups", AnyText),
    Column("claims", AnyText, nullable=False),
    Column("is_stopped", Boolean, nullable=False),
    Index("running_requests_by_owner", "owner"),
    Index("running_requests_by_replica", "replica"),
)

replicas = Table(
    "replicas",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("alive_at", Double, nullable=False),
)

budget_windows = Table(
    "budget_windows",
    METADATA,
    Column("holder", AnyText, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("span", Text, primary_key=True),
    Column("begins", BigInteger, primary_key=True, autoincrement=False),
    Column("used", Double, nullable=False),
    Column("reserved", Double, nullable=False),
    Column("carried", Double, nullable=False),
)

budgets = Table(
    "budgets",
    METADATA,
    Column("holder", AnyText, primary_key=True),
    Column("budget", AnyText, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed_by", AnyText, nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("time", Double, nullable=False),
    Column("actor", AnyText, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", AnyText, nullable=False),
    Column("detail", AnyText, nullable=False),
    sqlite_autoincrement=True,
)

agent_keys = Table(
    "agent_keys",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("owner", AnyText, nullable=False),
    Column("sealed_token", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("max_tokens", BigInteger),
    Column("tokens", BigInteger, nullable=False),
    Index("agent_keys_by_owner", "owner"),
    sqlite_autoincrement=True,
)
