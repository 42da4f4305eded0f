"""What a migration does to tables that exist already, so that no booking waits for it: for its `upgrade()`.

Both commit what the migration did before, so it begins with them, or does nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from alembic import op


def build_concurrently(indexes: Mapping[str, str]) -> None:
    """By name: what stands behind ON, such as `booking (user_id, id) WHERE status = 'held'`.

    Each index is dropped first, as a failed attempt leaves an invalid one.
    """
    with _unbounded():
        for name, on in indexes.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {on}")


def fill_in_small_transactions(fills: Sequence[str]) -> None:
    """Each is a statement of PL/pgSQL that fills a page of rows behind `last`, and sets `last` to that page's greatest
    id, or to NULL at the end."""
    with _unbounded():
        for fill in fills:
            op.execute(f"""
            DO $$
            DECLARE
                last bigint := 0;
            BEGIN
                WHILE last IS NOT NULL LOOP
                    {fill};
                    COMMIT;
                END LOOP;
            END $$
            """)


@contextmanager
def _unbounded() -> Iterator[None]:
    """Outside a transaction and without a `lock_timeout`: this waits for older transactions, and nobody behind it."""
    with op.get_context().autocommit_block():
        lock_timeout = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
        op.execute("SET lock_timeout = 0")
        yield
        op.execute(f"SET lock_timeout = '{lock_timeout}'")
