"""`GET /api/calendars/{token}.ics`: what a calendar that subscribed reads, again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import falcon.asgi

from api.calendars.answers import FILE, UNCHANGED, is_unchanged, respond_file, tag_of
from api.http.errors import Problem
from api.limits.throttle import Limit, Throttle, caller
from api.openapi import operation
from core.calendars.booked_time import BookedTime, named_entry, own_entry, unnamed_entry
from core.calendars.calendar_file import Subscription, calendar_parts
from core.calendars.event_component import CalendarEntry
from core.calendars.subscriptions import (
    ENTRIES_MAX,
    FUTURE_DAYS,
    PAST_DAYS,
    REFRESHED,
    HeldLink,
    LinkKind,
    window_around,
)
from core.identity.principals import hash_token
from core.store.calendars import links
from core.store.calendars.shown_bookings import booked_times
from core.store.connections.pool import Pool

READS = Limit("calendar-reads", 300, 300)
"""Of one link, by all who have it."""
UNKNOWN_TOKENS = Limit("calendar-tokens", 60, 300)
"""Tokens that read nothing, tried from one address."""
BOUNDS = f"From {PAST_DAYS} days ago to {FUTURE_DAYS} days ahead, {ENTRIES_MAX:,} entries at most"


class SubscribedFile:
    def __init__(self, pool: Pool, throttle: Throttle) -> None:
        self._pool = pool
        self._throttle = throttle

    @operation(
        "Read a calendar by its link",
        description=(
            "RFC 5545. Without names it says only which times are booked. A token that was never given out, was replaced or "
            f"revoked, or whose maker lost the role, is answered alike. {BOUNDS}."
        ),
        answers={200: FILE, 304: UNCHANGED},
        refuses=("not_found", "too_many_requests"),
        name="get_calendar",
        tag="calendars",
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, token: str) -> None:
        link = await self._link(req, token)
        await self._throttle.spend(READS, str(link.id))
        async with self._pool.connection() as connection:
            booked = await booked_times(connection, link, window_around(datetime.now(UTC)))
        if not is_unchanged(req, resp, tag_of(link.label, link.names, booked)):
            respond_file(resp, "calendar", await _file(link, booked))

    async def _link(self, req: falcon.asgi.Request, token: str) -> HeldLink:
        await self._throttle.check(UNKNOWN_TOKENS, caller(req))
        async with self._pool.connection() as connection:
            found = await links.by_hash(connection, hash_token(token))
        if found is None:
            await self._throttle.count(UNKNOWN_TOKENS, caller(req))
            raise Problem(404, "not_found", "There is no such calendar: its link was revoked, or never was")
        return found


async def _file(link: HeldLink, booked: Sequence[BookedTime]) -> bytes:
    """Written in parts: other requests are answered between them."""
    told = Subscription(link.label, REFRESHED, BOUNDS)
    parts = []
    for part in calendar_parts([entry_for(link, one) for one in booked], subscription=told):
        parts.append(part)
        await asyncio.sleep(0)
    return b"".join(parts)


def entry_for(link: HeldLink, booked: BookedTime) -> CalendarEntry:
    if not link.names:
        return unnamed_entry(booked)
    return own_entry(booked) if link.kind is LinkKind.USER else named_entry(booked)
