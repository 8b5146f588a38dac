"""Alembic's way in: the connection comes from ``kernel.migrate``, no ini file is read."""

from __future__ import annotations

from alembic import context

from reference_impl.kernel.store import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transactional_ddl=False,  # the caller's transaction is the one
)
context.run_migrations()
