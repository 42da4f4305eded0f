"""Lists of bookings and people are filtered and searched by folded names, on indexes that are built concurrently.

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
    # Words begin after a blank, so that one or two letters find beginnings by index.
    "user_by_folded_words": """
        user_account USING gin ((' ' || folded(
            username || ' ' || first_name || ' ' || last_name || ' ' || shown_email)) gin_trgm_ops)
    """,
    "user_by_folded_country": "user_account (folded(country), id) WHERE country_code IS NULL AND country <> ''",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        lock_timeout = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
        op.execute("SET lock_timeout = 0")  # it waits for older transactions, and nobody waits behind it
        for name, on in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {on}")
        op.execute(f"SET lock_timeout = '{lock_timeout}'")
