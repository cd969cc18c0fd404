"""Alembic's environment: it uses the connection from :mod:`..upgrade`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
