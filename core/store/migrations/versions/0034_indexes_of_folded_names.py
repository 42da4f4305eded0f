"""Lists of bookings and people are filtered and searched by folded names: words of who is there, and indexes.

Both can be large, so they are written in small transactions and built concurrently.

Each is dropped first, as a failed attempt leaves an invalid one. What the release before used stays until the next.

Revision ID: 0034
Revises: 0033
"""

from alembic import op

revision = "0034"
down_revision = "0033"

INDEXES = {
    "booking_listed_by_folded_service": """
        booking (folded(service_name), listed_as, id) WHERE listed_as IS NOT NULL
    """,
    "user_by_folded_words": "user_account USING gin (words gin_trgm_ops)",
    "user_by_folded_country": "user_account (folded(country), id) WHERE country_code IS NULL AND country <> ''",
}

FILL = """
DO $$
DECLARE
    last bigint := 0;
BEGIN
    WHILE last IS NOT NULL LOOP
        WITH filled AS (
            UPDATE user_account SET words = '' WHERE id IN (
                SELECT id FROM user_account WHERE id > last AND words IS NULL ORDER BY id LIMIT 5000)
            RETURNING id
        ) SELECT max(id) INTO last FROM filled;
        COMMIT;
    END LOOP;
END $$
"""
"""The trigger writes the words of who was there before it, some thousand in a transaction."""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        lock_timeout = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
        op.execute("SET lock_timeout = 0")  # it waits for older transactions, and nobody waits behind it
        op.execute(FILL)
        for name, on in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {on}")
        op.execute(f"SET lock_timeout = '{lock_timeout}'")
