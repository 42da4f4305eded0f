"""`/guest/reminders/{token}/`: whether a person wants reminders. A GET changes nothing; a POST needs no page before it.

Mail programs send that POST by themselves when their reader clicks on "unsubscribe" (RFC 8058): without cookies, with
a form for its body, and without following where an answer would lead. So it is answered with the page itself.
"""

from __future__ import annotations

from typing import Literal

import falcon.asgi
from msgspec import Struct
from msgspec.structs import replace

from api.guests.links import TOKEN_CHARS_MAX, GuestLinks, unknown_link
from api.guests.page_writer import HTML, Pages
from api.http.bodies import read_bytes
from api.http.parameters import read_query
from api.openapi import Content, operation
from core.identity import own_settings
from core.identity.credentials.guest_tokens import read_reminders_token
from core.store.connections.pool import Pool

ONE_CLICK = "List-Unsubscribe=One-Click"
ONE_CLICK_MAX_BYTES = 1_024
FORM = "application/x-www-form-urlencoded"
NOBODY = (0, "client")


class RemindersWanted(Struct, frozen=True):
    reminders: Literal["on", "off"] = "off"


class Whose(Struct, frozen=True):
    """Whose reminders a link is about."""

    user_id: int
    role: str
    are_on: bool
    language: str
    """"" if the person chose none."""


class ReminderPage:
    reads_forms = True
    """See `api.http.bodies.ReadableBodies`."""

    def __init__(self, links: GuestLinks, pool: Pool, pages: Pages, secret_keys: tuple[str, ...]) -> None:
        self._links = links
        self._pool = pool
        self._pages = pages
        self._secret_keys = secret_keys

    @operation("The page that asks whether to send reminders", answers={200: HTML}, refuses=("too_many_requests",))
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        self._show(req, resp, token, await self._follow(req, token))

    @operation(
        "Switch reminders off, or on again",
        description="A mail program's one click (RFC 8058) switches them off.",
        query=RemindersWanted,
        body=Content(media_type=FORM, example=ONE_CLICK),
        body_required=False,
        answers={200: HTML},
        refuses=("too_many_requests",),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        wanted = read_query(req, RemindersWanted).reminders
        whose = await self._follow(req, token)
        await read_bytes(req, ONE_CLICK_MAX_BYTES)  # whatever it says: the address says it all
        are_on = wanted == "on"
        async with self._pool.connection() as connection:
            await own_settings.set_reminders(connection, whose.user_id, whose.role, on=are_on)
        self._show(req, resp, token, replace(whose, are_on=are_on))

    async def _follow(self, req: falcon.asgi.Request, token: str) -> Whose:
        """Raises Problem 404, 429. The database is asked for any token, so an outage is one for all of them."""
        await self._links.spend(req)
        known = read_reminders_token(token[:TOKEN_CHARS_MAX], self._secret_keys)
        user_id, role = known or NOBODY
        async with self._pool.connection() as connection:
            found = await own_settings.reminders_of(connection, user_id, role)
        if known is None or found is None:
            raise unknown_link()
        return Whose(user_id, role, *found)

    def _show(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str, whose: Whose) -> None:
        spoken = self._pages.language_for(req, whose.language)
        path = f"/guest/reminders/{token}/"
        self._pages.write(resp, "reminders.html", spoken, path=path, are_on=whose.are_on)
