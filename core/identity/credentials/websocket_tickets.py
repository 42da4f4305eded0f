"""Single-use tickets: how a page that can send no headers opens a WebSocket."""

from __future__ import annotations

from core.identity.principals import Principal, hash_token, new_token
from core.store.connections.database import AsyncConnection

TICKET_LIFETIME_S = 30

SQL_ISSUE = """
INSERT INTO ws_ticket (ticket_hash, user_id, session_id, api_token_id, auth_epoch, expires_at)
VALUES (%(hash)s, %(user_id)s, %(session_id)s, %(token_id)s, %(epoch)s, clock_timestamp() + make_interval(secs => %(lifetime_s)s))
"""


async def issue(connection: AsyncConnection, principal: Principal) -> str:
    """A ticket for a logged-in person, good once and for `TICKET_LIFETIME_S`."""
    ticket = new_token()
    parameters = {
        "hash": hash_token(ticket),
        "user_id": principal.user_id,
        "session_id": principal.session_id,
        "token_id": principal.key_id,
        "epoch": principal.auth_epoch,
        "lifetime_s": TICKET_LIFETIME_S,
    }
    await connection.execute(SQL_ISSUE, parameters)
    return ticket
