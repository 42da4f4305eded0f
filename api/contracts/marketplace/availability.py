"""When sessions can be booked: `check-availability`, and the same for many practitioners and days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

import falcon.asgi
from msgspec import Meta, Struct

from api.contracts.marketplace import examples
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import DAY, EARLIEST, LATEST, ZONE, DayText, Id, ZoneText, iso_date
from api.http.forms import Form
from api.http.responses import respond, respond_encoded
from api.openapi import Content, operation
from api.reads.public_reads import PublicReads
from core.domain.marketplace.availability import days_as_seen, slots
from core.domain.marketplace.details import Kind
from core.domain.marketplace.values import MarketService
from core.domain.resources.local_time import Span
from core.settings import Settings
from core.store.connections.pool import Pool
from core.store.marketplace.availability import (
    PractitionerAvailability,
    one_practitioner,
    one_practitioner_queries,
    read_practitioner_availability,
)
from core.store.reads.shared_reads import Found, Query
from core.wire.outcomes import encode
from core.wire.vocabulary import Day, Instant

DAYS_MAX = 31
PRACTITIONERS_MAX = 50


FIRST, LAST = EARLIEST + timedelta(days=1), LATEST - timedelta(days=DAYS_MAX)


def _day_in_range(sent: str) -> date | None:
    """A day that exists in every time zone, as do the `DAYS_MAX` days after it."""
    day = iso_date(sent)
    return day if day and FIRST <= day <= LAST else None


FirstDay = Annotated[DayText, Form(_day_in_range, f"{{field}} must be a day from {FIRST} to {LAST}")]


class AvailabilityAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A day of the viewer's calendar. Without a `timezone` it is a day in UTC."""

    practitioner_id: Id
    service_id: Id
    date: FirstDay
    timezone: ZoneText = "UTC"


class OpenSlot(Struct, frozen=True):
    start_time: Instant
    end_time: Instant
    duration_minutes: int
    is_available: bool = True


class Availability(Struct, frozen=True, kw_only=True):
    practitioner_id: int
    service_id: int
    date: Day
    timezone: str
    duration_minutes: int
    available_slots: list[OpenSlot]
    """Only what can be booked."""


class OpeningsAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Days of the viewer's calendar, of some practitioners or of all who give the service."""

    service_id: Id
    start_date: FirstDay
    days: Annotated[int, Meta(ge=1, le=DAYS_MAX)] = 1
    practitioner_ids: Annotated[list[Id], Meta(min_length=1, max_length=PRACTITIONERS_MAX)] | None = None
    timezone: ZoneText = "UTC"


class PractitionerOpenings(Struct, frozen=True):
    practitioner_id: int
    starts: list[Instant]
    """When a session can begin; each lasts `duration_minutes`."""


class OpeningsFound(Struct, frozen=True, kw_only=True):
    service_id: int
    start_date: Day
    days: int
    timezone: str
    duration_minutes: int
    practitioners: list[PractitionerOpenings]


class AvailabilityRead(Struct, frozen=True):
    asked: AvailabilityAsked
    allow_past: bool

    @property
    def within(self) -> Span:
        return days_as_seen(DAY(self.asked.date), 1, ZONE(self.asked.timezone))

    def queries(self) -> Sequence[Query]:
        return one_practitioner_queries(self.asked.service_id, self.asked.practitioner_id, self.within)

    def make(self, found: Found) -> bytes:
        availability = one_practitioner(found)
        service = _bookable(availability)
        if not availability.practitioners:
            raise Problem(404, "practitioner_not_found", "This practitioner does not give this service")
        available = [
            OpenSlot(starts_at, ends_at, service.minutes)
            for starts_at, ends_at in _slots(availability, service, self.within, 0, allow_past=self.allow_past)
        ]
        body = Availability(
            practitioner_id=self.asked.practitioner_id,
            service_id=service.id,
            date=self.asked.date,
            timezone=self.asked.timezone,
            duration_minutes=service.minutes,
            available_slots=available,
        )
        return encode(body)


class CheckAvailability:
    """A read, although it is a POST."""

    def __init__(self, reads: PublicReads, settings: Settings) -> None:
        self._reads = reads
        self._allow_past = settings.allow_past

    @operation(
        "Show when a practitioner can be booked for a service",
        body=Content(AvailabilityAsked, example=examples.CHECK_AVAILABILITY),
        answers={200: Availability},
        refuses=("practitioner_not_found", "service_not_found"),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = await read_json(req, AvailabilityAsked)
        answer = await self._reads.ask(AvailabilityRead(asked, self._allow_past))
        respond_encoded(resp, answer.body)


class ManyOpenings:
    """The same for many practitioners and days; a read too."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._allow_past = settings.allow_past

    @operation(
        "Show when any of several practitioners can be booked for a service",
        body=Content(OpeningsAsked, example=examples.OPENINGS),
        answers={200: OpeningsFound},
        refuses=("service_not_found",),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = await read_json(req, OpeningsAsked)
        within = days_as_seen(DAY(asked.start_date), asked.days, ZONE(asked.timezone))
        async with self._pool.connection() as connection:
            found = await read_practitioner_availability(
                connection, asked.service_id, asked.practitioner_ids, within, most=PRACTITIONERS_MAX
            )
        service = _bookable(found)
        openings = [
            PractitionerOpenings(
                practitioner.id,
                [starts_at for starts_at, _ in _slots(found, service, within, n, allow_past=self._allow_past)],
            )
            for n, practitioner in enumerate(found.practitioners)
        ]
        body = OpeningsFound(
            service_id=service.id,
            start_date=asked.start_date,
            days=asked.days,
            timezone=asked.timezone,
            duration_minutes=service.minutes,
            practitioners=openings,
        )
        respond(resp, body)


def _slots(
    found: PractitionerAvailability, service: MarketService, within: Span, n: int, *, allow_past: bool
) -> list[Span]:
    practitioner = found.practitioners[n]
    taken = found.taken[practitioner.resource_id]
    return list(slots(practitioner, service, within, taken, found.now, allow_past=allow_past))


def _bookable(found: PractitionerAvailability) -> MarketService:
    """Only individual sessions have slots; workshops and courses have sessions."""
    service = found.service
    if service is None or not service.is_active or service.kind is not Kind.INDIVIDUAL:
        raise Problem(404, "service_not_found", "There is no such service with individual sessions")
    return service
