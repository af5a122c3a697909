"""Alembic migrations, run by the store itself when it opens a database."""
