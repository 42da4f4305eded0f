"""`/api/v1/drf/bookings/`: list and create."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import falcon.asgi
from msgspec import Struct

from api.contracts.marketplace import examples
from api.contracts.marketplace.pagination import PageBody, Paged, page_fields
from api.contracts.marketplace.purchase_bodies import NewMarketBooking
from api.contracts.marketplace.purchase_requests import CreateMarketBooking
from api.contracts.marketplace.refusal_groups import BUYING, PLACING, SEATING
from api.contracts.marketplace.services import KindWord
from api.http.errors import forbidden
from api.http.fields import ZONE, DayOrInstant, Id, ZoneText, day_or_instant, text
from api.http.parameters import read_query
from api.http.responses import respond
from api.openapi import Content, operation
from api.runtime import Runtime
from core import text_forms
from core.identity.principals import Principal
from core.store.lists.marketplace import MarketBookingFilter, find
from core.store.marketplace.views import read_bookings
from core.wire.contracts.marketplace import KIND_ASKED, MarketBookingBrief, MarketBookingDetail, brief
from core.wire.vocabulary import MARKET_PAYMENT, MARKET_STATUS, MarketPayment, MarketStatus

Ordering = Literal[
    "start_time", "-start_time", "created_at", "-created_at", "price_charged_cents", "-price_charged_cents"
]
SEARCH_LEAST = 3
"""Letters that an index of trigrams can look for."""


class MarketFilters(Paged, frozen=True, kw_only=True):
    status: tuple[MarketStatus, ...] = ()
    """Any of these: the parameter may be repeated."""
    payment_status: tuple[MarketPayment, ...] = ()
    user_id: Id | None = None
    """What this person booked. Staff may ask for anybody's, others for their own alone."""
    practitioner_id: Id | None = None
    service_id: Id | None = None
    start_date: DayOrInstant | None = None
    """A day, or an instant with its offset: bookings that begin on it or later."""
    end_date: DayOrInstant | None = None
    """Bookings that begin before it; a day itself is not included."""
    timezone: ZoneText = "UTC"
    """The zone in which days begin."""
    booking_type: tuple[KindWord, ...] = ()
    is_upcoming: bool | None = None
    search: Annotated[str, text(text_forms.SEARCH_TEXT, least=SEARCH_LEAST, most=200)] | None = None
    """In title, description, service and practitioner."""
    ordering: Ordering = "-start_time"


class MarketPage(PageBody, frozen=True, kw_only=True):
    results: list[MarketBookingBrief]


class MarketBookings:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._creating = CreateMarketBooking(runtime)

    @operation(
        "List bookings: a client's own, a practitioner's appointments too, all for staff",
        query=MarketFilters,
        answers={200: MarketPage},
        refuses=("forbidden",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, MarketFilters)
        wanted = _wanted(asked, req.context.principal)
        settings = self._runtime.settings
        async with self._runtime.pool.connection() as connection:
            found = await find(connection, wanted, asked.page_size, asked.offset)
            state = await read_bookings(connection, found.ids, settings.policy, in_full=False)
        now = state.market.now or datetime.now(UTC)
        shown = [brief(state.bookings[id_], state.market, now) for id_ in found.ids if id_ in state.bookings]
        respond(resp, MarketPage(**page_fields(req, settings.public_url, asked, found.count, shown)))

    @operation(
        "Book a session: with a practitioner, with any, or a seat",
        body=Content(NewMarketBooking, example=examples.NEW_BOOKING),
        answers={201: MarketBookingDetail},
        refuses=(*BUYING, *PLACING, *SEATING),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        await self._creating.create(req, resp)


class _Bounds(Struct, frozen=True):
    first: datetime | None
    before: datetime | None


def _wanted(asked: MarketFilters, principal: Principal) -> MarketBookingFilter:
    bounds = _bounds(asked)
    return MarketBookingFilter(
        user_id=_whose(asked, principal),
        as_client=asked.user_id is not None,
        statuses=[status for status, word in MARKET_STATUS.items() if word in asked.status],
        payment_statuses=[status.value for status, word in MARKET_PAYMENT.items() if word in asked.payment_status],
        practitioner_id=asked.practitioner_id,
        service_id=asked.service_id,
        kinds=[KIND_ASKED[word].value for word in asked.booking_type],
        first=bounds.first,
        before=bounds.before,
        is_upcoming=asked.is_upcoming,
        search=asked.search,
        order=asked.ordering,
    )


def _whose(asked: MarketFilters, principal: Principal) -> int | None:
    """Raises Problem 403 for somebody else's."""
    if principal.is_staff:
        return asked.user_id
    if asked.user_id not in {None, principal.user_id}:
        raise forbidden()
    return principal.user_id


def _bounds(asked: MarketFilters) -> _Bounds:
    zone = ZONE(asked.timezone)
    return _Bounds(
        day_or_instant(asked.start_date, zone) if asked.start_date else None,
        day_or_instant(asked.end_date, zone) if asked.end_date else None,
    )
