"""A view of people with two seats of one session; `core.store.one_seat` builds the index that prevents it.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"

STATEMENTS = """
CREATE VIEW doubled_seat AS
SELECT session_id, user_id, array_agg(booking_id ORDER BY booking_id) AS booking_ids
FROM marketplace_booking
WHERE session_id IS NOT NULL AND status NOT IN ('draft', 'cancelled', 'expired')
GROUP BY session_id, user_id HAVING count(*) > 1;
COMMENT ON VIEW doubled_seat IS 'people with several seats of one session: cancel all but one, then migrate again';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
