"""Rows that the demo does not have and generated ids never meet: webhooks with a delivery, links, a bounce."""

from __future__ import annotations

from uuid import UUID

from api.openapi.examples import DELIVERY_ID, LINK_TOKEN
from core.identity.principals import hash_token
from core.store.connections.database import connect_lane
from core.store.mails.addresses import note_asked
from tests.fuzzing.known_ids import KNOWN
from tests.support.clients.callers import USER, execute
from tests.support.conformance.examples import CLIENT, SQL_BOUNCED, SQL_EMAIL, SQL_ROOM_COMING
from tests.support.mail_sending import guest_link
from tests.support.processes.stack import Stack
from tests.support.webhooks import sent_delivery

KNOWN_WEBHOOK = KNOWN[0]
"""Whose log has the known delivery."""
PEOPLE_WITH_LINKS = (1, 4)
"""A user and a superuser, as `tests.fuzzing.people` has them."""

SQL_WEBHOOKS = """
INSERT INTO webhook_endpoint (url, event_types, sealed_secret)
SELECT 'https://hooks.example.com/' || n, '{booking_created}', 'of another key' FROM generate_series(1, %s) AS n
WHERE NOT EXISTS (SELECT FROM webhook_endpoint)
"""
SQL_LINKS = """
INSERT INTO calendar_link (token_hash, user_id, role, kind, subject_id, names, label)
SELECT sha256((user_id || ' ' || n)::bytea), user_id, 'user', 'user', user_id, false, ''
FROM generate_series(1, %s) AS n, unnest(%s::bigint[]) AS user_id
UNION ALL SELECT %s, 1, 'user', 'user', 1, false, ''
ON CONFLICT (token_hash) DO NOTHING
"""


def add_known_rows(stack: Stack) -> None:
    """Before a run; what it deletes it finds no more."""
    execute(stack, SQL_WEBHOOKS, len(KNOWN))
    sent_delivery(stack, KNOWN_WEBHOOK, DELIVERY_ID)
    execute(stack, SQL_LINKS, len(KNOWN) // 2, list(PEOPLE_WITH_LINKS), hash_token(LINK_TOKEN))
    execute(stack, SQL_BOUNCED, CLIENT)
    execute(stack, SQL_ROOM_COMING)
    guest_link(stack, 1, LINK_TOKEN)  # the demo's own booking
    email = execute(stack, SQL_EMAIL, USER)[0][0]
    with connect_lane(stack.database_url, "holdfast tests") as connection:
        note_asked(connection, email, USER, hash_token(LINK_TOKEN), UUID(DELIVERY_ID))
