"""Upgrades a database to this release.

This runs inside a transaction that excludes all others. A new database gets its tables at once.
Alembic is imported only if there is something to upgrade, which is once per release.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, text

from ....protocol.errors import UnavailableError
from .tables import METADATA

__all__ = ["REVISIONS", "upgrade"]

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
"""All revisions that this release knows, the oldest first."""

_VERSION_TABLE = "alembic_version"


def upgrade(connection: Connection) -> None:
    """Upgrade a database from any revision, or create its tables.

    Raises:
        UnavailableError: a later release wrote it; nothing was changed.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        _create(connection)
        return
    version = _version(connection) if _VERSION_TABLE in tables else None
    if version == REVISIONS[-1]:
        return
    if version is not None and version not in REVISIONS:
        raise UnavailableError(
            "The data folder was written by a later release of aqueduct-jupyter (its database is "
            f"at revision {version[:32]}; this release knows {REVISIONS[-1]}). Nothing was "
            "changed. Install that release again, or choose another "
            "data_folder.",
            code="newer_data_folder",
        )
    _migrate(connection)


def _create(connection: Connection) -> None:
    # The result of all migrations, without alembic, whose import takes half a second.
    METADATA.create_all(connection, checkfirst=False)
    version = Table(_VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
    version.create(connection, checkfirst=False)
    connection.execute(insert(version), {"version_num": REVISIONS[-1]})


def _version(connection: Connection) -> str | None:
    statement = text(f"SELECT version_num FROM {_VERSION_TABLE}")  # noqa: S608  # a constant
    version: str | None = connection.execute(statement).scalar()
    return version


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # The configuration would interpolate a percent sign.
    folder = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
