"""The stores' tables and statements in SQLAlchemy Core, for SQLite and PostgreSQL."""
