"""What a time zone's new rules moved, by its end: so retention finds what is old.

Revision ID: 0053
Revises: 0052
"""

from alembic import op

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        lock_timeout = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
        op.execute("SET lock_timeout = 0")  # it waits for older transactions, and nobody waits behind it
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS wall_time_move_by_end")
        op.execute("CREATE INDEX CONCURRENTLY wall_time_move_by_end ON wall_time_move (ends_at)")
        op.execute(f"SET lock_timeout = '{lock_timeout}'")
