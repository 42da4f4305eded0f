"""Lists of bookings and people are filtered and searched by folded names: the words of existing rows, and indexes.

The tables can be large, so they are written in small transactions and the indexes built concurrently.

What the release before used stays until the next.

Revision ID: 0034
Revises: 0033
"""

from core.store.migrations.beside_bookings import build_concurrently, fill_in_small_transactions

revision = "0034"
down_revision = "0033"

INDEXES = {
    "booking_listed_by_folded_service": """
        booking (folded(service_name), listed_as, id) WHERE listed_as IS NOT NULL
    """,
    "user_by_folded_words": "user_account USING gin (words gin_trgm_ops)",
    "user_by_folded_country": "user_account (folded(country), id) WHERE country_code IS NULL AND country <> ''",
}

ROWS = 500
"""Of a transaction, so that nobody waits long for one of them."""
FILLS = (
    # The trigger fills in the words of people whose rows are older than it.
    f"""
    WITH filled AS (
        UPDATE user_account SET words = '' WHERE id IN (
            SELECT id FROM user_account WHERE id > last AND words IS NULL ORDER BY id LIMIT {ROWS})
        RETURNING id
    ) SELECT max(id) INTO last FROM filled
    """,
    f"""
    WITH page AS (
        SELECT booking_id, words, folded(words) AS by_the_rule FROM marketplace_booking
        WHERE booking_id > last ORDER BY booking_id LIMIT {ROWS}
    ), filled AS (
        UPDATE marketplace_booking m SET words = by_the_rule FROM page
        WHERE m.booking_id = page.booking_id AND m.words = page.words AND by_the_rule <> page.words
    ) SELECT max(booking_id) INTO last FROM page
    """,
)


def upgrade() -> None:
    fill_in_small_transactions(FILLS)
    build_concurrently(INDEXES)
