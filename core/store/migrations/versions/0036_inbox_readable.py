"""A lane's index tells what its workers can decode, so that they skip the rest without reading it.

It begins like the index that it replaces, so it also serves the releases that know only that one.

Revision ID: 0036
Revises: 0035
"""

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        lock_timeout = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
        op.execute("SET lock_timeout = 0")  # it waits for older transactions, and nobody waits behind it
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS inbox_readable_by_lane")  # a failed attempt leaves an invalid one
        op.execute("CREATE INDEX CONCURRENTLY inbox_readable_by_lane ON inbox (lane, class, seq, version, type)")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS inbox_by_lane")
        op.execute(f"SET lock_timeout = '{lock_timeout}'")
