"""Follows a guest's link to its booking. Its token is all that says who is asking; it stands in no log."""

from __future__ import annotations

import falcon.asgi
from msgspec.structs import replace

from api.http.errors import Problem
from api.limits.throttle import Limit, Throttle, caller
from core import logs
from core.domain.values import Policy
from core.identity.credentials.guest_tokens import shows_client
from core.identity.principals import Principal, PrincipalKind, hash_token
from core.store.connections.database import database_now_async
from core.store.connections.pool import Pool
from core.store.mails.facts import MailFacts
from core.store.mails.guest_links import find_linked
from core.wire.contracts.guests import GuestBooking, Shown, guest_booking

TOKEN_CHARS_MAX = 200
"""Of what is looked for; a real one has 43."""
LINKS_FOLLOWED = Limit("guest-links", 600, 60)
"""From one address, whatever the link. Nobody guesses a token of 256 bits: this bounds what it costs to try."""


class GuestLinks:
    def __init__(self, pool: Pool, throttle: Throttle, policy: Policy) -> None:
        self._pool = pool
        self._throttle = throttle
        self._policy = policy

    async def follow(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> MailFacts:
        """The booking that the link leads to; from now on its client is asking. Raises Problem 404, 429."""
        resp.set_header("Referrer-Policy", "no-referrer")
        await self.spend(req)
        async with self._pool.connection() as connection:
            facts = await find_linked(connection, hash_token(token[:TOKEN_CHARS_MAX]))
        if facts is None:
            raise unknown_link()
        if not shows_client(token):
            facts = replace(facts, client=replace(facts.client, first_name="", last_name="", email="", phone=""))
        logs.bind(guest_of_booking=facts.booking.id)
        req.context.principal = Principal(PrincipalKind.USER, user_id=facts.booking.user_id)
        return facts

    async def spend(self, req: falcon.asgi.Request) -> None:
        """Count a request by link. Raises Problem 429."""
        await self._throttle.spend(LINKS_FOLLOWED, caller(req))

    async def shown(self, facts: MailFacts) -> GuestBooking:
        async with self._pool.connection() as connection:
            now = await database_now_async(connection)
        shown = Shown(facts.zone, facts.practitioner_name, facts.where)
        return guest_booking(facts.booking, facts.client, shown, self._policy, now)


def unknown_link() -> Problem:
    return Problem(404, "not_found", "This link is unknown or has ended; a newer mail may have another")
