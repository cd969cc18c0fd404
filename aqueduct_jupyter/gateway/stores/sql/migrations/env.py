"""What alembic runs to reach the database: the connection that :mod:`..upgrade` gives it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
