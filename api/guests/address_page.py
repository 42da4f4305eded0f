"""`/guest/addresses/{token}/`: whether an address that somebody else gave wants mails. A GET changes nothing."""

from __future__ import annotations

from typing import Literal

import falcon.asgi
from msgspec import Struct

from api.guests.links import GuestLinks, unknown_link
from api.guests.page_writer import HTML, NEXT_PAGE, Pages, see
from api.http.parameters import read_query
from api.openapi import operation
from core.identity.principals import hash_token
from core.mails.planned_mails import confirm_bookings
from core.store.connections.pool import Pool
from core.store.mails import addresses


class AddressAnswer(Struct, frozen=True):
    answer: Literal["yes", "no"] | None = None


class AddressPage:
    """`/guest/addresses/{token}/`: whether an address that somebody else gave wants mails."""

    def __init__(self, links: GuestLinks, pool: Pool, pages: Pages) -> None:
        self._links = links
        self._pool = pool
        self._pages = pages

    @operation(
        "The page that asks whether an address wants mails",
        query=AddressAnswer,
        answers={200: HTML},
        refuses=("too_many_requests",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        asked = read_query(req, AddressAnswer).answer
        await self._links.spend(req)
        async with self._pool.connection() as connection:
            found = await addresses.find_asked(connection, hash_token(token))
        if found is None:
            raise unknown_link()
        answer, spoken = asked or ("yes" if found.is_confirmed else ""), self._pages.language_for(req, found.language)
        self._pages.write(resp, "address.html", spoken, path=f"/guest/addresses/{token}/", answer=answer)

    @operation(
        "Say whether an address wants mails",
        query=AddressAnswer,
        answers=NEXT_PAGE,
        refuses=("too_many_requests",),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        wants = read_query(req, AddressAnswer).answer == "yes"
        await self._links.spend(req)
        async with self._pool.connection() as connection, connection.transaction():
            user_id = await addresses.answer(connection, hash_token(token), yes=wants)
            if user_id is not None and wants:
                await confirm_bookings(connection, user_id)
        if user_id is None:
            raise unknown_link()
        see(resp, f"/guest/addresses/{token}/?answer={'yes' if wants else 'no'}")
