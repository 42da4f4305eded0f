"""`GET /api/booking/smart-available-slots/` (docs/contracts/appointments.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Literal

import falcon.asgi
from msgspec import Meta, Struct

from api.contracts.appointments.examples import AVAILABLE_SLOTS
from api.http.errors import Problem, unavailable
from api.http.parameters import Word
from api.openapi import Content, operation
from api.openapi.operation import UNBOOKABLE
from api.reads.known_queries import read_known_query
from api.reads.public_reads import TAGGED, UNCHANGED, PublicReads
from core.domain.refusals import Refused
from core.domain.resources.free_slots import Slot, free_slots
from core.domain.resources.local_time import local
from core.domain.resources.service_names import is_bookable
from core.domain.values import Policy, Rules, Service
from core.store.catalogue import services
from core.store.connections.pool import Pool
from core.store.free_slots import DayAvailability, day_availability, day_queries
from core.store.reads.shared_reads import Found, Query
from core.wire.answers import Done
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode
from core.wire.refusals import sentence
from core.wire.vocabulary import Day, HourMinute


class SlotsQuery(Struct, frozen=True):
    date: date
    service: Word | None = None


class WorkingHours(Struct, frozen=True):
    start: HourMinute
    end: HourMinute


class FreeSlot(Struct, frozen=True):
    time: HourMinute
    display_time: Annotated[str, Meta(examples=["09:00 AM"])]
    end_time: HourMinute
    duration_minutes: int
    available: Literal[True] = True
    is_reserved: Literal[False] = False


class FreeSlots(Done, frozen=True, kw_only=True):
    message: str = "Available time slots retrieved successfully"
    date: Day
    service: str
    working_hours: WorkingHours
    duration_minutes: int
    is_off_day: bool
    available_slots: list[FreeSlot]
    total_available_slots: int


class DaySlotsRead(Struct, frozen=True):
    date: date
    service: str | None
    policy: Policy

    def queries(self) -> Sequence[Query]:
        return day_queries(self.service, self.date)

    def make(self, found: Found) -> bytes:
        availability = day_availability(found, allow_past=self.policy.allow_past)
        check_service(availability.service, self.service, self.policy)
        rules = active_rules(availability.rules)
        return encode(slots_body(availability, rules, self.date, self.service or ""))


class AvailableSlots:
    def __init__(self, pool: Pool, reads: PublicReads, policy: Policy) -> None:
        self._pool = pool
        self._reads = reads
        self._policy = policy

    @operation(
        "List the free slots of a day",
        description="Of the desk, or of the resource and duration of a `service`.",
        query=SlotsQuery,
        answers={200: Content(FreeSlots, example=AVAILABLE_SLOTS, headers=TAGGED), 304: UNCHANGED},
        refuses=("no_settings", *UNBOOKABLE),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_known_query(req, SlotsQuery)
        try:
            await self._reads.answer(req, resp, DaySlotsRead(query.date, query.service, self._policy))
        except NameRefusedError:
            raise await name_refusal(self._pool, self._policy, query.service) from None


def active_rules(rules: Rules | None) -> Rules:
    """Raises Problem 404 while the shop is closed."""
    if rules is None or not rules.is_active:
        raise Problem(404, "no_settings", "No booking settings found")
    return rules


def slots_body(availability: DayAvailability, rules: Rules, day: date, service: str) -> FreeSlots:
    minutes = availability.minutes
    slots = free_slots(rules, availability.resource, minutes, day, availability.claims, availability.now)
    return FreeSlots(
        date=day.isoformat(),
        service=service,
        working_hours=working_hours(rules),
        duration_minutes=minutes,
        is_off_day=rules.hours.is_off(day),
        available_slots=[_slot(slot, minutes, availability.resource.zone) for slot in slots],
        total_available_slots=len(slots),
    )


def working_hours(rules: Rules) -> WorkingHours:
    opens, closes = rules.hours.opens_minute, rules.hours.closes_minute
    return WorkingHours(f"{opens // 60:02}:{opens % 60:02}", f"{closes // 60:02}:{closes % 60:02}")


def _slot(slot: Slot, minutes: int, zone_name: str) -> FreeSlot:
    return FreeSlot(
        time=slot.at.isoformat("minutes"),
        display_time=slot.at.strftime("%I:%M %p"),
        end_time=local(slot.ends_at, zone_name).strftime("%H:%M"),
        duration_minutes=minutes,
    )


@contextmanager
def refused_as_problem(field: str) -> Iterator[None]:
    """Answer a refused service name in this field as the lanes do."""
    try:
        yield
    except Refused as refused:
        status, words = sentence(refused.event)
        raise Problem(status, refused.event.refusal, words, [FieldProblem(field, words)]) from None


class NameRefusedError(Exception):
    """The service of a read cannot be booked."""


def check_service(service: Service | None, name: str | None, policy: Policy) -> None:
    """Raises NameRefusedError."""
    if name and not is_bookable(service, policy):
        raise NameRefusedError


async def name_refusal(pool: Pool, policy: Policy, name: str | None) -> Problem:
    """What the lanes would answer: with names that it may have meant, which only such an answer has to read."""
    try:
        with refused_as_problem("service"):
            async with pool.connection() as connection:
                await services.resource_named(connection, name or "", policy)
    except Problem as problem:
        return problem
    return unavailable("This service was changed just now; try again in a moment")
