"""Alembic's entry: runs on the connection that `core.store.migrate` hands over.

Each migration commits by itself, so it holds no lock while the next one waits for another.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], target_metadata=None, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
